"""All methods in one table: what each is called, what it needs, what it can; every list of methods comes from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """One way to colorize, as `registry.load` knows it.

    Attributes
    ----------
    name : str
        What it is called everywhere.
    label : str
        A few words for a person.
    family : str
        "baseline", "regression" (a fitted neighbour system), "system" (one with given weights), "inpainting", "rows"
        (trees that read rows) or "network".
    paper : bool
        Is it one of the paper's?
    uses_hints : bool
        False: known pixels keep their colours, and the others are as without any hint.
    spreads_hints : bool
        Its own equations carry a known colour to its surroundings.
    quick : bool
        It is offered where a slider moves: it answers in time (figures/bench/explorer.csv), and no other on offer is
        nearly the same.
    file : str
        Of its model, in data/runs/<run>/models/ or data/checkpoints/; "" when it needs none.
    made_by : str
        The command that makes the file, to which a profile and photos are added.
    """

    name: str
    label: str
    family: str
    paper: bool = False
    uses_hints: bool = False
    spreads_hints: bool = False
    quick: bool = False
    file: str = ""
    made_by: str = ""


_SPREADS = {"uses_hints": True, "spreads_hints": True}
_MEAN = {"file": "mean.json", "made_by": "nbhelpers run 02"}  # what is painted where nothing is known
_REGRESSION = {"family": "regression", **_SPREADS, "made_by": "nbhelpers run 02"}
_ROWS = {"family": "rows", "paper": True, "made_by": "nbhelpers run 04"}
METHODS = {
    method.name: method
    for method in (
        Method("grey", "no colour", "baseline", quick=True),
        Method("mean", "the mean colour", "baseline", quick=True, **_MEAN),
        Method(
            "position-mean", "the mean colour of each place", "baseline", file="position-mean.npz",
            made_by="nbhelpers run 04",
        ),
        Method("nearest", "the nearest known pixel", "baseline", quick=True, **_SPREADS, **_MEAN),
        Method("ols", "least squares; explodes near 100 %", file="ols.json", paper=True, quick=True, **_REGRESSION),
        Method("ridge", "least squares, small weights", file="ridge.json", paper=True, **_REGRESSION),
        Method("lasso", "least squares, few weights", file="lasso.json", paper=True, **_REGRESSION),
        Method("elasticnet", "between ridge and lasso", file="elasticnet.json", paper=True, **_REGRESSION),
        Method(
            "sum-to-one", "neighbour regression, averages only", file="sum-to-one.json", quick=True, **_REGRESSION
        ),
        Method("edge-aware", "colours spread up to edges", "system", quick=True, **_SPREADS, **_MEAN),
        Method("levin", "Levin's weights; slow", "system", **_SPREADS, **_MEAN),
        Method("biharmonic", "smooth inpainting, blind to edges; slow", "inpainting", **_SPREADS, **_MEAN),
        Method("tree", "a tree for each row", file="tree.npz", **_ROWS),
        Method("forest", "a forest for each row", file="forest.npz", **_ROWS),
        Method("boosting", "boosted trees for each row", file="boosting.npz", **_ROWS),
        Method(
            "unet", "network, no hints", "network", paper=True, quick=True, file="unet.safetensors",
            made_by="nbhelpers run 05",
        ),
        Method(
            "unet-pretrained", "network whose encoder saw ImageNet, no hints", "network", quick=True,
            file="unet-pretrained.safetensors", made_by="nbhelpers train unet-pretrained",
        ),
        Method(
            "bins", "colour as classification, encoder saw ImageNet, no hints", "network", quick=True,
            file="bins.safetensors", made_by="nbhelpers train bins",
        ),
        Method(
            "gan-paper", "the paper's GAN, no hints", "network", paper=True, file="gan-paper.safetensors",
            made_by="nbhelpers run 06",
        ),
        Method(
            "gan-l1", "network with a discriminator, no hints", "network", quick=True, file="gan-l1.safetensors",
            made_by="nbhelpers run 06",
        ),
        Method(
            "hinted", "edge-aware, then a network", "network", uses_hints=True, quick=True, file="hinted.safetensors",
            made_by="nbhelpers train hinted",
        ),
        Method(
            "hinted-alone", "a network that is told the hints", "network", uses_hints=True,
            file="hinted-alone.safetensors", made_by="nbhelpers train hinted-alone",
        ),
    )
}  # fmt: skip


def names(**what) -> tuple[str, ...]:
    """The names of the methods with some attributes, as in `names(family="rows")`.

    Parameters
    ----------
    **what : object
        Attributes of Method and the values that they must have.

    Returns
    -------
    tuple of str
        The names, baselines first; those of all methods when nothing is asked.
    """
    return tuple(m.name for m in METHODS.values() if all(getattr(m, key) == value for key, value in what.items()))


FOUR = names(family="regression", paper=True)
LINEAR = names(family="regression")
ROWS = names(family="rows")
NETWORKS = names(family="network", uses_hints=False)
HINTED = names(family="network", uses_hints=True)
CLASSICAL = tuple(m.name for m in METHODS.values() if m.made_by in ("", "nbhelpers run 02"))
BLIND = names(uses_hints=False)  # to hints
SPREADING = names(spreads_hints=True)
COMPARED = tuple(name for name in METHODS if name not in ("biharmonic", *HINTED))  # in notebook 07
SLIDING = tuple(reversed(names(quick=True, uses_hints=True))) + tuple(reversed(names(quick=True, uses_hints=False)))
