"""Checkpoints and finished networks on disk: safetensors, which hold numbers and nothing that could be executed.

What belongs to the numbers (configuration, step, photos) stands as JSON in the file's own header, so that both are
written at once, and again in a `.json` beside it for people to read.

Not by Fabric.save, whose files torch unpickles: pickle executes what it reads, and a checkpoint may come from others.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.networks.architectures import build
from nbhelpers.networks.int8 import dequantized, output_axes, quantize
from nbhelpers.networks.pretrained import PretrainedUNet

FORMAT = 1  # raise it when the contents change their meaning
CONFIG = "recipe"  # where a description holds its TrainConfig; so named in every file written so far, ours among them


def save(path: Path, tensors: dict[str, torch.Tensor], about: dict) -> None:
    """Write tensors and their description, in one step: after a kill the older file is still whole.

    Parameters
    ----------
    path : Path
        The `.safetensors` file. The description is written once more beside it, with the suffix `.json`.
    tensors : dict of str to torch.Tensor
        On any device and of any memory layout.
    about : dict
        The description, which JSON can hold; its "format" is added.
    """
    path, about = Path(path), {"format": FORMAT} | about
    text = json.dumps(about, indent=1)
    with paths.atomic(path) as part:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part, metadata={"about": text})
    with paths.atomic(path.with_suffix(".json")) as part:
        part.write_text(text + "\n")


def read_about(path: Path) -> dict:
    """Read the description in a file's header.

    Parameters
    ----------
    path : Path
        A file that `save` wrote.

    Returns
    -------
    dict
        The description, with its "format".

    Raises
    ------
    UserError
        When the file is missing, damaged or foreign; the message names it.
    """
    return _read(path, tensors=False)[1]


def read(path: Path) -> tuple[dict[str, torch.Tensor], dict]:
    """Read the tensors of a file and its description.

    Parameters
    ----------
    path : Path
        A file that `save` wrote.

    Returns
    -------
    tensors : dict of str to torch.Tensor
        On the CPU.
    about : dict
        The description, with its "format".

    Raises
    ------
    UserError
        As `read_about` does.
    """
    return _read(path, tensors=True)


def _read(path: Path, tensors: bool):
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}: give the path of a .safetensors file")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "null"))
            found = {key: file.get_tensor(key) for key in file.keys()} if tensors else {}  # noqa: SIM118 (no mapping)
    except (SafetensorError, ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path} is damaged or no safetensors file ({error}): delete it and train again") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"{path} was not written by this version of nbhelpers: delete it and train again")
    return found, about


def pack(prefix: str, tensors: dict) -> dict[str, torch.Tensor]:
    """Put tensors under a prefix: {"a": t} becomes {"prefix/a": t}.

    Parameters
    ----------
    prefix : str
        A word without a slash.
    tensors : dict of str to torch.Tensor
        The tensors by name.

    Returns
    -------
    dict of str to torch.Tensor
        The same tensors, under longer names.
    """
    return {f"{prefix}/{key}": value for key, value in tensors.items()}


def unpack(prefix: str, tensors: dict) -> dict[str, torch.Tensor]:
    """The inverse of `pack`.

    Parameters
    ----------
    prefix : str
        Which tensors to take.
    tensors : dict of str to torch.Tensor
        Tensors of several prefixes.

    Returns
    -------
    dict of str to torch.Tensor
        Those under the prefix, without it in their names.
    """
    return {key.partition("/")[2]: value for key, value in tensors.items() if key.partition("/")[0] == prefix}


def digest(path: Path) -> str:
    """Sixteen hexadecimal digits that tell this file from others.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    str
        The first digits of the SHA-256 of its bytes.
    """
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def epochs(about: dict) -> int:
    """How many epochs a network has learned, those of the networks that it began with counted too.

    Parameters
    ----------
    about : dict
        The description of a network.

    Returns
    -------
    int
        Passes over the photos; 0 when the description does not say.
    """
    return about.get("epochs", about.get(CONFIG, {}).get("epochs", 0))


def copy(path: Path, to: Path) -> None:
    """Copy a network's file, to the byte, with that of its encoder where it has one; write its description beside it.

    Parameters
    ----------
    path : Path
        A file that `save` wrote.
    to : Path
        The copy; the description has the same name and the suffix `.json`.

    Raises
    ------
    UserError
        As `read_about` does.
    """
    about = read_about(path)
    if "encoder" in about:
        copy(_encoder_file(path, about["encoder"]), _encoder_file(to, about["encoder"]))
    with paths.atomic(to) as part:
        shutil.copyfile(path, part)
    with paths.atomic(to.with_suffix(".json")) as part:
        part.write_text(json.dumps(about, indent=1) + "\n")


def save_network(path: Path, network: nn.Module, about: dict, int8: bool = False, share: bool = False) -> None:
    """Write a finished network, its convolutions in half precision or in int8.

    Parameters
    ----------
    path : Path
        The `.safetensors` file, see `save`.
    network : UNet, PretrainedUNet or ColourBins
        The network, on any device.
    about : dict
        What is said about it: at least its "name" and "size".
    int8 : bool
        Write the convolutions in half of that again, each "<name>.weight" with its "<name>.weight_scale", see
        `quantize`.
    share : bool
        Write a pretrained encoder to a file of its own beside it, encoder-<digest>.safetensors: networks with the same
        encoder have the same file.
    """
    found = network.state_dict()
    weights = {k: v.half() if v.ndim == 4 else v for k, v in found.items()}
    for key, axis in output_axes(network).items() if int8 else ():
        weights[key], weights[f"{key}_scale"] = quantize(found[key], axis)
    if share and isinstance(network, PretrainedUNet):
        mine = {key: weights.pop(key).detach().cpu() for key in list(weights) if key.startswith("encoder.")}
        about = about | {"encoder": _shared(path, mine, network.arguments["encoder"])}
    else:
        about = {key: value for key, value in about.items() if key != "encoder"}  # which another file had beside it
    save(path, weights, about | {"network": network.arguments})


def _shared(path: Path, weights: dict[str, torch.Tensor], encoder: str) -> str:
    """Write the weights of an encoder beside `path`, and return the digits that tell it from others."""
    digits = _digits(weights)
    save(_encoder_file(path, digits), weights, {"name": "encoder", "network": {"encoder": encoder}})
    return digits


def _digits(weights: dict[str, torch.Tensor]) -> str:
    parts = (key.encode() + value.contiguous().numpy().tobytes() for key, value in sorted(weights.items()))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _encoder_file(path: Path, digits) -> Path:
    """The file of an encoder beside `path`, whose description may come from others."""
    if not isinstance(digits, str) or not digits.isalnum():
        raise UserError(f"{path} holds no network as it should: delete it and train again")
    return Path(path).with_name(f"encoder-{digits}.safetensors")


def _with_encoder(path: Path, weights: dict[str, torch.Tensor], about: dict) -> dict[str, torch.Tensor]:
    """The weights of a network, those of an encoder that lies beside it included."""
    digits = about.get("encoder")
    if digits is None:
        return weights
    file = _encoder_file(path, digits)
    shared = read(file)[0]
    if _digits(shared) != digits:
        raise UserError(f"{file} holds another encoder than its name says: delete it and train {path} again")
    return weights | shared


def _built(path: Path, arguments: dict) -> nn.Module:
    """The network that a file claims to hold; it takes no memory, whatever the file claims."""
    try:
        with torch.device("meta"):
            return build(arguments)
    except UserError as error:  # an encoder that timm does not know
        raise UserError(f"{path} cannot be read: {error}") from None


def load_network(path: Path) -> tuple[nn.Module, dict]:
    """Read a finished network and what is said about it.

    Parameters
    ----------
    path : Path
        A file that `save_network` wrote.

    Returns
    -------
    network : UNet, PretrainedUNet or ColourBins
        In float32, on the CPU, in evaluation mode.
    about : dict
        The description; its "network" holds the arguments of `architectures.build`.

    Raises
    ------
    UserError
        When the file, or that of its encoder, is missing, damaged or foreign, holds another network than it says, or
        holds numbers that are not finite.
    """
    weights, about = read(path)
    try:
        network = _built(path, about["network"])
        weights = dequantized(_with_encoder(path, weights, about), network)
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()}, assign=True)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError, MemoryError):
        raise UserError(f"{path} holds no network as it should: delete it and train again") from None
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise UserError(f"{path} holds numbers that are not finite: delete it and train again")
    return network.eval(), about
