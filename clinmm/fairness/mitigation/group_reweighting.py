"""Weighs cases so that every group counts the same within each outcome, however small it is."""

from pydantic import BaseModel, Field

from clinmm.fairness.mitigation.parts.weighed import Weighed
from clinmm.training.cells import equal_groups
from clinmm.training.mitigated import Groups, Training

MEANING = (
    "Cases of small groups weigh more in training, so that every group counts the same among the "
    "ill and among the well."
)
IN_TRAINING = True
USES_GROUP = False


class Config(BaseModel, frozen=True, extra="forbid"):
    """at_most: the largest weight, so that a cell of a few cases does not rule the training."""

    at_most: float = Field(default=10.0, ge=1)


class Mitigation(Weighed):
    """The weight of a case is n_y / (G n_gy): inverse to the frequency of its group g within its
    outcome y, G groups having that outcome. For each class by itself.

    Reference:
        Idrissi, Arjovsky, Pezeshki, Lopez-Paz. Simple data balancing achieves competitive
        worst-group-accuracy. CLeaR 2022 (RWG). There the outcomes are made to weigh the same as
        well; here `train.class_weights` says that.
    """

    def __init__(self, config: Config, training: Training, groups: Groups) -> None:
        super().__init__(training, groups, equal_groups, config.at_most)
