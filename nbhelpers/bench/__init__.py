"""Speed and memory, measured: `nbhelpers bench`, and the campaign on a GPU, `nbhelpers bench cuda`."""
