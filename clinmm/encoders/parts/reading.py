"""The settings under which an image encoder reads pixels or voxels, and the reading."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, PositiveInt, model_validator

from clinmm.cases import Prepared
from clinmm.encoders.interface import Progress
from clinmm.encoders.parts.pictures import pixels_of, voxels_of


class Reading(BaseModel, frozen=True, extra="forbid"):
    """size: side in pixels or voxels; None: the encoder's default for pictures or for volumes.

    channels: 1 grey or 3 colour; a volume has 1. window: values of a volume that become black and
    white; by default -1000 to 1000 Hounsfield units for CT, else the 0.5th to 99.5th percentile.
    """

    size: int | None = Field(default=None, ge=8)
    window: tuple[float, float] | None = None
    channels: Literal[1, 3] = 1
    out_dim: PositiveInt = 64

    @model_validator(mode="after")
    def _window_rises(self) -> Self:
        if self.window and not self.window[0] < self.window[1]:
            raise ValueError(f"window: wanted [low, high], got {list(self.window)}.")
        return self

    def problems(self, dimensions: int) -> list[str]:
        """What does not suit pictures (2) or volumes (3)."""
        if dimensions == 2 and self.window is not None:
            return ["window is for volumes (dimensions: 3). Leave it out."]
        if dimensions == 3 and self.channels != 1:
            return [f"a volume has 1 channel, got channels {self.channels}."]
        return []

    def read(
        self, raw: Sequence[Path | None], dimensions: int, size: int, progress: Progress | None
    ) -> Prepared:
        """pixels: (N, C, H, W) or (N, 1, D, H, W) in [0, 1]; an absent case is zero."""
        if dimensions == 3:
            return {"pixels": voxels_of(raw, size, self.window, progress)}
        return {"pixels": pixels_of(raw, size, self.channels, progress)}
