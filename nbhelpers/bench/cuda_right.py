"""Step 1 of the CUDA campaign, is it right: the tests, the losses of fast variants, and resume to the last bit."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from importlib.util import find_spec

import numpy as np
import torch

from nbhelpers import paths
from nbhelpers.bench.cuda_campaign import FAST, PLAIN, SWITCHES, Campaign, OutOfTime, Sizes
from nbhelpers.bench.cuda_speed import flops
from nbhelpers.bench.cuda_training import paper_config
from nbhelpers.networks.config import TrainConfig, train_config
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.training import train

TOLERANCE = {"unet": 0.03, "gan-paper": 0.25}  # of the mean losses of all steps, relative
LOSSES = ("loss", "adversarial", "discriminator_loss")


def work(sizes: Sizes) -> tuple[int, float]:
    """Count the work of the step.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    tuple of int and float
        Photos learned from, each time counted, and their floating-point operations.
    """
    photos = sizes.batch * sizes.check_steps
    asked = [asked for asked, _, _ in _variants(sizes)]
    return photos * len(asked), sum(photos * flops(each) for each in asked)


def right(c: Campaign) -> None:
    """Run the tests marked `cuda`, compare the losses of fast variants with plain float32's, and check resume.

    Resume is exact when losses and weights are the same to the last bit.

    Parameters
    ----------
    c : Campaign
        The tables "tests", "right" and "resume" are written there.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up.
    """
    tests, rows, resumed = _start_tests(c), [], []  # beside the rest: nothing here is timed
    try:
        for name, graphs in itertools.product(TOLERANCE, (True, False)):
            c.check_time()
            resumed.append(_resumed(c, name, graphs))
            c.write("resume", resumed)
        for asked, what, switches in _variants(c.sizes):
            c.check_time()
            rows.append(_losses(c, asked, what, switches))
            _compare(rows)
            c.write("right", rows)
    finally:
        if tests is not None:
            c.write("tests", _end_tests(c, tests))


def _variants(sizes: Sizes):
    """What is compared: (config, variant, switches); what the others of a config are held against comes first."""
    epochs = max(1, sizes.check_steps // 8)
    small = {"size": sizes.check_size, "width": sizes.small, "batch": sizes.batch, "epochs": epochs}
    for name in TOLERANCE:
        asked = dataclasses.replace(train_config(name, **small), schedule="constant", rate=2e-4)
        yield asked, "float32", PLAIN
        yield asked, "float32, once more", PLAIN
        if name == "unet":
            yield dataclasses.replace(asked, seed=1), "float32, another seed", PLAIN
        for what, change in SWITCHES.items():
            if name == "unet" or what in ("bf16", "CUDA graph"):
                yield asked, what, dataclasses.replace(PLAIN, **change)
        yield asked, "all but compile", FAST
    if sizes.compile:
        asked = dataclasses.replace(paper_config(sizes), epochs=epochs)
        yield asked, "all but compile", FAST
        yield asked, "all", dataclasses.replace(FAST, compile=True)


def _losses(c: Campaign, asked: TrainConfig, what: str, switches: Speed) -> dict:
    """Train for some steps, 8 in an epoch; the mean of each loss, over all steps and over the last quarter."""
    photos = c.squares(asked.stored, 8 * asked.batch)
    row = {"network": asked.name, "variant": what, "size": asked.size, "width": asked.width, "steps": 8 * asked.epochs}
    began = time.perf_counter()
    found = train(asked, photos, speed=switches, log_every=1, restarts=0, progress=False)
    row["seconds"] = time.perf_counter() - began
    for loss in LOSSES:
        if loss in found.rows[0]:
            values = np.array([each[loss] for each in found.rows])
            row |= {loss: values.mean(), f"late_{loss}": values[-(len(values) // 4) :].mean()}
    return row | {"chroma": found.rows[-1]["chroma"], "collapsed": found.collapsed}


def _compare(rows: list[dict]) -> None:
    """Fill in how far each variant's losses are from the first one's, and whether that is within the tolerance."""
    for row in rows:
        base = next(each for each in rows if (each["network"], each["size"]) == (row["network"], row["size"]))
        row["difference"] = max(abs(row[loss] / base[loss] - 1) for loss in LOSSES if loss in row)
        row |= {"tolerance": TOLERANCE[row["network"]], "within": row["difference"] <= TOLERANCE[row["network"]]}


def _resumed(c: Campaign, name: str, graphs: bool) -> dict:
    """Interrupt a training after its first epoch and take it up: are losses and weights the same to the last bit?"""
    sizes, folder = c.sizes, c.out / "resume" / f"{name}-{graphs}"
    shutil.rmtree(folder, ignore_errors=True)  # trainings of an earlier attempt would be taken as they are
    photos = c.squares(sizes.check_size + sizes.check_size // 8, 8 * sizes.batch)
    asked = train_config(name, size=sizes.check_size, width=sizes.small, batch=sizes.batch, epochs=3)
    options = {"speed": dataclasses.replace(FAST, graphs=graphs), "log_every": 1, "restarts": 0, "progress": False}

    def stop(trainer):
        raise OutOfTime

    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        whole, again = (train(asked, photos, folder / part, **options) for part in ("whole", "again"))
        try:
            train(asked, photos, folder / "parts", watch=stop, **options)
        except OutOfTime:
            pass
        parts = train(asked, photos, folder / "parts", **options)
    finally:
        torch.use_deterministic_algorithms(False)

    def later(trained):  # rows of the epoch before the interruption come back from a file, rounded
        return [row for row in trained.rows if row["epoch"] > 0]

    def same(other):
        weights = zip(whole.network.state_dict().values(), other.network.state_dict().values())
        return later(whole) == later(other) and all(torch.equal(*pair) for pair in weights)

    row = {"network": name, "CUDA graph": graphs, "steps": len(whole.rows), "deterministic algorithms": True}
    return row | {"a second run repeats": same(again), "resume is exact": same(parts)}


def _start_tests(c: Campaign):
    """Start pytest on the tests marked `cuda`, file by file; None where there are none to run."""
    files = [str(path) for name in c.sizes.tests if (path := paths.ROOT / "tests" / f"{name}.py").is_file()]
    if not files:
        return None
    report = c.out / "tests.xml"
    report.unlink(missing_ok=True)  # one of an earlier attempt says nothing about this one
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider"]
    command += ["-n", "4"] if find_spec("xdist") else []
    with open(c.out / "tests.txt", "w") as log:
        command += [f"--junitxml={report}", *files]
        return report, subprocess.Popen(command, cwd=paths.ROOT, stdout=log, stderr=log)


def _end_tests(c: Campaign, started) -> list[dict]:
    """Wait for them as long as the step may take: one row for each test."""
    report, process = started
    try:
        process.wait(max(5, c.left))
    except subprocess.TimeoutExpired:
        process.kill()
        return [{"file": "", "test": report.stem, "outcome": "not finished in time"}]
    if not report.is_file():
        return [{"file": "", "test": report.stem, "outcome": f"pytest ended with {process.returncode}"}]
    rows = []
    for case in xml.parse(report).iter("testcase"):
        bad = next((part for part in case if part.tag in ("failure", "error", "skipped")), None)
        row = {"file": case.get("classname"), "test": case.get("name"), "outcome": "passed" if bad is None else bad.tag}
        why = "" if bad is None else " ".join(bad.get("message", "").split())[:200]
        rows.append(row | {"seconds": float(case.get("time")), "message": why})
    return rows
