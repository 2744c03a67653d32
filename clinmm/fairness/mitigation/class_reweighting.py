"""Weighs cases so that each outcome is as frequent in every group as in all of them together."""

from pydantic import BaseModel, Field

from clinmm.fairness.mitigation.parts.weighed import Weighed
from clinmm.training.cells import equal_prevalence
from clinmm.training.mitigated import Groups, Training

MEANING = (
    "Cases are weighed in training so that the illness is as frequent in every group as in all of "
    "them together, and the group is no hint at the illness."
)
IN_TRAINING = True
USES_GROUP = False


class Config(BaseModel, frozen=True, extra="forbid"):
    """at_most: the largest weight, so that a cell of a few cases does not rule the training."""

    at_most: float = Field(default=10.0, ge=1)


class Mitigation(Weighed):
    """The weight of a case is n_g n_y / (n n_gy), of its group g and outcome y: the number of cases
    expected in the cell if group and outcome were independent, over the number seen. For each
    class by itself; a group counts as much as it has cases. Changes nothing where the prevalence
    is the same in all groups, and none of values.

    Reference:
        Kamiran & Calders. Data preprocessing techniques for classification without
        discrimination. Knowledge and Information Systems 33:1 (2012), reweighing.
    """

    def __init__(self, config: Config, training: Training, groups: Groups) -> None:
        super().__init__(training, groups, equal_prevalence, config.at_most)
