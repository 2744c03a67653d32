"""What is fitted on patients that are not test: calibrators, thresholds, set sizes, deferral.

Where the split has a `calibrate` part, calibrators and thresholds come from one half of its
patients, set sizes and deferral from the other. With folds there is no such part: every training
patient has a prediction by a model that did not learn from him, and calibrated probabilities of his
by a calibrator fitted without him serve for thresholds, sets and deferral.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from clinmm import thresholds as operating
from clinmm.calibration import tables
from clinmm.config import CalibrateConfig
from clinmm.errors import InputError, did_you_mean
from clinmm.thresholds import OperatingPoint
from clinmm.uncertainty import deferral, sets

TABLES = ("calibration", "thresholds", "delivered", "prediction_sets", "deferral")
"""What `fit_rules` gives beside the predictions, by the names of schema."""


@dataclass(frozen=True, eq=False)
class FittedRules:
    """The rules that act on calibrated probabilities, as the tables of that name in schema."""

    thresholds: pd.DataFrame
    prediction_sets: pd.DataFrame
    deferral: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Rules(FittedRules):
    """Every rule, and the predictions with probability, prediction_set and deferred filled.

    calibrators: (arm, repeat, fold) -> class name -> calibrator; calibration: why these.
    delivered: what each operating point will deliver, judged by these same patients.
    """

    predictions: pd.DataFrame
    calibrators: dict[tables.Place, tables.ByClass]
    calibration: pd.DataFrame
    delivered: pd.DataFrame


def fit_rules(
    predictions: pd.DataFrame,
    *,
    kind: str,
    config: CalibrateConfig,
    points: Mapping[str, OperatingPoint],
    groups: pd.DataFrame | None = None,
    seed: int = 0,
) -> Rules:
    """Fits every rule on the rows that are not test, and applies them to every row.

    Args:
        predictions: schema.PREDICTIONS with probability_raw.
        kind: binary, multiclass or multilabel.
        config: which calibrators, sets and deferral.
        points: operating point name -> how its threshold is chosen.
        groups: index case_id, one text column per sensitive attribute; None: there are none.
        seed: of the halves, and of the random cases that stand for a patient.

    Raises:
        InputError: test rows only, or settings that name an attribute that is not there.
    """
    exclusive = kind == "multiclass"
    cells = cells_of(config.by, groups)
    calibrators, calibration = tables.fit(
        predictions,
        exclusive=exclusive,
        candidates=config.candidates,
        cells=cells,
        part="first",
        seed=seed,
    )
    predictions = tables.apply(predictions, calibrators, cells=cells)
    first, second = tables.held_out(
        predictions, exclusive=exclusive, calibrators=calibrators, cells=cells, seed=seed
    )
    chosen = operating.table(first, points)
    set_rules = sets.fit(second, kind=kind, config=config.sets, groups=groups)
    hand_back = deferral.choose(second, chosen, config.deferral, groups=groups, exclusive=exclusive)
    return Rules(
        thresholds=chosen,
        prediction_sets=set_rules,
        deferral=hand_back,
        predictions=predictions.assign(
            prediction_set=sets.apply(predictions, set_rules, kind=kind, groups=groups),
            deferred=deferral.apply(predictions, hand_back, chosen),
        ),
        calibrators=calibrators,
        calibration=calibration,
        delivered=operating.delivered(first, points, seed=seed),
    )


def cells_of(by: str, groups: pd.DataFrame | None) -> tables.Cells:
    """The cells of the hierarchical calibrator: the pattern, or the group of each case."""
    if by == tables.PATTERN:
        return by
    known = [] if groups is None else list(groups.columns)
    if groups is None or by not in known:
        raise InputError(
            f"calibrate.by: no sensitive attribute '{by}'. {did_you_mean(by, [*known, 'pattern'])}"
        )
    return groups[by]
