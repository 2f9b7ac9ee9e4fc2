"""Where pictures lie on the explorer's page: places of fixed size, and the row of photos to choose from."""

from __future__ import annotations

import base64
import html

import ipywidgets

from nbhelpers.explorer.upload import Upload


def picture(width: int, height: int):
    """The place of a picture on a page, of fixed size so that nothing jumps; `put` shows one there.

    Parameters
    ----------
    width, height : int
        Its size in pixels; on a narrow page it is less wide.

    Returns
    -------
    ipywidgets.HTML
        The place.
    """
    return ipywidgets.HTML(layout={"width": f"{width}px", "height": f"{height}px", "max_width": "100%"})


def put(place, png: bytes, alt: str, fit: str = "fill") -> None:
    """Show a PNG file in a `picture`.

    Parameters
    ----------
    place : ipywidgets.HTML
        The place.
    png : bytes
        The file's content.
    alt : str
        Describes it to those who do not see it.
    fit : str
        How it fills the place, as CSS's object-fit has it: "fill", "contain" or "cover".
    """
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    size = f"width: {place.layout.width}; height: {place.layout.height}; max-width: 100%"
    look = f"display: block; {size}; object-fit: {fit}"
    place.value = f'<img alt="{html.escape(alt)}" decoding="sync" style="{look}" src="{source}">'


def photo_picker(thumbnails: dict, choose, upload, wrong):
    """Thumbnails with a button each, and a button to upload a photo.

    Parameters
    ----------
    thumbnails : dict of str to bytes
        Name -> PNG file.
    choose : callable
        Called with the name of a photo when a person chooses it.
    upload : callable
        Called with the name and the bytes of a file when a person uploads it.
    wrong : callable
        Called with the error when it is too large or does not come whole.

    Returns
    -------
    row : ipywidgets.HBox
        All of them.
    own : Upload
        The button to upload a photo.
    """
    boxes = []
    for name, small in thumbnails.items():
        button = ipywidgets.Button(description=name, tooltip=f"choose the photo {name}", layout={"width": "86px"})
        button.on_click(lambda _button, name=name: choose(name))
        image = picture(80, 60)
        put(image, small, name, "cover")
        boxes.append(ipywidgets.VBox([image, button], layout={"align_items": "center"}))
    own = Upload(upload, wrong)
    where = ipywidgets.VBox([own], layout={"justify_content": "flex-end"})
    return ipywidgets.HBox([*boxes, where], layout={"flex_flow": "row wrap"}), own
