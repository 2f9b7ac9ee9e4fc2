"""Notebook 04: one row of pixels in, one row of colours out; trees, forests and boosting."""
