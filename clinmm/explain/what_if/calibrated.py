"""From logits of a case's variants to what the run would have said of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.calibration import tables
from clinmm.continuous.recalibration import Recalibration
from clinmm.predict import probabilities
from clinmm.runs import Run
from clinmm.study import Study
from clinmm.subgroups import NOT_RECORDED


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The stored calibrators of several (repeat, fold), whose answers are averaged, as for new
    cases; of a single one, as for a study's own.

    rules: one for each place, calibrators by class or the recalibration of a value.
    by: `pattern` or a sensitive attribute, what the hierarchical calibrator goes by.
    groups: index case_id, one text column per sensitive attribute.
    """

    task: str
    class_names: list[str]
    rules: Sequence[tables.ByClass | Recalibration]
    by: str
    groups: pd.DataFrame

    def __call__(
        self, logits: NDArray[np.float64], case_id: str, patterns: Sequence[str]
    ) -> NDArray[np.float64]:
        """(S, K) calibrated probabilities, or values of a continuous target.

        Args:
            logits: (places, S, K), in the order of `rules`.
            case_id: whose variants they are: it has the sensitive attributes of the case.
            patterns: S names of the inputs that the variant has, as in the predictions table.
        """
        each = [
            self._of_one(rule, one, case_id, patterns)
            for rule, one in zip(self.rules, logits, strict=True)
        ]
        mean: NDArray[np.float64] = np.mean(each, axis=0)
        return mean

    def _of_one(
        self,
        rule: tables.ByClass | Recalibration,
        logits: NDArray[np.float64],
        case_id: str,
        patterns: Sequence[str],
    ) -> NDArray[np.float64]:
        if isinstance(rule, Recalibration):
            return rule.apply(logits)
        n, k = logits.shape
        cell = patterns if self.by == tables.PATTERN else [self._group(case_id)] * n
        rows = pd.DataFrame(
            {
                "case_id": np.tile([f"{variant:09d}" for variant in range(n)], k),
                "patient_id": case_id,
                "class_name": np.repeat(np.array(self.class_names, dtype=object), n),
                "target": np.nan,
                "probability_raw": probabilities(logits, self.task).T.ravel(),
                self.by: np.tile(np.array(cell, dtype=object), k),
            }
        )
        return tables.apply_to(rows, rule, cells=self.by).reshape(k, n).T

    def _group(self, case_id: str) -> str:
        return str(self.groups[self.by].get(case_id, NOT_RECORDED))


def probability_of(study: Study, models: Run, places: Sequence[tuple[int, int]]) -> Calibrated:
    """The calibrated answers of the fused models of these places.

    Args:
        study: whose cases are asked about, as from `open_explainable`.
        models: the run that holds the models and their calibrators.
        places: (repeat, fold), in the order in which logits will be given.

    Raises:
        NotMadeYet: the run has not been calibrated.
    """
    models.require("calibrate")
    task = study.cohort.task
    stored = [
        models.read_json(f"{models.model_folder(FUSED, *place)}/calibrator.json")
        for place in places
    ]
    rules: list[tables.ByClass | Recalibration] = [
        Recalibration.from_json(one) if task == "continuous" else tables.read_json(one)
        for one in stored
    ]
    by = study.config.calibrate.by
    return Calibrated(task, study.cohort.class_names, rules, by, study.cohort.groups())
