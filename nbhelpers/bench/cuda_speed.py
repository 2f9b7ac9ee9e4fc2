"""Step 2 of the CUDA campaign, how fast is it: photos per second, switch by switch, and the share of the GPU in use."""

from __future__ import annotations

import dataclasses
import functools
import gc
import io
import time
from contextlib import nullcontext
from types import SimpleNamespace

import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from nbhelpers.bench import networks
from nbhelpers.bench.cuda_campaign import FAST, PLAIN, SWITCHES, Campaign, Sizes
from nbhelpers.networks import optimizers, training
from nbhelpers.networks.architectures import build
from nbhelpers.networks.config import TrainConfig, train_config
from nbhelpers.networks.data import Batch
from nbhelpers.networks.models import discriminator
from nbhelpers.networks.speed import Speed

COLOURS = 200  # of a palette, roughly
PRODUCT = 8192  # side of the bf16 matrix product that utilization is measured against
COMPILED = dataclasses.replace(FAST, compile=True)
IN_PLAIN_PYTORCH = "plain PyTorch: DataLoader that decodes, float32"


@functools.cache
def flops(asked: TrainConfig) -> float:
    """Count the floating-point operations of one photo in a training step, in the very step of the package.

    A multiplication and its addition are two. Nothing is computed: the tensors have shapes alone.

    Parameters
    ----------
    asked : TrainConfig
        The training configuration.

    Returns
    -------
    float
        Operations for one photo.
    """
    counted = []

    def follow(step):
        lightness, ab = (torch.zeros(2, n, asked.size, asked.size, device="meta") for n in (1, 2))
        known = nets["generator"].features(lightness) if asked.cached and not asked.encoder_rate else None
        with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _backward}) as counter:
            step(Batch(lightness, ab, features=known))
        counted.append(counter.get_total_flops() / 2)

    with torch.device("meta"):
        nets = {"generator": build(_arguments(asked))}
        nets["generator_module"] = nets["generator"]
        if asked.adversarial:
            nets["discriminator"] = discriminator(asked.discriminator, asked.discriminator_width)
            nets["logits_for_generator"] = nets["discriminator"]
    optimizers.groups(nets["generator"], asked.encoder_rate)  # an encoder's first stages get no gradient
    rest = SimpleNamespace(zero_grad=lambda: None, step=lambda: None)
    fabric = SimpleNamespace(backward=lambda loss, **options: loss.backward(**options), autocast=nullcontext)
    trainer = SimpleNamespace(
        **nets, config=asked, fabric=fabric, optimizer=rest, discriminator_optimizer=rest, follow=follow
    )
    training.loop(asked)(trainer)
    return counted[0]


def _backward(above, x, weight, _bias, _stride, _padding, _dilation, transposed, _output, _groups, wanted, **_) -> int:
    """Operations of a convolution's gradients; torch counts those of an encoder's grouped ones as if of one group."""
    return sum(wanted[:2]) * conv_flop_count(x, weight, above, transposed=transposed)


def _arguments(asked: TrainConfig) -> dict:
    """Of the generator, see `architectures.build`; a palette has about so many colours."""
    own = {"depth": asked.depth, "upsampling": asked.upsampling}
    shape = {"width": asked.width} | (own if asked.encoder == "none" else {"encoder": asked.encoder})
    return shape | ({"outputs": COLOURS, "temperature": asked.temperature} if asked.loss == "bins" else {})


def timed_config(name: str, sizes: Sizes, batch: int | None = None) -> TrainConfig:
    """Make the training configuration that is timed.

    Parameters
    ----------
    name : str
        Name of the training configuration.
    sizes : Sizes
        The campaign's sizes.
    batch : int, optional
        Photos in a step; None takes the campaign's.

    Returns
    -------
    TrainConfig
        With larger batches it has more epochs, so that most steps come after the recording of one.
    """
    batch = batch or sizes.batch
    more = {"width": sizes.width, "discriminator_width": sizes.width, "epochs": 3 + 2 * (batch // 64)}
    return train_config(name, size=sizes.speed_size, stored=sizes.speed_size, batch=batch, **more)


def work(sizes: Sizes) -> tuple[int, float]:
    """Count the work of the step, with about nine rows a network.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    tuple of int and float
        Photos learned from, each time counted, and their floating-point operations.
    """
    photos = 3 * 9 * sizes.speed_photos
    return 2 * photos, sum(photos * flops(timed_config(name, sizes)) for name in ("unet", "gan-paper"))


def speed(c: Campaign) -> None:
    """Time the paper's GAN and its U-Net, in photos per second: a loop in plain PyTorch, ours, and each switch of it.

    The most telling come first. No variant takes another with it: what goes wrong stands in the row's note.

    Parameters
    ----------
    c : Campaign
        The table "speed" is written there.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up.
    """
    sizes, table = c.sizes, Timings(c)
    table.plain("gan-paper")
    table.add("gan-paper", "the package's loop, float32", PLAIN)
    table.add("gan-paper", "all but compile", FAST)
    if sizes.compile:
        table.add("gan-paper", "all", COMPILED)
        table.add("unet", "all", COMPILED)
    table.add("unet", "all but compile", FAST)
    table.plain("unet")
    for what, change in SWITCHES.items():
        table.add("gan-paper", f"float32 + {what}", dataclasses.replace(PLAIN, **change))
    batch = 4 * sizes.batch
    while batch <= sizes.largest_batch and table.add("gan-paper", "all but compile", FAST, batch):
        batch *= 2
    if sizes.compile and c.left > 60:  # as long as a compilation may take
        table.add("gan-paper", "float32 + compile", dataclasses.replace(PLAIN, compile=True))


class Timings:
    """The rows of the step's table, written anew with each.

    Parameters
    ----------
    c : Campaign
        Whose photos are learned from, and where the table "speed" is written.
    """

    def __init__(self, c: Campaign):
        self.c, self.rows, self.most = c, [], product(c.device)
        self.photos = c.squares(c.sizes.speed_size, c.sizes.speed_photos)

    def plain(self, name: str) -> None:
        """Time the loop that one would otherwise write.

        Parameters
        ----------
        name : str
            Name of the training configuration.
        """
        files = 2 * [_jpeg(photo) for photo in self.photos]
        self._add(name, IN_PLAIN_PYTORCH, None, lambda asked: networks.plain(files, asked, 1, self.c.device))

    def add(self, name: str, what: str, switches: Speed, batch: int | None = None) -> float | None:
        """Time the package's loop.

        Parameters
        ----------
        name : str
            Name of the training configuration.
        what : str
            What the variant is called in the table.
        switches : Speed
            Of the variant.
        batch : int, optional
            Photos in a step; None takes the campaign's.

        Returns
        -------
        float or None
            Photos per second; None where it went wrong.
        """
        return self._add(name, what, batch, lambda asked: networks.ours(self.photos, asked, switches))

    def _add(self, name, what, batch, seconds) -> float | None:
        self.c.check_time()
        asked = timed_config(name, self.c.sizes, batch)
        row = {"network": name, "variant": what, "size": asked.size, "width": asked.width, "batch": asked.batch}
        empty(self.c.device)
        began = time.perf_counter()
        try:
            row["photos_per_second"] = rate = 1 / seconds(asked)
        except Exception as error:
            rate, row["note"] = None, f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
            print(f"speed: {name}, {what}, batch {asked.batch}: {row['note']}", flush=True)
        row["spent_s"] = time.perf_counter() - began
        if rate:
            row["TFLOP_per_photo"] = flops(asked) / 1e12
            row["utilization"] = row["TFLOP_per_photo"] * rate / self.most
            if self.c.device.type == "cuda":
                row["peak_GiB"] = torch.cuda.max_memory_allocated(self.c.device) / 2**30
        self.rows.append(row | {"product_TFLOP_per_second": self.most})
        plain = {r["network"]: r.get("photos_per_second") for r in self.rows if r["variant"] == IN_PLAIN_PYTORCH}
        for each in self.rows:
            if plain.get(each["network"]) and "photos_per_second" in each:
                each["ratio"] = each["photos_per_second"] / plain[each["network"]]
        self.c.write("speed", self.rows)
        return rate


def product(device: torch.device, repeats: int = 20) -> float:
    """Time a bf16 matrix product of random numbers, of side PRODUCT on a GPU and 256 elsewhere.

    Parameters
    ----------
    device : torch.device
        Where.
    repeats : int
        Products that are timed, after three that are not.

    Returns
    -------
    float
        What it reaches there, in TFLOP/s.
    """
    side = PRODUCT if device.type == "cuda" else 256
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    spent = []
    for count in (3, repeats):  # the first few only warm up
        began = time.perf_counter()
        for _ in range(count):
            found = a @ b
        found[0, 0].item()  # the GPU has finished then
        spent.append(time.perf_counter() - began)
    return 2 * side**3 * repeats / spent[1] / 1e12


def empty(device: torch.device) -> None:
    """Give back the memory of the training before, and count the peak anew.

    Parameters
    ----------
    device : torch.device
        Nothing is done for any but a GPU.
    """
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _jpeg(photo) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=90)
    return file.getvalue()
