"""The subcommands of `nbhelpers`. Each imports what it needs, so that help and errors come at once."""

from __future__ import annotations

import os
import signal
from typing import Annotated

import typer

from nbhelpers import __version__
from nbhelpers.cli.colorize import colorize
from nbhelpers.cli.options import out_folder, photo_source, plain, tell
from nbhelpers.cli.photos import photos_app
from nbhelpers.errors import UserError
from nbhelpers.methods import HINTED, NETWORKS
from nbhelpers.paths import ROOT

app = typer.Typer(**plain, help="Colorization of grey photographs: run the notebooks, fetch and check photos, measure.")
app.add_typer(photos_app, name="photos")
app.command()(colorize)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nbhelpers {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; allowed anywhere.")] = False,
) -> None:
    pass  # `main` looks for --debug itself: an error while the options are read should heed it too


def _tell_without_gpu(profile: str | None) -> None:
    """Say what the paper's own sizes mean on a machine without CUDA."""
    if profile == "paper":
        import torch

        if not torch.cuda.is_available():
            what = "networks of the paper's own sizes are meant for a CUDA device, and there is none"
            tell(f"{what}; --profile reference is for machines without")


@app.command()
def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NOTEBOOK", help="Numbers, stems or paths; all when none is given."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Parameters from notebooks/profiles.toml: smoke, demo (the default), reference or paper."),
    ] = None,
    photos: Annotated[str, typer.Option(help="A photo source: see `nbhelpers photos list`, or a folder.")] = "sample",
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip notebooks that finished and have not changed.")
    ] = False,
    cluster: Annotated[str, typer.Option(metavar="ADDRESS", help="A running Dask scheduler, tcp://host:8786.")] = "",
    cell_timeout: Annotated[
        int | None,
        typer.Option(min=1, metavar="SECONDS", help="Longest a cell may take (smoke 300, demo 600, else 14400)."),
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Write the outputs back into the notebooks.")] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Make the committed tables and figures anew, figures/reference/.")
    ] = False,
) -> None:
    """Execute notebooks in order; figures and tables go to figures/, executed copies to data/runs/."""
    from nbhelpers.course.runner import run_notebooks

    if reference and (update or profile not in (None, "reference")):
        raise typer.BadParameter("--reference has a profile of its own, and goes with neither --update nor --profile")
    if reference and photos == "sample":
        raise typer.BadParameter("--reference needs --photos: a folder with thousands of photos, or kaggle")
    _tell_without_gpu(profile)
    try:
        with photo_source(photos):
            done = run_notebooks(
                names or (), profile or "demo", photos, cluster, resume, cell_timeout, update, reference
            )
    except KeyboardInterrupt:
        typer.echo("nbhelpers: interrupted; the same command with --resume goes on from here", err=True)
        raise typer.Exit(130) from None
    for item in done:
        state = "unchanged, skipped" if item.skipped else f"{item.seconds:.1f} s"
        typer.echo(f"{item.notebook.stem:32} {state}")
    name = done[0].copy.parent.name
    typer.echo(f"Figures and tables: figures/{name}/; executed notebooks: data/runs/{name}/ (in {ROOT})")


@app.command()
def train(
    name: Annotated[str, typer.Argument(metavar="CONFIG", help=f"{', '.join((*NETWORKS, *HINTED))}.")],
    photos: Annotated[
        str, typer.Option(metavar="SOURCE", help="Where photos come from: a name or a folder.")
    ] = "sample",
    profile: Annotated[
        str,
        typer.Option(
            help="Size of the work: smoke, demo, reference (as committed) or paper (400 px, 100 epochs: CUDA)."
        ),
    ] = "demo",
    size: Annotated[int | None, typer.Option(help="Side of the squares learned from, in pixels.")] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the U-Net's first level.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the photos.")] = None,
    batch: Annotated[int | None, typer.Option(help="Photos in a step, on all devices together.")] = None,
    loss: Annotated[str | None, typer.Option(help="Pixel loss: mse, l1 or bins.")] = None,
    weight: Annotated[float | None, typer.Option(help="Factor of the pixel loss beside the adversarial one.")] = None,
    pretrain: Annotated[
        int | None,
        typer.Option(help="Epochs before: gan-l1 with L1 alone, unet-pretrained with its encoder frozen."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Of all but unet and the GANs: a network of timm; by default the installed one."),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="The generator's learning rate.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of first weights, order, crops and dropout.")] = None,
    start: Annotated[str | None, typer.Option(metavar="FILE", help="A trained network to begin with.")] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Folder; default data/runs/<run>/models.")] = None,
    accelerator: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many, with DDP above 1.")] = 1,
    compile_: Annotated[bool, typer.Option("--compile", help="Use torch.compile; slow to begin.")] = False,
    bf16: Annotated[
        bool | None, typer.Option("--bf16/--float32", help="Arithmetic; default: bf16 where the processor has it.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
) -> None:
    """Train a network; checkpoints are written after each epoch and on Ctrl-C."""
    from nbhelpers.networks.config import train_config
    from nbhelpers.networks.speed import Speed
    from nbhelpers.networks.training import train
    from nbhelpers.paths import Run
    from nbhelpers.photos import open_photos
    from nbhelpers.photos.folders import named
    from nbhelpers.photos.sets import tinted

    changes = {"size": size, "width": width, "epochs": epochs, "batch": batch, "loss": loss, "weight": weight}
    changes |= {"encoder": encoder}
    try:
        asked = train_config(name, profile, **changes, pretrain=pretrain, rate=rate, seed=seed)
    except UserError as error:
        raise typer.BadParameter(str(error)) from None
    _tell_without_gpu(profile)
    first = os.environ.get("LOCAL_RANK", "0") == "0"  # one voice for all devices
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # to be stopped is like Ctrl-C
    with photo_source(photos):
        train_photos = open_photos(photos, size=asked.stored).train
    if first and (names := tinted(train_photos)):
        count = f"{len(names)} of {len(train_photos)} training photos"
        what = f"one tint, as sepia, or next to no colour, which is what they teach ({named(names)})"
        tell(f"{count} have {what}: take them out, unless it is meant; `nbhelpers photos check` names all")
    folder = Run(profile, photos).models if out is None else out_folder(out)
    if start:
        start = os.path.expanduser(start)
    speed = Speed(accelerator, devices, bf16, compile=compile_)
    try:
        trained = train(asked, train_photos, folder, speed=speed, resume=resume, start=start)
    except KeyboardInterrupt:
        typer.echo("nbhelpers: interrupted; the same command with --resume goes on from here", err=True)
        raise typer.Exit(130) from None
    if trained.collapsed:
        where = f"the last healthy network is {trained.file}"
        raise UserError(f"{name} collapsed {len(trained.restarts) + 1} times ({trained.collapsed}); {where}")
    if first:
        typer.echo(f"{trained.file}: {len(trained.restarts)} restarts; log and checkpoints are beside it")


@app.command()
def bench(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which one; all but `cuda` when left out.")] = None,
    photos: Annotated[
        str | None, typer.Option(metavar="PACK", help="For cuda: photos, packed by `nbhelpers photos pack`.")
    ] = None,
    out: Annotated[str | None, typer.Option("-o", "--out", metavar="DIR", help="For cuda: the folder to fill.")] = None,
    budget: Annotated[
        float | None, typer.Option(min=1, help="For cuda: seconds that the whole campaign may take; default 540.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="For cuda: leave out the steps that are done.")] = False,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="For cuda: tiny sizes, on any machine.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="For cuda: print the plan; needs no photos.")] = False,
) -> None:
    """Measure speed and memory; ratios are taken within one run. `cuda` is a campaign of minutes on a GPU."""
    if name == "cuda":
        from nbhelpers.bench import cuda

        if dry_run:
            typer.echo(cuda.plan(budget or 540).to_string(index=False, float_format="{:.3g}".format))
        elif photos is None or out is None:
            raise typer.BadParameter("bench cuda needs --photos PACK and --out DIR; --dry-run alone prints its plan")
        else:
            cuda.main(os.path.expanduser(photos), out_folder(out), budget or 540, resume, rehearse)
        return
    if photos is not None or out is not None or budget is not None or resume or rehearse or dry_run:
        raise typer.BadParameter("these options belong to `nbhelpers bench cuda`: name it, or leave them out")
    from nbhelpers.bench import benchmarks

    if name is not None and name not in benchmarks.NAMES:
        raise typer.BadParameter(f"no benchmark {name!r}: choose from {', '.join(benchmarks.NAMES)}, cuda")
    benchmarks.main(name)


@app.command("app")
def explorer(
    photos: Annotated[str, typer.Option(help="The photos to choose from: a source's name, or a folder.")] = "sample",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page's address, http://localhost:PORT/.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Serve the explorer, a page to colorize photos by hand; Ctrl-C ends it."""
    from nbhelpers.explorer.server import serve

    with photo_source(photos):
        status = serve(photos, port, browser)
    raise typer.Exit(status)


@app.command()
def site(
    out: Annotated[str, typer.Option(metavar="FOLDER", help="Where the site goes; made anew.")] = "site",
) -> None:
    """Write notebooks, figures and tables as a static site, and check its links."""
    from pathlib import Path

    from nbhelpers.course.site import build

    pages = build(Path(out_folder(out)))
    typer.echo(f"{len(pages)} pages; open {pages[0].parent / 'index.html'}")


@app.command()
def progress(
    out: Annotated[
        str | None, typer.Option("-o", "--out", metavar="FILE", help="The page; default data/progress.html.")
    ] = None,
) -> None:
    """Show which exercises are done, from notes on this machine, and write a page of them."""
    from pathlib import Path

    from nbhelpers.course import progress as notes
    from nbhelpers.course.exercises.texts import exercises, of_notebook

    tried, odd = notes.tried()
    if odd:
        named = ", ".join(map(str, odd[:5])) + (f" and {len(odd) - 5} more" if len(odd) > 5 else "")
        tell(f"{notes.file()} has lines that are no notes, which are passed over: {named}")
    for stem in dict.fromkeys(exercise.notebook for exercise in exercises().values()):
        states = [tried[exercise.name].state for exercise in of_notebook(stem)]
        typer.echo(f"{stem:28} {states.count(notes.RIGHT)} of {len(states)} right")
    page = Path(os.path.expanduser(out)) if out is not None else notes.file().with_suffix(".html")
    if page.suffix not in (".html", ".htm") or page.is_dir():
        raise typer.BadParameter(f"-o/--out names a page, such as progress.html, and not {out or 'nothing'}")
    try:
        if page.exists() and b"<title>Progress</title>" not in page.read_bytes():
            raise UserError(f"{page} is another page, and is left as it is: name a new one with -o")
        notes.write(page, tried)
    except OSError as error:
        raise UserError(f"{page} cannot be written ({error.strerror}): name another page with -o") from None
    typer.echo(f"What was tried of each: {page}")


@app.command("class")
def class_(
    out: Annotated[
        str, typer.Option("-o", "--out", metavar="FOLDER", help="Where they go: a new or an empty folder.")
    ] = "class",
) -> None:
    """Write notebooks for a class: students' without solutions, the teacher's with them, and a syllabus."""
    from pathlib import Path

    from nbhelpers.course.classroom import write

    folder = Path(out_folder(out))
    write(folder)
    typer.echo(f"{folder}: student/, teacher/, syllabus.md")
