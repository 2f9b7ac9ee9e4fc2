"""`nbhelpers colorize`: photo files and folders of them."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from nbhelpers.cli.options import out_folder, tell
from nbhelpers.errors import instead_of
from nbhelpers.methods import METHODS

_WAYS = ("difference", "chroma", "alpha")  # as photos.painted has them, which takes long to load


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
        typer.Option(metavar="FILE", help="Hints for one photo: a copy that was painted on, or a layer of strokes."),
    ] = None,
    hints_from: Annotated[
        str | None,
        typer.Option(
            metavar="WAY",
            help="Which pixels of --hints count: difference (from the photo), chroma (all that are not grey), alpha "
            "(opaque ones). By default alpha for a layer of strokes, difference for a copy; doubts are asked about.",
        ),
    ] = None,
    unknown: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", help="Keep a photo's own colours as hints, but hide this share at random."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which pixels --unknown hides.")] = 0,
    size: Annotated[int, typer.Option(min=8, help="Longest shorter side that is colorized, in pixels.")] = 512,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of an earlier run.")] = False,
    recolour: Annotated[
        bool, typer.Option("--recolour", help="In folders, colorize photos that have colours, too.")
    ] = False,
) -> None:
    """Colorize photo files of any size, told by content; the lightness and what a file says of its photo are kept."""
    from nbhelpers import registry
    from nbhelpers.files import Options, colorize_files
    from nbhelpers.paths import find_run
    from nbhelpers.photos.albums import find_photos
    from nbhelpers.photos.folders import named

    if unknown is not None and not 0 <= unknown <= 100:
        raise typer.BadParameter(f"--unknown is a percentage from 0 to 100, not {unknown:g}")
    if unknown is not None and hints is not None:
        raise typer.BadParameter("--hints and --unknown exclude each other: give one of them")
    if hints_from is not None and hints is None:
        raise typer.BadParameter("--hints-from belongs to --hints: name the picture with the hints")
    hints_from = hints_from and hints_from.lower()
    if hints_from is not None and hints_from not in _WAYS:
        raise typer.BadParameter(f"--hints-from {hints_from} is unknown: {instead_of(hints_from, _WAYS)}")
    if "" in photos or hints == "":
        raise typer.BadParameter(f"{'PHOTO' if '' in photos else '--hints'} is empty: name a file or a folder")
    out, photos = out_folder(out), [os.path.expanduser(photo) for photo in photos]
    if hints:
        hints = os.path.expanduser(hints)
    if method not in METHODS:
        raise typer.BadParameter(f"there is no colorizer {method!r}: {instead_of(method, METHODS)}")
    jobs, failures, passed_over = find_photos(photos, out)
    if hints is not None and len(jobs) > 1:
        raise typer.BadParameter(f"--hints belongs to one photo, and {len(jobs)} were found: name that one")
    for why, names in passed_over.items():
        tell(f"passed over, {why}: {len(names)} ({named(names)})")
    written = 0
    if jobs:
        colorizer = registry.load(method, None if run is None else find_run(run))
        if run is not None and colorizer.origin not in ("", run):
            tell(f"the run {run} lacks what {method} needs: that of {colorizer.origin} is used, and the files say so")
        try:
            options = Options(size, unknown, seed, hints, hints_from, overwrite, recolour)
            done = colorize_files(jobs, colorizer, options, tell)
        except KeyboardInterrupt:
            goes_on = "the same command goes on with those missing (those that exist are kept, and reported)"
            typer.echo(f"nbhelpers: interrupted; what is done stays in {out}, and {goes_on}", err=True)
            raise typer.Exit(130) from None
        written, failures = done.written, failures + done.failures
        for line in done.told:
            typer.echo(line)
        if coloured := [str(photo) for photo in done.coloured]:
            count = f"{len(coloured)} photo{' has' if len(coloured) == 1 else 's have'} colours"
            tell(f"{count} and stayed out: {named(coloured)}; --recolour colorizes those, too")
        typer.echo(f"{written} photo{'' if written == 1 else 's'} colorized by {method} -> {out}")
    for failure in failures:
        typer.echo(f"nbhelpers: {failure}", err=True)
    if failures or not written:
        raise typer.Exit(1)
