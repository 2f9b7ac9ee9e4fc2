"""What makes a training fast without changing what it learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from nbhelpers.errors import UserError

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Speed:
    """Switches that change how fast a training runs; the method stays the same, up to rounding.

    Attributes
    ----------
    accelerator : str
        "cpu", "cuda" or "auto".
    devices : int
        How many, with Fabric's DDP above 1.
    bf16 : bool or None
        Autocast to bfloat16; None: where the processor has instructions for it.
    channels_last : bool
        The networks' weights lie in memory with the channels last.
    fused : bool
        The fused AdamW.
    compile : bool
        torch.compile, for the generator and the discriminator.
    graphs : bool
        On one CUDA device, a step is recorded once and replayed (see `cuda_graphs`).
    resident : bool
        Photos stay in the device's memory when it has room for them.
    """

    accelerator: str = "auto"
    devices: int = 1
    bf16: bool | None = None
    channels_last: bool = True
    fused: bool = True
    compile: bool = False
    graphs: bool = True
    resident: bool = True

    def check(self) -> None:
        """Raise UserError for an unknown accelerator, and for "cuda" where there is none."""
        if self.accelerator not in ("cpu", "cuda", "auto"):
            raise UserError(f"there is no accelerator {self.accelerator!r}: choose cpu, cuda or auto")
        if self.accelerator == "cuda" and not torch.cuda.is_available():
            raise UserError("PyTorch finds no CUDA device here: --accelerator cpu trains on the processor")

    def precision(self) -> str:
        """Fabric's name of the precision: "bf16-mixed" or "32-true"."""
        cuda = self.accelerator != "cpu" and torch.cuda.is_available()
        able = torch.cuda.is_bf16_supported() if cuda else bf16_instructions()
        return "bf16-mixed" if (able if self.bf16 is None else self.bf16) else "32-true"


def bf16_instructions() -> bool:
    """Does this processor have instructions for bfloat16 (AVX512_BF16)?

    Others, AVX2 or plain AVX-512, are slow with it. Linux says; elsewhere the answer is no.
    (torch.cpu.get_capabilities, which asks the processor, is younger than 2.6.)
    """
    if not CPUINFO.is_file():
        return False
    found = (line.partition(":") for line in CPUINFO.read_text().splitlines())
    return any(name.strip() == "flags" and "avx512_bf16" in flags.split() for name, _, flags in found)
