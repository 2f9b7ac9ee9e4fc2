"""What the reference run found, as the README's bullet points: every number comes from a committed table."""

from __future__ import annotations

import pandas as pd

from nbhelpers import methods, paths
from nbhelpers.course.cuda_findings import unet_at_length
from nbhelpers.evaluation.reference import REFERENCE, cuda, table
from nbhelpers.linear import findings as sparse
from nbhelpers.networks.columns import beside, in_words
from nbhelpers.networks.config import saw_imagenet


def findings() -> str:
    """What the reference run says, as bullet points."""
    points = (
        _winners(),
        *_regressions(),
        _speed(),
        _brown(),
        _features(),
        _row_speed(),
        _networks(),
        _few_hints(),
        _training_speed(),
        paper_at_length(table("06_paper")),
        paper_at_length(cuda("paper")),
        unet_at_length(cuda("unet"), cuda("unet_log")),
        _realism(),
        cuda_speed(cuda("speed"), cuda("right")),
    )
    return "\n".join("- " + " ".join(point.split()) for point in points)


def row_scores() -> pd.DataFrame:
    """The scores of the row models, and below them those of the same learners on pixels."""
    folder = paths.FIGURES / REFERENCE
    return pd.concat([pd.read_csv(folder / f"{name}.csv") for name in ("04_rows", "04_pixels")]).set_index("method")


def _winners() -> str:
    folder = paths.FIGURES / REFERENCE
    best = pd.read_csv(folder / "07_winners.csv").set_index("unknown")
    few, one = best.loc[0.2], best.loc[0.99]
    board = pd.read_csv(folder / "07_scores.csv").query("measure == 'ab_mse'").set_index("method")
    none = board["mean"].idxmin()
    pixels = row_scores()["of mean colour"].filter(like="pixels")
    blind = beside(f"*{one['best without hints']}*", one, "its ")
    return f"""**Who wins depends on the hints.** With 80 % of the pixels known {beside(f"*{few['best']}*", few)} has
        the smallest error (ab-MSE {few["ab_mse"]:.2f}), with 1 % known {beside(f"*{one['best']}*", one)}
        ({one["ab_mse"]:.1f}); the best method that ignores hints, {blind}, has {one["its ab_mse"]:.0f} there.
        With none known {beside(f"*{none}*", board.loc[none])} has
        {board.loc[none, "mean"] / board.loc["mean", "mean"]:.1%} of the mean colour's error, about as much as
        *{pixels.idxmin()}* ({pixels.min():.1%}, measured on a part of the pixels)."""


def _regressions() -> tuple[str, ...]:
    models = table("02_models").set_index("estimator")
    scores, tiles, ranking = (table(f"03_{name}") for name in ("table1", "tiles", "protocol_ranking"))
    printed = scores[scores["printed"].notna() & (scores["unknown"] < 1)]
    ratio = printed["printed"] / printed["mean"]
    ridge, ols = (models.loc[name, "training MSE a"] for name in ("ridge", "ols"))
    eigen = table("03_eigenvalues").set_index(["method", "unknown, %"])
    wild, calm = eigen.loc[("ols", 99)], eigen.loc[("sum-to-one", 99)]
    none = scores[(scores["unknown"] == 1) & scores["bicgstab_reached"].notna()].set_index("method")
    worst, best = none["median"].idxmax(), none["median"].idxmin()
    solved = (none["not_converged"] == 0).sum()
    return (
        f"""**Table 1 is far off.** Solved exactly, the four regressions have errors {ratio.min():.0f} to
        {ratio.max():.0f} times smaller than printed below 100 % unknown.""",
        f"""**What may have happened is not settled.** {sparse.search(ranking, table("03_protocols"))}""",
        f"""**Ridge is OLS** at the paper's settings: training MSE of a\\* {ridge:.4f} and {ols:.4f}. Lasso keeps
        {models.loc["lasso", "weights kept (of 50)"]:.0f} of 50 weights: averages of the four side neighbours.""",
        f"""**Why OLS explodes near 100 %.** What is known of a pattern is amplified by 1 over its eigenvalue of I - W.
        With 99 % unknown (one photo, {wild["photo_size"]:.0f} pixels square) OLS's nearest to zero amplifies
        {wild["largest 1/|eigenvalue|"]:,.0f} times, that of averaging weights {calm["largest 1/|eigenvalue|"]:,.0f}
        times. {sparse.sums(table("03_row_sums"))}""",
        f"""**Solved, and of no use.** With nothing known {"each" if solved == len(none) else solved} of the four has
        one exact solution for every photo, of a median error of
        {none.loc[best, "median"]:,.0f} ({best}) to {none.loc[worst, "median"]:,.0f} ({worst}); the mean colour has
        {scores[(scores["unknown"] == 1) & (scores["method"] == "mean")]["median"].item():,.0f}.""",
        f"""**Tiles with zero borders.** {sparse.tiles(tiles)} The whole system is solved at once just as well.""",
    )


def _speed() -> str:
    table = pd.read_csv(paths.FIGURES / "bench" / "statistics.csv").set_index("what")
    ours, theirs, tight = table.iloc[0], table.iloc[2], table.iloc[3]
    return f"""**Speed.** All four regressions on {ours["rows"] / 1e6:.0f} million rows, photos decoded on the way, take
        {ours["seconds"]:.0f} s and {ours["peak_mib"]:.0f} MiB: per row {theirs["ratio"]:.0f} times faster than
        scikit-learn's direct fits as they come, {tight["ratio"]:.0f} times faster than with precompute=True and a
        tight tolerance."""


def _brown() -> str:
    scores = row_scores()
    kinds = list(methods.ROWS)
    share = 100 * scores.loc[kinds, "of mean colour"]
    truth, painted = scores.loc["truth"], scores.loc[kinds]
    return f"""**Row-wise trees paint brown**, as the paper says: tree, forest and boosting have {share["tree"]:.1f},
        {share["forest"]:.1f} and {share["boosting"]:.1f} % of the mean colour's error, at a chroma of
        {painted["chroma"].min():.1f} to {painted["chroma"].max():.1f} (truth {truth["chroma"]:.1f}) and a hue spread of
        {painted["hue_spread"].min():.2f} to {painted["hue_spread"].max():.2f} (truth {truth["hue_spread"]:.2f})."""


def _features() -> str:
    share = 100 * row_scores()["of mean colour"]
    return f"""**It is the row, not the trees.** The same forest, asked about single pixels and their surroundings, has
        {share["forest, pixels"]:.0f} % of the mean colour's error, boosting {share["boosting, pixels"]:.0f} %, with
        deeper trees {share["boosting, deep, pixels"]:.0f} %."""


def _row_speed() -> str:
    bench = pd.read_csv(paths.FIGURES / "bench" / "rows.csv").set_index("model")
    cost = pd.read_csv(paths.FIGURES / REFERENCE / "04_fit_timing.csv")
    return f"""**Row models in minutes.** A forest fits {bench.loc["forest", "ratio"]:.0f} times faster than
        scikit-learn's as it comes, at {bench.loc["forest", "mse_ratio"]:.4f} times its error on the test photos; all
        {cost["models"].sum():,} models on {cost["training photos"].max():,} photos take
        {cost["seconds"].sum() / 60:.0f} minutes and at most {cost["peak_mib"].max() / 1024:.1f} GiB. One fit
        of each kind, measured alone, projects {bench["all_minutes"].sum():.0f} minutes on two cores."""


def _networks() -> str:
    scores = table("06_scores").set_index("method")
    share, chroma = 100 * scores["of mean colour"], scores["chroma"]
    told = {name: f"{share[name]:.1f} % at a chroma of {chroma[name]:.1f}" for name in scores.index}
    learned = {name: in_words(scores.loc[name]) for name in scores.index}
    return f"""**The U-Net beats the mean colour** from lightness alone ({learned["unet"]}): {told["unet"]} (truth
        {chroma["truth"]:.1f}). **The paper's GAN** ({learned["gan-paper"]}) has {told["gan-paper"]}, with averaged
        weights {told["gan-paper, averaged"]}; grey has {share["grey"]:.0f} %. With L1 beside the discriminator and a
        pretrained generator ({learned["gan-l1"]}) it has {told["gan-l1"]}; the same without a discriminator
        {told["no discriminator"]}. Their chroma multiplied to about the truth's, these two have
        {share["gan-l1, with gain"]:.0f} and {share["no discriminator, with gain"]:.0f} %, the U-Net
        {share["unet, with gain"]:.0f} %: colour is cheaper to buy by a mere gain than from a discriminator."""


def _few_hints() -> str:
    scores, gains = (pd.read_csv(paths.FIGURES / REFERENCE / f"08_{name}.csv") for name in ("hints", "gains"))
    at_ten = scores[scores["patches"] == 10].set_index("method")
    ten, told = at_ten["mean"], {name: in_words(at_ten.loc[name]) for name in ("unet", "hinted")}
    won = gains[gains["method"] == "hinted"].set_index("patches")["difference"]
    few = won[(won.index >= 1) & (won.index <= 10)]
    photos = at_ten["photos"].max()
    return f"""**Ten hints were worth more than the U-Net without any** ({photos} test photos). With ten patches of
        6 x 6 pixels known, edge-aware propagation reaches {ten["edge-aware"]:.1f} dB; the U-Net, which does not look at
        them ({told["unet"]}), {ten["unet"]:.1f}. *hinted*, propagation onto the guess of *unet-pretrained* and a
        network that corrects it, both on an encoder from ImageNet ({told["hinted"]}), reaches {ten["hinted"]:.1f}:
        {few.min():.2f} to {few.max():.2f} dB above edge-aware with 1 to 10 patches, {won[0]:.2f} with none,
        {won[500]:.2f} with 500."""


def _training_speed() -> str:
    table = pd.read_csv(paths.FIGURES / "bench" / "training.csv").set_index("what")
    unet = table.loc["unet: all three"]
    frozen = table.loc["unet-pretrained, encoder frozen: its features computed once"]
    return f"""**Training on two cores.** A U-Net of {unet["width"]:.0f} channels learns from
        {unet["photos_per_second"]:.0f} photos of {unet["size"]:.0f} x {unet["size"]:.0f} pixels per second,
        {unet["ratio"]:.1f} times as many as a plain float32 loop with a DataLoader. On a frozen encoder a
        decoder learns from {frozen["photos_per_second"]:.0f}, {frozen["ratio"]:.1f} times as many as with the encoder
        in each step, once the encoder's features have been computed."""


def paper_at_length(scores: pd.DataFrame) -> str:
    """Say what became of the paper's GAN in a training as long as the paper's.

    Parameters
    ----------
    scores : pd.DataFrame
        Table `06_paper` of the reference run, or `paper` of the CUDA campaign.

    Returns
    -------
    str
        One bullet point in markdown, without its dash.
    """
    scores = scores[scores["epoch"] > 0]
    first = scores[scores["seed"] == scores["seed"].iloc[0]]
    others = scores[scores["seed"] != scores["seed"].iloc[0]]
    at = {weights: part.set_index("epoch") for weights, part in first.groupby("weights")}
    last, mean, end = at["last"], at["averaged"], first.iloc[-1]
    late = {weights: 100 * part.loc[part.index >= 10, "of_mean_colour"] for weights, part in at.items()}
    fell, below = int(first["attempt"].max()), [int((part["of_high"] < 1).sum()) for part in (last, mean)]
    restarts = ("It was never restarted.", "It was restarted once.", f"It was restarted {fell} times.")[min(fell, 2)]
    better = f"""At {below[0]} of the {len(last)} looks with the last weights, and at {below[1]} with the averaged ones,
        the whole 95 % interval of the error lies below the mean colour's."""
    if not any(below):
        better = f"""At none of the {len(last)} looks, neither with the last weights nor with the averaged ones, does
            the whole 95 % interval of the error lie below the mean colour's."""
    where = f"on one {end['card']}" if "card" in scores else "on two cores"

    def share(row) -> str:
        return f"{100 * row.of_mean_colour:.0f} % ({100 * row.of_low:.0f} to {100 * row.of_high:.0f})"

    luck = ""
    if len(others):
        epoch, drawn = others.loc[others["epoch"].isin(last.index), "epoch"].max(), []
        more = "another seed" if others["seed"].nunique() == 1 else f"{others['seed'].nunique()} other seeds"
        for weights in ("last", "averaged"):
            there = others[(others["epoch"] == epoch) & (others["weights"] == weights)]["of_mean_colour"]
            drawn.append(" and ".join(f"{100 * value:.0f}" for value in there))
        luck = f"""After {epoch} epochs it had {100 * last.loc[epoch, "of_mean_colour"]:.0f} % (averaged
            {100 * mean.loc[epoch, "of_mean_colour"]:.0f}); {more} had {drawn[0]} % ({drawn[1]})."""
    return f"""**The paper's GAN at the paper's length**: {end.epoch:.0f} epochs at {end["size"]} pixels and
        {end.width} channels, one seed, {end.training_photos:,.0f} photos, {end.photos} test photos, {where}:
        {share(last.loc[end.epoch])} of the mean colour's error at a chroma of {last.loc[end.epoch, "chroma"]:.1f}
        (truth {end.true_chroma:.1f}), with averaged weights {share(mean.loc[end.epoch])} at
        {mean.loc[end.epoch, "chroma"]:.1f}. {restarts} From epoch {late["last"].index[0]} on the
        error of the last weights moves between {late["last"].min():.0f} and {late["last"].max():.0f} %, that of the
        averaged ones between {late["averaged"].min():.0f} and {late["averaged"].max():.0f} %. {better} {luck}"""


def _realism() -> str:
    """What EfficientNet-Lite0 sees in what each method without hints paints."""
    seen = table("07_realism").set_index("method")
    truth, everyone = seen.loc["truth"], seen.drop("truth").sort_values("frechet")
    taught = [name for name in everyone.index if saw_imagenet(name)]
    painted = everyone.drop(taught)
    near, far, grey = painted.iloc[0], painted.iloc[-1], painted.loc["grey"]
    tied = [beside(f"*{name}*", row) for name, row in painted.iloc[1:].iterrows() if row["behind_low"] <= 0]
    alike, last = painted.loc[painted["agreement"].idxmax()], painted.loc[painted["halves"].idxmax()]
    without = painted.loc["no discriminator"]

    def same(row: pd.Series) -> str:
        low, share, high = (100 * row[name] for name in ("agreement_low", "agreement", "agreement_high"))
        return f"{share:.0f} % ({low:.0f} to {high:.0f})"

    return f"""**How real it looks to a network** (EfficientNet-Lite0, {truth["photos"]:.0f} test photos; no person was
        asked). Fréchet distance to the same photos in their true colours, smaller is nearer:
        {beside(f"*{near.name}*", near)} {near["frechet"]:.1f}, not told apart from {" and ".join(tied)}; without its
        discriminator {without["frechet"]:.1f}, {without["behind"]:.2f} more ({without["behind_low"]:.2f} to
        {without["behind_high"]:.2f}; for one comparison). Grey photos have {grey["frechet"]:.1f}, the best row model,
        *boosting*, {painted.loc["boosting", "frechet"]:.1f}. Farthest is {beside(f"*{far.name}*", far)},
        {far["frechet"]:.1f}; but compared with *other* photos (between halves) it is *{last.name}*,
        {last["halves"]:.0f}, and *{far.name}* has {far["halves"]:.0f}, *{near.name}* {near["halves"]:.0f}, the truth
        itself {truth["halves"]:.0f}. {_taught(everyone.loc[taught])}The same first answer as for the true photo: for
        {same(grey)} of the grey photos, at most {same(alike)} (*{alike.name}*), and {same(far)} of *{far.name}*'s: that
        colour painted here helps the network to name what a photo shows is not seen, that the colour of *{far.name}*
        misleads it is."""


def _taught(rows: pd.DataFrame) -> str:
    """The distances of the networks whose encoder saw what EfficientNet-Lite0 saw; "" when there are none."""
    if rows.empty:
        return ""
    each = [f"{beside(f'*{name}*', row)} {row['frechet']:.1f}" for name, row in rows.iterrows()]
    return f"""Apart stand {" and ".join(each)}: their encoder began as the very network that judges here, so it is no
        fair judge of them. """


def cuda_speed(speed: pd.DataFrame, right: pd.DataFrame) -> str:
    """Say how fast training is on a GPU, and whether it learns the same.

    Parameters
    ----------
    speed, right : pd.DataFrame
        Tables of the CUDA campaign of these names.

    Returns
    -------
    str
        One bullet point in markdown, without its dash.
    """
    gan = speed[(speed["network"] == "gan-paper") & speed["photos_per_second"].notna()].reset_index(drop=True)
    best, plain = gan.loc[gan["photos_per_second"].idxmax()], gan[gan["variant"].str.startswith("plain")].iloc[0]
    compiled = " and torch.compile" if best["variant"] == "all" else ""
    hours = 100 * 5000 / best["photos_per_second"] / 3600
    small = right[(right["size"] == right["size"].min()) & ~right["variant"].str.contains("seed")]  # beside float32
    most = small.groupby("network")["difference"].max()
    also = "".join(
        f"; with torch.compile from those without it by {each:.1%}"
        for each in right.loc[right["variant"] == "all", "difference"]
    )
    timed = set(gan["variant"])
    there = {"the speed of torch.compile": "all" in timed, "that of each switch alone": "float32 + bf16" in timed}
    there["whether resume repeats to the last bit"] = cuda("resume") is not None
    missing = [what for what, measured in there.items() if not measured]
    cut = f" The campaign was cut short; not measured: {', '.join(missing)}." if missing else ""
    return f"""**Training on a GPU** (one {best["card"]}): the paper's GAN at {best["size"]} pixels,
        {best["width"]} channels and batches of {best["batch"]} learns from {best["photos_per_second"]:.0f} photos per
        second with all switches{compiled}, {best["ratio"]:.1f} times as many as a plain float32 loop with a DataLoader
        ({plain["photos_per_second"]:.0f}), at {best["utilization"]:.0%} of what a large bf16 product reaches there; 100
        epochs of 5,000 photos would take {60 * hours:.0f} minutes (the paper: about 30 hours on an A100). The mean
        losses of {small["steps"].max()} steps differ from plain float32's by at most {most["unet"]:.1%} with bf16,
        channels_last, fused Adam and recorded steps, one by one and together (U-Net), and by at most
        {most["gan-paper"]:.1%} with bf16, recorded steps and all together (GAN){also}.{cut}"""


def with_encoder(curve: pd.DataFrame, scores: pd.DataFrame) -> str:
    """What an encoder that saw ImageNet brings, with few training photos and with many.

    Parameters
    ----------
    curve : pd.DataFrame
        See `networks.experiments.with_encoder`.
    scores : pd.DataFrame
        The committed table "06_scores", with a U-Net like that from scratch, which learned for longer.

    Returns
    -------
    str
        Markdown.
    """
    share = curve.set_index(["learned from", "kind"])["of mean colour"]
    few, many = curve["learned from"].min(), curve["learned from"].max()
    kinds = ["from scratch", "encoder frozen", "encoder fine-tuned"]
    little, much = ([f"{value:.1%}" for value in share[count][kinds]] for count in (few, many))
    asked = curve[curve["learned from"] == many].set_index("kind").loc[kinds]
    epochs = "{:.0f}, {:.0f} and {:.0f}".format(*asked["epochs"])
    longer = scores.set_index("method").loc["unet"]
    return f"""With {few:,} photos the error is {little[0]} of the mean colour's from scratch, {little[1]} with the
        frozen encoder and {little[2]} fine-tuned; with {many:,} it is {much[0]}, {much[1]} and {much[2]}. These are
        short trainings: at {asked["size"].max():.0f} pixels, {epochs} epochs of all {many:,}, as many steps with fewer.
        From scratch it takes longer: after {longer["epochs"]:.0f} epochs the same network has
        {longer["of mean colour"]:.1%}. One training of each: a difference of a percent or two may be luck."""


def cures(shipped: pd.DataFrame) -> str:
    """What the two cures for brown bring: the error, and how colourful the networks of the course paint.

    Parameters
    ----------
    shipped : pd.DataFrame
        The committed table "06_shipped".

    Returns
    -------
    str
        Markdown.
    """
    scores = shipped.set_index("method")
    chroma = scores["chroma"] / scores.loc["truth", "chroma"]
    told = {name: f"{scores.loc[name, 'of mean colour']:.1%}" for name in ("unet", "unet-pretrained", "bins")}
    hues = scores["hue_spread"]
    return f"""On {scores["photos"].max():,} test photos `unet-pretrained` has {told["unet-pretrained"]} of the mean
        colour's error, `unet` {told["unet"]}; its chroma is {chroma["unet-pretrained"]:.0%} of the truth's, that of
        `unet` {chroma["unet"]:.0%}. `bins` paints {chroma["bins"]:.0%} of the true chroma, with a hue spread of
        {hues["bins"]:.2f} (truth {hues["truth"]:.2f}, `unet` {hues["unet"]:.2f}), and pays with an error of
        {told["bins"]}. One training each."""
