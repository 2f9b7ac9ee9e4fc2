"""The CUDA campaign, `nbhelpers bench cuda`: is the package right there, how fast is it, and what does it learn?

Made for a GPU that is there for minutes: one process, no network, no Jupyter and no pyamg; photos come as a pack
(`nbhelpers photos pack`). Its steps stand in order of value: `cuda_right`, `cuda_speed`, `cuda_training`,
`cuda_shipping`, `cuda_memory`, and `cuda_training` twice more. Each has its share of the seconds, leaves what it did
not use to the next, and writes its tables as it goes, so that a cut-off run loses one step at most.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
import traceback
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nbhelpers import paths
from nbhelpers.bench import cuda_memory, cuda_right, cuda_shipping, cuda_speed, cuda_training
from nbhelpers.bench.cuda_campaign import TINY, Campaign, OutOfTime, Sizes, Step, card
from nbhelpers.errors import UserError
from nbhelpers.photos.pack import read
from nbhelpers.system import machine

WHOLE = Sizes()
ASSUMED = 300e12  # FLOP/s for the estimates of `--dry-run`: about 40 % of the product in 10_cuda_speed.csv


def steps() -> tuple[Step, ...]:
    """The steps, in order of value."""
    right, fast = (cuda_right.right, cuda_right.work), (cuda_speed.speed, cuda_speed.work)
    paper, ship = (cuda_training.paper, cuda_training.paper_work), (cuda_shipping.ship, cuda_shipping.ship_work)
    fits, unet = (cuda_memory.memory, cuda_memory.work), (cuda_training.unet, cuda_training.unet_work)
    again = (cuda_training.again, cuda_training.paper_work)
    return (
        Step("right", "the tests for CUDA; do fast variants learn the same, is resume exact?", 110, *right),
        Step("speed", "photos per second at the paper's size, switch by switch", 115, *fast),
        Step("paper", "the paper's GAN, 64 channels, for all its epochs", 170, *paper),
        Step("ship", "small networks for the course, compared on photos kept out", 144, *ship),
        Step("memory", "what fits: memory by batch and size", 60, *fits),
        Step("unet", "the paper's U-Net, 64 channels, for all its epochs; with more seeds, too", 120, *unet),
        Step("again", "the paper's GAN with other seeds, in the seconds that are left", 1, *again),
    )


def plan(budget: float, sizes: Sizes = WHOLE) -> pd.DataFrame:
    """Plan the campaign: the steps with their share of the seconds, and the arithmetic that they need.

    The estimate is of the arithmetic alone, at ASSUMED operations in a second; imports, compilation and small
    layers come on top, most of all in the first step.

    Parameters
    ----------
    budget : float
        Seconds for the whole campaign.
    sizes : Sizes
        How much work it is.

    Returns
    -------
    pd.DataFrame
        step, question, share_s (seconds, which sum to the budget), photos (learned from, each time counted), PFLOP,
        estimate_s (seconds).
    """
    rows, ends = [], np.cumsum([0, *(step.share for step in steps())])
    shares = np.diff((budget * ends / ends[-1]).round()).astype(int)  # so that they sum to the budget
    for step, share in zip(steps(), shares):
        photos, work = step.work(sizes)
        row = {"step": step.name, "question": step.question, "share_s": share}
        rows.append(row | {"photos": photos, "PFLOP": work / 1e15, "estimate_s": work / ASSUMED})
    return pd.DataFrame(rows)


def main(pack, out, budget: float = 540, resume: bool = False, rehearse: bool = False) -> None:
    """Run the campaign on a pack's photos and write its tables.

    Parameters
    ----------
    pack : str or Path
        A file of `nbhelpers photos pack`.
    out : str or Path
        The folder to fill.
    budget : float
        Seconds from now that the campaign may take.
    resume : bool
        Whether to leave out steps that `out` says are done; the others share the seconds.
    rehearse : bool
        Whether to take tiny sizes, also where there is no GPU.

    Raises
    ------
    UserError
        For a missing GPU, a damaged pack or one with too few photos, an `out` with an earlier campaign unless `resume`,
        or with a damaged one or one of other sizes, and in the end when a step has failed.
    """
    began, out = time.monotonic(), Path(out)
    if not rehearse and not torch.cuda.is_available():
        raise UserError(
            "PyTorch finds no CUDA device here: --dry-run shows the plan, --rehearse tries it on any machine"
        )
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it products do not repeat to the last bit
    log, sizes = out / "10_cuda_campaign.json", TINY if rehearse else WHOLE
    done = _earlier(log)
    if done and not resume:
        raise UserError(f"{out} holds a campaign: go on with --resume, or name another folder")
    asked = json.loads(json.dumps(dataclasses.asdict(sizes)))  # as the file holds it: lists, no tuples
    if done and done["about"]["sizes"] != asked:
        raise UserError(f"{out} holds a campaign of other sizes, such as a rehearsal: name another folder")
    campaign = Campaign(
        read(pack, sizes.most), sizes, torch.device("cuda" if torch.cuda.is_available() else "cpu"), out
    )
    photos = [len(campaign.pack.train), len(campaign.pack.test)]
    if photos[0] <= sizes.held or not photos[1]:
        raise UserError(f"{pack} has too few photos: the campaign needs over {sizes.held} for training, and some tests")
    out.mkdir(parents=True, exist_ok=True)
    about = {"card": card(campaign.device), "budget": budget, "photos": photos, "sizes": asked}
    earlier = done["about"].get("budget", 0) if done else 0
    done = {"about": about | machine()} | done
    done["about"]["budget"] = earlier + budget  # of all attempts
    left = [step for step in steps() if done.get(step.name, {}).get("state") != "done"]
    spent, total = 0, sum(step.share for step in left)
    for step in left:
        spent += step.share
        campaign.deadline = began + budget * spent / total
        print(f"{step.name}: {step.question} ({campaign.left:.0f} s)", flush=True)
        done[step.name] = _taken(step, campaign)
        with paths.atomic(log) as part:
            part.write_text(json.dumps(done, indent=1) + "\n")
        print(f"{step.name}: {done[step.name]['state']}, {done[step.name]['seconds']} s", flush=True)
    failed = [step.name for step in steps() if done[step.name]["state"].startswith("failed")]
    if failed:
        raise UserError(f"failed: {', '.join(failed)}; the reasons are in {log}; --resume tries these steps again")


def _earlier(log: Path) -> dict:
    """What the folder's campaign came to; {} where there is none."""
    if not log.is_file():
        return {}
    try:
        done = json.loads(log.read_text())
        done["about"]["sizes"]  # each campaign has them
        return done
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{log} is damaged: delete it, or name another folder") from None


def _taken(step: Step, campaign: Campaign) -> dict:
    """Take a step: its state, done, cut off or failed, and its seconds. One that fails must not take others with it."""
    start, state = time.monotonic(), {"state": "done"}
    try:
        campaign.check_time()
        step.do(campaign)
    except OutOfTime:
        state = {"state": "cut off"}
    except Exception as error:
        reason = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        state = {"state": reason, "traceback": traceback.format_exc().splitlines()[-40:]}
    return state | {"seconds": round(time.monotonic() - start, 1)}
