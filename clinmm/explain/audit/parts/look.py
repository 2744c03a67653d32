"""What a test of explanations looks at: one case, class and method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.explain.attribute import explain
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target
from clinmm.explain.parts import Parts, parts_of
from clinmm.model import MultimodalClassifier

JOINT = "joint"
"""As the input of a reading: all inputs together."""


class Reading(NamedTuple):
    """A number for one case: which input (or JOINT) it is about, which test it is of, how much."""

    input: str
    test: str
    value: float


class Retrained(NamedTuple):
    """Models of the same recipe and another seed: on the same labels, and on permuted ones."""

    same_labels: list[MultimodalClassifier]
    permuted_labels: list[MultimodalClassifier]


@dataclass(eq=False)
class Look:
    """One case, class and method.

    seed: of everything that the tests of this case draw.
    masks: input -> (H, W) or (D, H, W) bool over the whole image, where the class is seen by a
        person; only for images that show it.
    others: what other methods say of the same case and class, by method.
    """

    case_id: str
    class_name: str
    method: str
    joint: Joint
    target: Target
    found: Explanation
    steps: int
    seed: int
    retrained: Sequence[Retrained] = ()
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    others: Mapping[str, Explanation] = field(default_factory=dict)

    def again(self, joint: Joint) -> Explanation:
        """The same method and target on another joint, without refinement; to be compared with
        `unrefined`."""
        return explain(joint, self.method, self.target, self.steps, seed=self.seed, refine=False)

    @cached_property
    def unrefined(self) -> Explanation:
        """The case explained with as many points as `again` takes: what is compared has to differ
        in the one thing that is asked about."""
        return self.found if self.found.steps == self.steps else self.again(self.joint)

    def rng(self, *key: int) -> np.random.Generator:
        """A stream of its own for each key."""
        return np.random.default_rng([self.seed, *key])

    @cached_property
    def parts(self) -> dict[str, Parts]:
        """The parts of each input that the method says something about, where it has two or more:
        of fewer there is nothing to rank."""
        made = {name: parts_of(self.joint, name) for name in self.found.located}
        return {name: parts for name, parts in made.items() if parts.n > 1}

    @cached_property
    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Input -> (n,) what the method says of its parts."""
        return self.scores_of(self.found)

    @cached_property
    def unrefined_scores(self) -> dict[str, NDArray[np.float64]]:
        """The same of `unrefined`."""
        return self.scores_of(self.unrefined)

    def scores_of(self, explanation: Explanation) -> dict[str, NDArray[np.float64]]:
        """The same of another explanation of the case, in the same parts."""
        return {
            name: parts.scores(explanation.located[name])
            for name, parts in self.parts.items()
            if name in explanation.located
        }

    @cached_property
    def by_same_labels(self) -> list[Explanation]:
        """What the method says of each model trained again on the same labels."""
        return [self._of_models(pair.same_labels) for pair in self.retrained]

    @cached_property
    def by_permuted_labels(self) -> list[Explanation]:
        """What the method says of each model trained on permuted labels."""
        return [self._of_models(pair.permuted_labels) for pair in self.retrained]

    def by_random_weights(self, name: str) -> list[Explanation]:
        """What the method says of the model while the encoder of an input loses its weights, from
        the head down (cascading); the last one has none left."""
        if name not in self._random:
            from clinmm.explain.audit.parts.random_weights import cascade

            self._random[name] = [
                self.again(self.joint.with_models(models))
                for models in cascade(self.joint.models, name, self.seed, self.joint.cases[name])
            ]
        return self._random[name]

    @cached_property
    def _random(self) -> dict[str, list[Explanation]]:
        return {}

    def _of_models(self, models: list[MultimodalClassifier]) -> Explanation:
        return self.again(self.joint.with_models(models))
