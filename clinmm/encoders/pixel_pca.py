"""Principal components of small copies of the pictures: the honest baseline of an image.

It knows nothing but where the training pictures differ in grey. What it answers, no network should
be praised for. Pictures of 32 pixels a side, volumes of 16 voxels.

Source: Turk & Pentland, Eigenfaces for recognition, J. Cognitive Neuroscience 3 (1991).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import PositiveInt
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts.augment import MIDDLE_GREY
from clinmm.encoders.parts.pictures import as_map
from clinmm.encoders.parts.projection import Projection
from clinmm.encoders.parts.reading import Reading
from clinmm.errors import InputError

DEFAULT_SIZE = {2: 32, 3: 16}


class Config(Reading, frozen=True, extra="forbid"):
    """out_dim: components."""

    out_dim: PositiveInt = 32


class Encoder(nn.Module):
    kind: ClassVar[str] = "image"
    reads_dimensions: ClassVar[tuple[int, ...]] = (2, 3)

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.dimensions = int(facts["dimensions"])
        self.size = config.size or DEFAULT_SIZE[self.dimensions]
        n_pixels = config.channels * self.size**self.dimensions
        self.project = Projection(n_pixels, config.out_dim, each_feature=False)

    @staticmethod
    def check(config: Config, spec: Any) -> None:
        """Raises InputError where the settings do not suit pictures, or volumes."""
        if problems := config.problems(getattr(spec, "dimensions", 2)):
            raise InputError([f"pixel_pca: {problem}" for problem in problems])

    @staticmethod
    def learn(config: Config, raw: Sequence[Path | None], spec: Any) -> dict[str, Any]:
        Encoder.check(config, spec)
        return {"dimensions": getattr(spec, "dimensions", 2)}

    def prepare(self, raw: Sequence[Path | None], progress: Progress | None = None) -> Prepared:
        """pixels: (N, C, H, W) or (N, 1, D, H, W) in [0, 1]."""
        return self.config.read(raw, self.dimensions, self.size, progress)

    def start_from(self, prepared: Prepared) -> None:
        """The components of the training cases, found without labels."""
        self.project.start_from(prepared["pixels"].flatten(1))

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: (B, C, ...) in [0, 1]. Returns (B, out_dim)."""
        encoded: Tensor = self.project(pixels.flatten(1))
        return encoded

    def attributable(self, raw: Path) -> Attributable:
        pixels = self.prepare([raw])["pixels"]
        return Attributable(pixels, torch.full_like(pixels, MIDDLE_GREY))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"pixels": values}

    def located(self, attributions: NDArray[np.float32], raw: Path) -> Located:
        return as_map(attributions)
