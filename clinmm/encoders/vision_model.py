"""Any transformers image model, such as a DINO of radiographs or the picture side of a CLIP: frozen
with cached features, or trained on.

`weights` is a local folder or a hub id where a hub can be reached. What it says of a picture is its
first token, where it has one that stands for the whole, and the mean over its patches or maps.
Pictures are stretched to its size and scaled with the mean and deviation of its
preprocessor_config.json.

Source: Wolf et al., Transformers, EMNLP 2020 (demonstrations); the default is Oquab et al.,
DINOv2, TMLR 2024.
"""

import hashlib
import inspect
import json
from functools import lru_cache
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from clinmm.encoders.parts.looked_at import over_pixels, rolled_out, told
from clinmm.encoders.parts.pretrained_net import (
    Pretrained,
    PretrainedEncoder,
    PretrainedSettings,
    shape_of,
)
from clinmm.errors import InputError
from clinmm.readers.cache import content_of

IDENTIFYING = ("*.safetensors", "*.bin", "config.json", "preprocessor_config.json")
"""Files of a local model whose content decides what it computes."""


class Config(PretrainedSettings, frozen=True, extra="forbid"):
    """weights: a folder or a hub id. size: side in pixels; None: the model's own."""

    weights: str = "facebook/dinov2-small"
    size: int | None = Field(default=None, ge=16)


class Body(nn.Module):
    """A transformers image model between pixels in [0, 1] and maps."""

    def __init__(self, net: Any, facts: dict[str, Any]) -> None:
        super().__init__()
        self.net = net
        self.mean, self.deviation = facts["mean"], facts["deviation"]
        # Those with a table of positions for one size read another when they are told to.
        named = inspect.signature(net.forward).parameters
        self.options = {k: True for k in ("interpolate_pos_encoding",) if k in named}

    def attention(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Of each layer (B, heads, T, T)."""
        layers: tuple[Tensor, ...] = self._asked(pixels, output_attentions=True).attentions
        return layers

    def _asked(self, pixels: Tensor, **wanted: bool) -> Any:
        mean = pixels.new_tensor(self.mean).view(-1, 1, 1)
        deviation = pixels.new_tensor(self.deviation).view(-1, 1, 1)
        return self.net(pixel_values=(pixels - mean) / deviation, **self.options, **wanted)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> (whole (B, F), or (B, 0) without a token for it; maps (B, F, h, w))."""
        out: Tensor = self._asked(pixels).last_hidden_state
        if out.dim() == 4:  # convolutions
            return out.new_zeros(len(out), 0), out
        side = isqrt(out.shape[1])  # the patches of a square, after the tokens that are no patch
        n_first = out.shape[1] - side**2
        maps = out[:, n_first:].transpose(1, 2).reshape(len(out), -1, side, side)
        return out[:, 0] if n_first else out.new_zeros(len(out), 0), maps


@lru_cache
def _loaded(weights: str, size: int | None) -> tuple[nn.Module, dict[str, Any]]:
    from transformers import AutoModel, utils

    local = Path(weights).is_dir()
    utils.logging.disable_progress_bar()
    try:
        whole = AutoModel.from_pretrained(weights, local_files_only=local, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise InputError(
            f"vision_model: weights '{weights}' cannot be loaded ({type(error).__name__}). Give a "
            "folder that holds config.json, model.safetensors and preprocessor_config.json, or a "
            "hub id where a hub can be reached."
        ) from None
    net = getattr(whole, "vision_model", whole)  # of a CLIP the half that reads pictures
    if "pixel_values" not in inspect.signature(net.forward).parameters:
        raise InputError(
            f"vision_model: '{weights}' is a {type(net).__name__}, which reads no pictures. "
            "For notes use language_model."
        )
    facts = _as_trained(weights, local, int(getattr(net.config, "num_channels", 3)))
    facts = facts | {
        "weights": _identity(weights, local, net),
        "size": size or facts["size"],
        "architecture": json.loads(net.config.to_json_string(use_diff=False)),
    }
    body = Body(net, facts).eval().requires_grad_(False)
    try:
        return body, facts | shape_of(body, facts["channels"], facts["size"])
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"vision_model: '{weights}' reads no pictures of {facts['size']} pixels a side "
            f"({type(error).__name__}). Leave `size` out to take the model's own."
        ) from None


def _identity(weights: str, local: bool, net: Any) -> str:
    if not local:
        return f"{weights}@{net.config._commit_hash}"
    files = [file for kind in IDENTIFYING for file in sorted(Path(weights).glob(kind))]
    return hashlib.sha256("\n".join(str(content_of(file)) for file in files).encode()).hexdigest()


def _as_trained(weights: str, local: bool, channels: int) -> dict[str, Any]:
    """mean, deviation, size and channels of the pictures that the model was trained on."""
    from transformers.utils import cached_file

    try:
        file = cached_file(weights, "preprocessor_config.json", local_files_only=local)
        said = json.loads(Path(str(file)).read_text(encoding="utf-8"))
        size = said.get("crop_size") if said.get("do_center_crop") else None
        size = size or said["size"]
        if isinstance(size, dict):
            size = size.get("height") or size["shortest_edge"]
        plain = not said.get("do_normalize", True)
        mean = [0.0] * channels if plain else [float(v) for v in said["image_mean"]]
        deviation = [1.0] * channels if plain else [float(v) for v in said["image_std"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"vision_model: '{weights}' has no preprocessor_config.json that gives image_mean, "
            "image_std and size, so nobody can tell how its pictures were scaled. Put it there."
        ) from None
    return {"mean": mean, "deviation": deviation, "size": int(size), "channels": channels}


def load(config: Config) -> tuple[nn.Module, dict[str, Any]]:
    return _loaded(config.weights, config.size)


def bare(config: Config, facts: dict[str, Any]) -> nn.Module:
    """The same network without its weights; neither the folder nor a hub is needed."""
    from transformers import AutoConfig, AutoModel

    architecture = dict(facts["architecture"])
    settings = AutoConfig.for_model(architecture.pop("model_type"), **architecture)
    return Body(AutoModel.from_config(settings), facts)


class Encoder(PretrainedEncoder):
    net = Pretrained("vision_model", load, bare)

    def attention(self, values: Tensor, fixed: dict[str, Tensor]) -> Tensor | None:
        """What the mean of the last tokens takes from each patch, through all layers; None where
        a patch does not look at all others."""
        body = self._network()
        # Convolutions have no heads, and those who look through windows a number for each stage.
        if not isinstance(getattr(body.net.config, "num_attention_heads", None), int):  # type: ignore[union-attr]
            return None
        with told(body.net):
            layers = body.attention(values)  # type: ignore[operator]
        share = rolled_out(layers).mean(1)
        return over_pixels(share[:, -(isqrt(share.shape[1]) ** 2) :], values)
