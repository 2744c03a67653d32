"""Weights from a file into a network of our own: what fits is taken over, and counted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from clinmm.encoders.parts.feature_cache import cache_folder
from clinmm.errors import InputError
from clinmm.readers.cache import content_of

MONAI = "monai"
"""The setting that asks for the weights which MONAI itself offers for a network."""

WRAPPED = ("state_dict", "model_state_dict", "model")
"""Where training scripts put the tensors within a checkpoint."""


class Taken(NamedTuple):
    """loaded: names of the network that were found. missing: those that were not."""

    loaded: list[str]
    missing: list[str]


def file_of(weights: str, offered: str | None, where: str) -> Path:
    """The file that the setting `weights` names, fetched where it is MONAI's own.

    Args:
        weights: a path, or `monai`.
        offered: address of the weights that MONAI offers for this network.
        where: names the encoder in errors.

    Raises:
        InputError: no such file, or MONAI offers none, or they cannot be fetched.
    """
    if weights != MONAI:
        file = Path(weights)
        if not file.is_file():
            raise InputError(
                f"{where}: weights '{weights}' is no file. Give a .safetensors, .pt or .pth file."
            )
        return file
    if offered is None:
        raise InputError(
            f"{where}: MONAI offers no weights for these settings. See the documentation for those "
            "that it has, give a local file, or leave `weights` out."
        )
    file = cache_folder() / "weights" / offered.rsplit("/", 1)[-1]
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(offered, str(file), progress=False)
        except OSError as error:  # urllib's errors are OSErrors
            raise InputError(
                f"{where}: {offered} cannot be fetched ({type(error).__name__}). Fetch it where "
                "there is a network and give the file's path as `weights`."
            ) from None
    return file


def sha256_of_weights(file: Path) -> str:
    return str(content_of(file))


def tensors_of(file: Path, where: str) -> dict[str, Tensor]:
    """Name -> tensor. Nothing in the file is executed.

    Raises:
        InputError: the file is no safetensors file and no plain PyTorch checkpoint.
    """
    from pickle import UnpicklingError

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held: Any = (
            load_file(file)
            if file.suffix == ".safetensors"
            else torch.load(file, map_location="cpu", weights_only=True)
        )
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(
            f"{where}: {file} cannot be read as weights ({type(error).__name__}). Wanted a "
            ".safetensors file, or a .pt or .pth file that holds tensors and no program: "
            "save it again with torch.save(network.state_dict(), file)."
        ) from None
    for key in WRAPPED:
        if isinstance(held, dict) and isinstance(held.get(key), dict):
            held = held[key]
    found = held if isinstance(held, dict) else {}
    return {str(name): value for name, value in found.items() if isinstance(value, Tensor)}


def take_weights(
    network: nn.Module, tensors: dict[str, Tensor], same: Callable[[str], str] = str
) -> Taken:
    """Copies into the network every tensor whose name and shape fit.

    A prefix that all names of the file share with each other, such as `module.` or `backbone.`, is
    found by what fits best.

    Args:
        network: changed in place.
        tensors: of a file.
        same: brings spellings of a name together; applied to both sides.
    """
    wanted = {same(name): (name, value) for name, value in network.state_dict().items()}
    best: dict[str, Tensor] = {}
    for prefix in _prefixes(tensors):
        fits = {
            wanted[short][0]: value
            for name, value in tensors.items()
            if name.startswith(prefix)
            and (short := same(name[len(prefix) :])) in wanted
            and wanted[short][1].shape == value.shape
        }
        if len(fits) > len(best):
            best = fits
    network.load_state_dict(best, strict=False)
    # How many batches a batch norm has seen is no weight, and many files lack it.
    names = [n for n in network.state_dict() if not n.endswith("num_batches_tracked")]
    return Taken([n for n in names if n in best], [n for n in names if n not in best])


def _prefixes(tensors: dict[str, Tensor]) -> list[str]:
    found = {""}
    for name in tensors:
        parts = name.split(".")
        found.update(".".join(parts[:i]) + "." for i in range(1, len(parts)))
    return sorted(found, key=lambda prefix: (len(prefix), prefix))


def facts_of_weights(
    network: nn.Module, file: Path, where: str, same: Callable[[str], str] = str
) -> dict[str, Any]:
    """JSON facts: `weights_sha256`, how many tensors were `loaded` and `not_loaded`, `train`, which
    is released, and `why`, a sentence that says so. The network is changed in place.

    Raises:
        InputError: nothing of the file fits.
    """
    tensors = tensors_of(file, where)
    loaded, missing = take_weights(network, tensors, same)
    if not loaded:
        raise InputError(
            f"{where}: nothing of {file} fits this network: the file holds {len(tensors)} tensors, "
            f"such as {sorted(tensors)[:2]}; wanted {missing[:2]}. Check that its kind, size, "
            "channels and dimensions are those of the settings."
        )
    why = f"{len(loaded)} of {len(loaded) + len(missing)} tensors came from {file.name}"
    why += f"; the rest start at random, such as {missing[0]}." if missing else "."
    return {
        "weights_sha256": sha256_of_weights(file),
        "loaded": len(loaded),
        "not_loaded": len(missing),
        "train": "released",
        "why": why,
    }
