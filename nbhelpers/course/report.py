"""The verdicts anew, and the tables of README and model card: `python -m nbhelpers.course.report` after a run.

All from the committed results.
"""

from __future__ import annotations

import re

import pandas as pd

from nbhelpers import paths
from nbhelpers.comparison.claims import judge
from nbhelpers.comparison.evidence import gap, of_reference
from nbhelpers.course.findings import findings, row_scores
from nbhelpers.errors import UserError
from nbhelpers.evaluation import reference
from nbhelpers.evaluation.paper import siggraph17
from nbhelpers.evaluation.reference import REFERENCE
from nbhelpers.networks.columns import beside

TRAINED = "side of its training squares, channels of its first level, passes over the photos in all, trainings"


def _markdown(table: pd.DataFrame, others: str = "---:") -> str:
    """A table of strings as markdown; the first column stands left, the others right, or as `others` says."""
    lines = [table.columns, ["---", *[others] * (len(table.columns) - 1)], *table.to_numpy()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _number(value: float) -> str:
    if pd.isna(value):
        return "none"
    return f"{value:.0e}" if value >= 1e5 else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def table_1() -> str:
    """Table 1, ours over printed: one row per method, one column per share of unknown pixels."""
    scores = pd.read_csv(paths.FIGURES / REFERENCE / "03_table1.csv")
    rows = []
    for method, group in scores.groupby("method", sort=False):
        cells = {"ab-MSE, unknown pixels": method}
        for row in group.itertuples():
            missed = f", {row.not_converged:.0f} not solved" if row.not_converged else ""
            printed = f" ({row.printed:g})" if pd.notna(row.printed) else ""
            steps = f", {row.bicgstab_reached:.0f} by steps" if pd.notna(row.bicgstab_reached) else ""
            cells[f"{100 * row.unknown:g} %"] = _number(row.mean) + printed + steps + missed
        rows.append(cells)
    photos = scores.groupby("method", sort=False)["photos"].max()
    fewer = [f"{name}: {count}" for name, count in photos.items() if count < photos.max()]
    size = scores["photo_size"].iloc[0]
    but = f" ({', '.join(fewer)} photos)" if fewer else ""
    note = f"""Means over {photos.max()} test photos of {size} x {size} pixels{but};
    in brackets what the paper printed, for its own photos. *by steps*: for how many photos BiCGSTAB reaches a relative
    residual of 1e-6 within 250 steps. Where it does not, the exact solution (LU) is what stands here, however large its
    error."""
    if scores["not_converged"].any():
        note += " *not solved*: nor did LU reach it; such solves are not in the mean."
    return _markdown(pd.DataFrame(rows)) + "\n\n" + " ".join(note.split())


def row_models() -> str:
    """The row models and the baselines on all test photos, then the same learners on pixels."""
    scores = row_scores()
    cost = pd.read_csv(paths.FIGURES / REFERENCE / "04_fit_timing.csv").set_index("method")
    fits = {row.Index: f"{row.seconds / 60:.0f} min, {row.peak_mib:.0f} MiB" for row in cost.itertuples()}
    table = _method_table(scores.reset_index())
    table["fit"] = [fits.get(method, "") for method in scores.index]
    note = f"""Means over {scores["photos"].max():.0f} test photos, no colour known; fitted on
    {scores["training"].max():,.0f} photos in two processes. *chroma*: mean distance from grey. *hue spread*: 0 is one
    hue, 1 all hues in balance. *pixels*: the same learners, asked about single pixels and their surroundings; measured
    on {scores["measured"].min():.0%} of the pixels of each photo, drawn at random."""
    return _markdown(table) + "\n\n" + " ".join(note.split())


def networks() -> str:
    """The networks of the reference run on all test photos, and those that come with the course."""
    folder = paths.FIGURES / REFERENCE
    trained = pd.read_csv(folder / "06_scores.csv")
    unet = pd.read_csv(folder / "05_scores.csv").set_index("method")
    names = {
        "unet": "U-Net, MSE",
        "unet, with gain": "U-Net, MSE, with gain",
        "unet, L1": "U-Net, L1",
        "unet, L1, with gain": "U-Net, L1, with gain",
        "mean": "mean colour",
    }
    table = _markdown(_method_table(trained[~trained["method"].str.contains("course")], names))
    about = f"""Means over {trained["photos"].max()} test photos of {trained["photo_size"].max()} x
    {trained["photo_size"].max()} pixels, no colour known; the networks learned from
    {unet.loc["here", "training"]:.0f} photos. *no discriminator*: *gan-l1* without one, else the same. *with gain*: the
    chroma multiplied by one number, so that on the training photos it is as strong as the truth's. In brackets beside
    a network: {TRAINED}."""
    side = pd.read_csv(folder / "06_shipped.csv")["photo_size"].max()
    then = f"""The networks that come with the course (`data/checkpoints`) learned at {side} x {side} pixels in the end;
    the same test photos at that size:"""
    return f"{table}\n\n{' '.join(about.split())}\n\n{' '.join(then.split())}\n\n{shipped()}"


def _method_table(scores: pd.DataFrame, names: dict[str, str] | None = None) -> pd.DataFrame:
    """Error and colours of each method, a network with its training, as strings; `names`: other names for some."""
    called = scores["method"].replace(names or {})
    lines = scores.to_dict("records")
    table = pd.DataFrame({"method": [beside(name, line) for name, line in zip(called, lines)]})
    shown = {"ab_mse": ("ab-MSE", "{:.1f}"), "of mean colour": ("of mean colour", "{:.1%}")}
    shown |= {"chroma": ("chroma", "{:.1f}"), "hue_spread": ("hue spread", "{:.2f}")}
    for column, (title, form) in shown.items():
        table[title] = ["" if pd.isna(value) else form.format(value) for value in scores[column]]
    return table


def times() -> str:
    """Seconds per notebook at the demo profile, and the machine."""
    table = pd.read_csv(paths.FIGURES / "bench" / "notebooks.csv")
    machine = pd.read_csv(paths.FIGURES / "bench" / "machine.csv").set_index("item")["value"]
    shown = pd.DataFrame({"notebook": table["notebook"], "seconds": table["seconds"].map("{:.0f}".format)})
    return f"{_markdown(shown)}\n\nMeasured with the profile demo and the photos sample on {machine['processor']}."


def comparison() -> str:
    """Every method with nothing known: measures with intervals, and the paired difference to the mean colour."""
    folder = paths.FIGURES / REFERENCE
    board = pd.read_csv(folder / "07_scores.csv").set_index(["measure", "method"])
    pairs = pd.read_csv(folder / "07_pairs.csv")
    seconds = pd.read_csv(folder / "07_seconds_timing.csv").set_index("method")
    forms = {"delta_e": "{:.2f}", "psnr": "{:.2f}", "ssim": "{:.3f}", "colourfulness": "{:.0%}", "chroma": "{:.0%}"}
    titles = {"delta_e": "CIEDE2000", "psnr": "PSNR, dB", "ssim": "SSIM", "colourfulness": "colourfulness"}
    rows = []
    for method, line in board.loc["ab_mse"].iterrows():
        cells = {"method": beside(method, line)}
        cells["ab-MSE"] = f"{line['mean']:.1f} ({line['low']:.0f} to {line['high']:.0f})"
        cells["minus mean colour"] = _gap(pairs, method, "mean")
        for name, form in forms.items():
            cells[titles.get(name, name)] = form.format(board.loc[(name, method), "mean"])
        cells["s / photo"] = f"{seconds.loc[method, 'seconds per photo']:.2g}"
        rows.append(cells)
    side, small = seconds["photo_size"].max(), board["size"].max()
    note = f"""Means over {board["photos"].max()} test photos of {side} x {side} pixels;
    in brackets 95 % bootstrap intervals over photos. *minus mean colour*: the paired difference, photo by photo, with
    its interval. *anchored*: the paper's regressions, drawn to the mean colour, without which their exact solutions
    are of no use.
    SSIM: Wang et al. 2004. *chroma*, *colourfulness*: as shares of the truth's. *s / photo*: two processes at a time;
    averages that know nothing return the mean colour at once. The networks painted {small:.0f} x {small:.0f} pixels,
    enlarged. In brackets beside a network: {TRAINED}."""
    return _markdown(pd.DataFrame(rows)) + "\n\n" + " ".join(note.split())


def _gap(pairs: pd.DataFrame, method: str, other: str) -> str:
    try:
        found = gap(pairs, method, other)
    except KeyError:
        return ""
    return f"{found['difference']:+.1f} ({found['low']:+.1f} to {found['high']:+.1f})"


def axis() -> str:
    """The methods' ab-MSE over the share of unknown pixels, the best of each column in bold."""
    scores = pd.read_csv(paths.FIGURES / REFERENCE / "07_axis.csv")
    best = pd.read_csv(paths.FIGURES / REFERENCE / "07_winners.csv").set_index("unknown")["best"]
    rows = []
    for method, group in scores.groupby("method", sort=False):
        cells = {"ab-MSE, unknown pixels": beside(method, group.iloc[0])}
        for row in group.itertuples():
            missed = f", {row.not_converged:.0f} not solved" if row.not_converged else ""
            number = _number(row.mean)
            cells[f"{100 * row.unknown:g} %"] = (f"**{number}**" if best[row.unknown] == method else number) + missed
        rows.append(cells)
    side = scores["photo_size"].max()
    note = f"""Means over {scores["photos"].max()} test photos of {side} x {side} pixels; the same hidden pixels for
    all. Bold: the smallest among the methods that solved every photo. The networks and trees do not look at hints."""
    return _markdown(pd.DataFrame(rows)) + "\n\n" + " ".join(note.split())


def hints() -> str:
    """PSNR over the number of patches: each method, what hinted gains over edge-aware, and what others published."""
    folder, head = paths.FIGURES / REFERENCE, "RGB PSNR in dB, patches known"
    scores, gains = (pd.read_csv(folder / f"08_{name}.csv") for name in ("hints", "gains"))
    rows = []
    for method, group in scores.groupby("method", sort=False):
        cells = {head: beside(method, group.iloc[0])}
        rows.append(cells | {f"{row.patches:g}": f"{row.mean:.2f}" for row in group.itertuples()})
    lines = gains[gains["method"] == "hinted"]
    won = {head: beside("hinted", lines.iloc[0]).replace("hinted", "hinted - edge-aware", 1)}
    for row in lines.itertuples():
        won[f"{row.patches:g}"] = f"{row.difference:+.2f} ({row.low:.2f} to {row.high:.2f})"
    printed = {f"{row.patches:g}": f"{row.psnr:.1f}" for row in siggraph17().itertuples()}
    rows += [won, {head: "SIGGRAPH17, printed"} | {name: printed.get(name, "") for name in rows[0] if name != head}]
    note = f"""Means over {scores["photos"].max()} test photos of 256 x 256 pixels; patches of 6 x 6 pixels at random
    places, each with its mean colour. In brackets 95 % intervals of the paired difference. SIGGRAPH17 (Zhang et al.
    2017) learned from 1.3 million photos and was measured on others than ours."""
    return _markdown(pd.DataFrame(rows)) + "\n\n" + " ".join(note.split())


def claims() -> str:
    """The paper's claims with verdict and evidence."""
    return _markdown(reference.table("07_claims"), "---")


def judged_anew() -> pd.DataFrame:
    """The claims against all committed tables, trainings on a GPU included, which the run itself does not see."""
    return judge(of_reference(), reference.table("07_claims"))


def realism() -> str:
    """How real the colours look to EfficientNet-Lite0, the nearest to the truth first."""
    seen = reference.table("07_realism").sort_values("frechet", kind="stable")
    rows = [
        {
            "method": beside(line["method"], line),
            "Fréchet distance": _spanned(line, "frechet", "{:.1f}"),
            "behind the nearest": _spanned(line, "behind", "{:+.2f}"),
            "between halves": f"{line['halves']:.1f}",
            "same answer": _spanned(line, "agreement", "{:.0%}"),
        }
        for line in seen.to_dict("records")
    ]
    fewer = ""
    if "training_photos" in seen:
        few = seen.dropna(subset="training_photos")
        small = [f"{row.method} ({row.training_size:.0f} pixels)" for row in few.itertuples()]
        fewer = f" Fitted on {few['training_photos'].max():,.0f} photos only: {', '.join(small)}."
    apart = seen[(seen["behind"] > 0) & seen["behind_low"].isna()]["method"]
    if len(apart):
        fewer += f" Painted in another run than the nearest, so without an interval between them: {', '.join(apart)}."
    note = f"""{seen["photos"].max()} test photos of 224 x 224 pixels, no colour known; 95 % intervals over photos, for
    sets of so many: the distance falls as photos are added. It compares the same photos, true and painted; *behind the
    nearest* is the difference on the same resamples to the nearest of those whose encoder did not begin as the judge;
    *between halves* compares one half of the true ones with the other half painted, where the truth's own distance is
    the floor. *same answer*: the share of photos for which the network's first answer is that for the true photo. Not
    FID, which takes another network. In brackets beside a network: {TRAINED}.{fewer}"""
    return _markdown(pd.DataFrame(rows)) + "\n\n" + " ".join(note.split())


def _spanned(line: dict, name: str, form: str) -> str:
    """A value of a line and, where it has one, its interval; "" for no value."""
    ends = [form.format(line[f"{name}_{end}"]) for end in ("low", "high") if pd.notna(line[f"{name}_{end}"])]
    return "" if pd.isna(line[name]) else form.format(line[name]) + (f" ({' to '.join(ends)})" if ends else "")


def paper_at_length() -> str:
    """The paper's GAN over the epochs of trainings as long as the paper's, on two cores and on a GPU."""
    here, there = reference.table("06_paper"), reference.cuda("paper")
    parts = _over_epochs(here, here["size"].max(), "two cores"), _over_epochs(there, 144, "a GPU")  # packed larger
    return "\n\n".join(parts)


def _over_epochs(scores: pd.DataFrame, side: int, machine: str) -> str:
    first = scores[scores["seed"] == scores["seed"].iloc[0]]
    at = {weights: part.set_index("epoch") for weights, part in first.groupby("weights")}
    rows = []
    for epoch in (epoch for epoch in at["last"].index if epoch == 1 or epoch % 10 == 0):
        cells = {"epoch": str(epoch)}
        for weights in ("last", "averaged"):
            row = at[weights].loc[epoch]
            cells[f"{weights} weights: of mean colour"] = (
                f"{row.of_mean_colour:.0%} ({row.of_low:.0%} to {row.of_high:.0%})"
            )
            cells[f"{weights}: chroma"] = f"{row.chroma:.1f}"
        rows.append(cells)
    end, base = first.iloc[-1], at["mean colour"].iloc[0]
    on = f"{end.seconds:.0f} seconds with scoring on one {end.card}" if "card" in scores else f"on {machine}"
    note = f"""Means over {end.photos} test photos of {side} x {side} pixels with 95 % bootstrap intervals; the mean
    colour's error there is {base.ab_mse:.1f} at a chroma of {base.chroma:.1f}, the truth's chroma
    {end.true_chroma:.1f}. {end.training_photos:,.0f} training photos, squares of {end["size"]} pixels, {end.width}
    channels, batches of {end.batch:.0f}, {_which(scores)}, {on}."""
    return _markdown(pd.DataFrame(rows)) + "\n\n" + " ".join(note.split())


def _which(scores: pd.DataFrame) -> str:
    """Which seed the table is of, and how far the others came."""
    lengths = [f"{part['epoch'].max():.0f}" for _, part in scores.groupby("seed", sort=False)][1:]
    rest = f"the other{'s' * (len(lengths) > 1)}: {' and '.join(lengths)} epochs"
    return f"the first of {1 + len(lengths)} seeds ({rest})" if lengths else "one seed"


def cuda_speed() -> str:
    """Photos per second on the GPU of the campaign."""
    speed = reference.cuda("speed")
    notes = speed["note"].fillna("") if "note" in speed else pd.Series("", speed.index)
    full = speed[notes.str.contains("memory is full")]
    speed = speed[speed["photos_per_second"].notna()]
    table = pd.DataFrame({"network": speed["network"], "variant": speed["variant"], "batch": speed["batch"].map(str)})
    table["photos / s"] = speed["photos_per_second"].map("{:.0f}".format)
    table["times plain"] = speed["ratio"].map("{:.2f}".format)
    table["of a large bf16 product"] = speed["utilization"].map("{:.0%}".format)
    table["peak GiB"] = speed["peak_GiB"].map("{:.1f}".format)
    first = speed.iloc[0]
    note = f"""{first["size"]} x {first["size"]} pixels, {first["width"]} channels, one {first["card"]}, torch
    {first["torch"]}; a bf16 product of 8192 x 8192 numbers reaches {first["product_TFLOP_per_second"]:.0f} TFLOP/s
    there. *all but compile*: bf16, channels_last, fused Adam, photos on the GPU, steps recorded as CUDA graphs; *all*:
    torch.compile too. *float32* as PyTorch comes: convolutions take TF32."""
    if len(full):
        note += f" A batch of {full['batch'].min()} does not fit into the GPU's memory."
    return _markdown(table) + "\n\n" + " ".join(note.split())


def shipped() -> str:
    """The networks that come with the course, on all test photos at their own size."""
    scores = pd.read_csv(paths.FIGURES / REFERENCE / "06_shipped.csv")
    return _markdown(_method_table(scores, {"mean": "mean colour"}))


BLOCKS = {
    "README.md": {"findings": findings, "claims": claims, "comparison": comparison, "realism": realism, "axis": axis,
                  "table 1": table_1, "row models": row_models, "networks": networks,
                  "paper at length": paper_at_length, "cuda speed": cuda_speed, "hints": hints, "times": times},
    "data/checkpoints/README.md": {"shipped": shipped},
}  # fmt: skip


def fill(text: str, file: str = "README.md") -> str:
    """Put the current tables between the marks `<!-- name -->` and `<!-- end -->` of a text.

    Parameters
    ----------
    text : str
        Of the file.
    file : str
        A key of BLOCKS, which says what blocks the text has.

    Returns
    -------
    str
        The text with its blocks replaced.

    Raises
    ------
    UserError
        When a block is missing, or there are several of its name.
    """
    for name, content in BLOCKS[file].items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        written = content() + "\n"
        text, count = pattern.subn(lambda m, written=written: m[1] + written + m[2], text)
        if count != 1:
            raise UserError(f"{file} needs one block <!-- {name} --> … <!-- end -->, found {count}")
    return text


if __name__ == "__main__":
    with paths.atomic(paths.FIGURES / REFERENCE / "07_claims.csv") as part:
        judged_anew().to_csv(part, index=False)
    for name in BLOCKS:
        page = paths.ROOT / name
        filled = fill(page.read_text(encoding="utf-8"), name)
        with paths.atomic(page) as part:
            part.write_text(filled, encoding="utf-8")
