"""`nbhelpers colorize`: photo files and folders of them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from nbhelpers.cli.options import out_folder, tell
from nbhelpers.errors import instead_of
from nbhelpers.methods import METHODS


def colorize(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTO", help="Files and folders; folders with all below.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="DIR", help="Folder that the PNG files go to.")],
    method: Annotated[
        str, typer.Option(metavar="NAME", help=f"The colorizer: {', '.join(sorted(METHODS))}.")
    ] = "hinted",
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Models of a run of yours, as demo-sample, before those of the course."),
    ] = None,
    hints: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Hints for one photo: opaque pixels; coloured ones where there is no alpha."),
    ] = None,
    unknown: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Keep a photo's own colours as hints, but hide this share at random."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which pixels --unknown hides.")] = 0,
    size: Annotated[int, typer.Option(min=8, help="Longest shorter side that is colorized, in pixels.")] = 512,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of an earlier run.")] = False,
) -> None:
    """Colorize photo files of any size; the lightness, EXIF data and colour profile are kept."""
    from nbhelpers import registry
    from nbhelpers.files import colorize_files, find_photos
    from nbhelpers.paths import find_run

    if unknown is not None and not 0 <= unknown <= 100:
        raise typer.BadParameter(f"--unknown is a percentage from 0 to 100, not {unknown:g}")
    if unknown is not None and hints is not None:
        raise typer.BadParameter("--hints and --unknown exclude each other: give one of them")
    if "" in photos:
        raise typer.BadParameter("PHOTO is empty: name a file or a folder")
    out, photos = out_folder(out), [os.path.expanduser(photo) for photo in photos]
    if hints:
        hints = os.path.expanduser(hints)
    if method not in METHODS:
        raise typer.BadParameter(f"there is no colorizer {method!r}: {instead_of(method, METHODS)}")
    pairs, failures = find_photos(photos, out)
    if hints is not None and len(pairs) > 1:
        raise typer.BadParameter(f"--hints belongs to one photo, and {len(pairs)} were found: name that one")
    if pairs:
        colorizer = registry.load(method, None if run is None else find_run(run))
        if run is not None and colorizer.origin not in ("", run):
            tell(f"the run {run} lacks what {method} needs: that of {colorizer.origin} is used, and the files say so")
        try:
            failed = colorize_files(pairs, colorizer, size, unknown, seed, hints, overwrite, tell)
        except KeyboardInterrupt:
            goes_on = "the same command goes on with those missing (those that exist are kept, and reported)"
            typer.echo(f"nbhelpers: interrupted; what is done stays in {out}, and {goes_on}", err=True)
            raise typer.Exit(130) from None
        done, failures = len(pairs) - len(failed), failures + failed
        typer.echo(f"{done} photo{'' if done == 1 else 's'} colorized by {method} -> {out}")
    for failure in failures:
        typer.echo(f"nbhelpers: {failure}", err=True)
    if failures:
        raise typer.Exit(1)
