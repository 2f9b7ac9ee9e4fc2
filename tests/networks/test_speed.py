"""Which precision a training runs in."""

import pytest
import torch

from nbhelpers.networks import speed
from nbhelpers.networks.speed import Speed, bf16_instructions

AVX2 = "fpu sse4_2 avx avx2 fma"
CPUS = {
    "AVX2": (AVX2, False),
    "AVX-512 without bf16": (AVX2 + " avx512f avx512bw avx512_vnni", False),
    "AVX-512 with bf16": (AVX2 + " avx512f avx512_bf16 avx512bw", True),
}


def cpuinfo(flags):
    core = f"processor\t: 0\nmodel name\t: made up avx512_bf16\nflags\t\t: {flags}\nbugs\t\t: avx512_bf16\n\n"
    return core + core.replace("processor\t: 0", "processor\t: 1")


@pytest.mark.parametrize("kind", CPUS)
def test_bf16_is_chosen_where_the_processor_has_instructions_for_it(tmp_path, monkeypatch, kind):
    flags, able = CPUS[kind]
    (tmp_path / "cpuinfo").write_text(cpuinfo(flags))
    monkeypatch.setattr(speed, "CPUINFO", tmp_path / "cpuinfo")
    assert Speed("cpu").precision() == ("bf16-mixed" if able else "32-true")
    assert Speed("cpu", bf16=True).precision() == "bf16-mixed"  # whoever asks for it, has it
    assert Speed("cpu", bf16=False).precision() == "32-true"


def test_without_a_word_on_the_processor_it_is_float32(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "CPUINFO", tmp_path / "none")
    assert Speed("cpu").precision() == "32-true"


@pytest.mark.skipif(
    not hasattr(torch.cpu, "get_capabilities") or not speed.CPUINFO.is_file(), reason="torch cannot be asked"
)
def test_torch_says_the_same_of_this_processor():
    assert bf16_instructions() == torch.cpu.get_capabilities().get("avx512_bf16", False)
