"""The subcommands of `nbhelpers photos`: where photos come from, and all of them in one file."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from nbhelpers.cli.options import photo_source, plain
from nbhelpers.errors import UserError

photos_app = typer.Typer(**plain, help="Where photos come from.")


@photos_app.command("list")
def list_photos() -> None:
    """List the photo sources, and which of them are present."""
    from nbhelpers.photos.catalogue import list_sources

    for name, present, count, way in list_sources():
        number = f"{count} photos" if count is not None else ""
        typer.echo(f"{name:12} {'present' if present else 'absent':8} {number:14} {way}")


@photos_app.command("fetch")
def fetch_photos(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A source of `nbhelpers photos list`.")],
) -> None:
    """Download a photo source."""
    from nbhelpers.photos.catalogue import fetch_source

    with photo_source(name):
        typer.echo(fetch_source(name))


@photos_app.command("check")
def check_photos(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source's name, or a folder.")],
) -> None:
    """Decode every photo of a source and report those that cannot be used."""
    from nbhelpers.photos.catalogue import check_source

    with photo_source(source):
        report = check_source(source)
    typer.echo(report)
    if not report.train + report.test:
        raise UserError(f"{source} has no usable photo")


@photos_app.command("pack")
def pack_photos(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source's name, or a folder.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="The file to write, FILE.zip.")],
    size: Annotated[int, typer.Option(min=16, max=1024, help="Side of the centre squares, in pixels.")] = 144,
    quality: Annotated[int, typer.Option(min=1, max=100, help="WebP's.")] = 80,
) -> None:
    """Put the photos of a source in one small file, to take them to another machine."""
    from nbhelpers.photos.pack import write

    out = os.path.expanduser(out)
    if not out.endswith(".zip") or os.path.isdir(out):
        raise typer.BadParameter(f"-o/--out names a file that ends in .zip, and {out or 'an empty name'} is none")
    with photo_source(source):
        about = write(source, out, size, quality)
    counts = f"{len(about['train'])} training and {len(about['test'])} test photos"
    typer.echo(f"{out}: {counts}, {os.path.getsize(out) / 2**20:.3g} MiB")
