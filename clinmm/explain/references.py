"""What a case is compared with: for each input the encoder's own reference, or another one.

A record that nothing else is said of is compared with the mean: then its not being measured sets a
column apart from the training cases, and has a score of its own.

Reference:
    Sturmfels, Lundberg, Lee. Visualizing the impact of feature attribution baselines. Distill 2020.
    Erion et al. Improving performance of deep learning models with axiomatic attribution priors and
    expected gradients. Nature Machine Intelligence 3:620 (2021): averaged.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.encoders.parts.augment import MIDDLE_GREY
from clinmm.encoders.parts.pretrained_net import BLUR
from clinmm.errors import InputError
from clinmm.explain.baselines import ABSENT, AVERAGED, BLURRED, MEAN, OWN, check_baselines
from clinmm.explain.joint import Joint
from clinmm.model import MultimodalClassifier

MEAN_OF = 64
SEVERAL = 8
"""Training cases, at most."""


class Typical:
    """Training cases as what they are compared with, read when they are asked for.

    Args:
        models: of the fold that is explained.
        raw: input -> raw values of the fold's training cases, None where a case lacks it; the same
            cases in the same order for every input.
        seed: which cases are taken.
    """

    def __init__(
        self,
        models: Sequence[MultimodalClassifier],
        raw: Mapping[str, Sequence[Any]],
        seed: int = 0,
    ) -> None:
        self.model, self.raw = models[0], raw
        n_cases = max((len(values) for values in raw.values()), default=0)
        self.order = np.random.default_rng(seed).permutation(n_cases)
        self._kept: dict[str, Tensor] = {}

    def has(self, name: str) -> bool:
        """Whether any training case has the input."""
        return any(value is not None for value in self.raw[name])

    def mean(self, name: str) -> Tensor:
        """(1, ...), the mean of up to MEAN_OF training cases. Raises InputError without any."""
        if name not in self._kept:
            self._kept[name] = self._values(name, self._having([name])[:MEAN_OF]).mean(0, True)
        return self._kept[name]

    def several(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Input -> (R, ...), the same R training cases, at most SEVERAL, for all of the inputs.

        Raises:
            InputError: no training case has all of them.
        """
        rows = self._having(names)[:SEVERAL]
        key = ",".join(map(str, rows))
        for name in names:
            if (at := f"{name} {key}") not in self._kept:
                self._kept[at] = self._values(name, rows)
        return {name: self._kept[f"{name} {key}"] for name in names}

    def _having(self, names: Sequence[str]) -> NDArray[np.int_]:
        """Training cases that have all of the inputs, in the order in which they are taken."""
        has = [[value is not None for value in self.raw[name]] for name in names]
        rows: NDArray[np.int_] = self.order[np.all(has, axis=0)[self.order]]
        if not len(rows):
            raise InputError(
                f"explain.baselines: no training case has {' and '.join(names)}, so there is none "
                "to compare with. Choose own or absent."
            )
        return rows

    def _values(self, name: str, rows: NDArray[np.int_]) -> Tensor:
        encoder = self.model.encoder(name)
        return torch.cat([encoder.attributable(self.raw[name][row]).values for row in rows])


def references(
    joint: Joint, baselines: Mapping[str, str], typical: Typical | None = None
) -> dict[str, Tensor]:
    """What each input of the case is compared with, for `Joint.with_references`.

    Args:
        baselines: input -> baseline. An input that is not named has its encoder's own reference; a
            record the mean, where there are training cases.
        typical: training cases, for `mean` and `averaged`.

    Returns:
        Input -> (R, ...); R is 1, or the number of training cases that are averaged over.

    Raises:
        InputError: the input cannot have the baseline (see `check_baselines`), or training cases
            are needed and there are none.
    """
    kinds = {name: joint.kind(name) for name in joint.names}
    default = {
        name: MEAN if kind == "record" and typical is not None and typical.has(name) else OWN
        for name, kind in kinds.items()
    }
    chosen = {name: baselines.get(name, default[name]) for name in joint.names}
    check_baselines(chosen, kinds)
    wanting = [name for name, baseline in chosen.items() if baseline in (MEAN, AVERAGED)]
    if typical is None and wanting:
        raise InputError(
            f"explain.baselines: {', '.join(wanting)} are to be compared with training cases, of "
            "which none are at hand. Choose own or absent, or explain the study that has them."
        )
    made: dict[str, Tensor] = {}
    for name, baseline in chosen.items():
        if baseline in (OWN, ABSENT, BLURRED):
            made[name] = _of_case(joint, name, baseline)
        elif baseline == MEAN and typical is not None:
            made[name] = typical.mean(name)
    if typical is not None and (averaged := [n for n in wanting if chosen[n] == AVERAGED]):
        made |= typical.several(averaged)
    return made


def _of_case(joint: Joint, name: str, baseline: str) -> Tensor:
    case = joint.cases[name]
    if baseline == BLURRED:
        return without_detail(case.values)
    if baseline == ABSENT and joint.kind(name) == "image":
        return torch.full_like(case.values, MIDDLE_GREY)
    return case.reference  # a signal's, note's and record's own says that there is nothing


def without_detail(values: Tensor) -> Tensor:
    """(1, C, ...) -> the same blurred by BLUR of each side; its borders do not darken."""
    from monai.networks.layers import GaussianFilter

    shape = values.shape[2:]
    blur = GaussianFilter(len(shape), sigma=[BLUR * side for side in shape])
    smooth: Tensor = blur(values) / blur(torch.ones_like(values))
    return smooth
