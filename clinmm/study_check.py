"""Whether a study can be trained as its config says, before anything is looked at or trained."""

from collections.abc import Callable

from clinmm.arms import arms_of
from clinmm.cohort.cohort import Cohort
from clinmm.config import StudyConfig
from clinmm.errors import InputError
from clinmm.explain.settings import check_explain
from clinmm.fairness.mitigating.asked import check_mitigate
from clinmm.fall_back import check_falls_back
from clinmm.folds import check_encoders
from clinmm.losses import check_loss


def check_study(config: StudyConfig, cohort: Cohort) -> None:
    """Raises InputError with every problem of the encoders, the fusion, the loss, the arms,
    what is to be explained and what is to be mitigated, as far as they show before training."""
    problems: list[str] = []

    def told(check: Callable[[], None]) -> None:
        try:
            check()
        except InputError as error:
            problems.extend(error.problems)

    told(lambda: check_encoders(cohort, config.encoders, config.fusion_file))
    told(lambda: check_loss(config.train.loss, cohort.task, ordered=cohort.ordered))
    told(lambda: check_explain(config.explain, cohort))
    told(lambda: check_mitigate(config.mitigate, cohort))
    if config.falls_back:
        arms = arms_of(list(cohort.spec.inputs), config.train.arms)
        told(lambda: check_falls_back(arms))
    if problems:
        raise InputError(problems)
