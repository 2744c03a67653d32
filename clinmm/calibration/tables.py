"""Calibrators for a whole predictions table, one for each arm, repeat, fold and class.

`probability` is a pure function of `probability_raw` and the cell, so the stage can be done again
at any time. Exclusive classes share one calibrator (class_name `all`), others have one each.

Rules that are chosen by looking at calibrated probabilities (thresholds, set sizes, deferral) must
not look at those of a calibrator's own patients, which are too good. `held_out` gives what they may
look at:

                             calibrators and thresholds        set sizes and deferral
with a `calibrate` part      first half of its patients        second half
with folds                   all patients that are not test    the same

Thresholds, and with folds everything, use `crossfitted`: each patient's probability by calibrators
of the same kind that were fitted without him. The kind itself was chosen on all of them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.calibration import fitted
from clinmm.calibration.fitted import FittedCalibrator
from clinmm.calibration.logits import Array, from_probabilities
from clinmm.calibration.parts import halves, parts
from clinmm.calibration.select import PARTS, Choice, choose
from clinmm.errors import InputError
from clinmm.subgroups import NOT_RECORDED

FOLD = ["arm", "repeat", "fold"]
SHARED = "all"
PATTERN = "pattern"

ByClass = dict[str, FittedCalibrator]
Place = tuple[str, int, int]
"""(arm, repeat, fold)."""
Part = Literal["all", "first", "second"]
Cells = str | pd.Series | None
"""What the hierarchical calibrator goes by: a column of the predictions, or a named Series of the
group of each case (index case_id); None: nothing, and it is not offered."""


def calibration_rows(
    predictions: pd.DataFrame, *, part: Part = "all", seed: int = 0
) -> pd.DataFrame:
    """The rows to fit calibrators and rules on: split `calibrate`, or with folds, where there is no
    such part, every cross-fitted row that is not test.

    Args:
        predictions: column split, and for a half patient_id, class_name and target.
        part: a half of the calibrate patients, stratified by the rarest class that a patient has.
            With folds there are no halves: each is all rows.
        seed: of the halves.

    Raises:
        InputError: there are test rows only.
    """
    rows = predictions[predictions["split"] == "calibrate"]
    if rows.empty:
        rows = predictions[predictions["split"] != "test"]
    elif part != "all":
        first = halves(rows["patient_id"].to_numpy(dtype=object), _rarity(rows), seed=seed)
        rows = rows[first == (part == "first")]
    if rows.empty:
        raise InputError(
            "predictions hold test rows only: calibrators and thresholds need patients that are "
            "not test. Add a calibrate part to `split.fractions`, or use folds."
        )
    return rows


def fit(
    predictions: pd.DataFrame,
    *,
    exclusive: bool,
    candidates: Sequence[str] | None = None,
    cells: Cells = PATTERN,
    part: Part = "first",
    seed: int = 0,
) -> tuple[dict[Place, ByClass], pd.DataFrame]:
    """Chooses and fits every calibrator.

    Args:
        predictions: columns arm, repeat, fold, case_id, patient_id, split, class_name, target,
            probability_raw.
        exclusive: whether the classes are exclusive (a multiclass target).
        candidates: names of calibrators to choose from; None: all that suit.
        cells: what the hierarchical calibrator goes by. Give the same to `apply`.
        part: of the calibrate patients; the second half is for set sizes and deferral.
        seed: of the halves and of cross-fitting.

    Returns:
        (arm, repeat, fold) -> class name -> calibrator, and the rows of schema.CALIBRATION.

    Raises:
        InputError: test rows only, an unknown candidate, cells that are not there.
    """
    found: dict[Place, ByClass] = {}
    described = []
    rows = calibration_rows(predictions, part=part, seed=seed)
    for key, piece in rows.groupby(FOLD, sort=True):
        arm, repeat, fold = place = _place(key)
        found[place] = {}
        for one in map(_Task.known, _tasks_of(piece, exclusive, cells)):
            choice = choose(
                one.logits,
                one.target,
                one.patient_ids,
                cells=one.cells,
                candidates=candidates,
                seed=seed,
            )
            found[place][one.name] = choice.calibrator
            head = {"arm": arm, "repeat": repeat, "fold": fold, "class_name": one.name}
            described.append(head | _described(choice, cells))
    return found, pd.DataFrame(described)


def apply(
    predictions: pd.DataFrame, calibrators: Mapping[Place, ByClass], *, cells: Cells = PATTERN
) -> pd.DataFrame:
    """The predictions with `probability` from `probability_raw`.

    Raises:
        InputError: an arm, repeat, fold or class without a calibrator; other cells than fitted.
    """
    probability = pd.Series(np.nan, index=predictions.index, dtype="float64")
    problems = []
    for key, part in predictions.groupby(FOLD, sort=True):
        place = _place(key)
        by_class = calibrators.get(place)
        if by_class is None:
            problems.append(f"no calibrator for arm {place[0]}, repeat {place[1]}, fold {place[2]}")
            continue
        names = set(part["class_name"])
        if SHARED not in by_class and (lacking := sorted(names - set(by_class))):
            problems.append(f"no calibrator of arm {place[0]} for classes {lacking}")
            continue
        probability.loc[part.index] = apply_to(part, by_class, cells=cells)
    if problems:
        raise InputError([*problems, "Fit them first: clinmm calibrate RUN"])
    return predictions.assign(probability=probability)


def apply_to(part: pd.DataFrame, by_class: ByClass, *, cells: Cells = PATTERN) -> Array:
    """(n,) calibrated probabilities of the rows of one arm, repeat and fold.

    Raises:
        InputError: a calibrator was fitted by other cells.
    """
    out = part["probability_raw"].to_numpy(dtype=np.float64, copy=True)
    if all(calibrator.name == "none" for calibrator in by_class.values()):
        return out  # none leaves the last bit as it is
    for one in _tasks_of(part, SHARED in by_class, cells):
        calibrator = by_class[one.name]
        _check_cells(calibrator, cells)
        if calibrator.name != "none":
            out[one.rows] = calibrator.apply(one.logits, one.cells)
    return out


def crossfitted(
    predictions: pd.DataFrame,
    *,
    exclusive: bool,
    calibrators: Mapping[Place, ByClass] | None = None,
    candidates: Sequence[str] | None = None,
    cells: Cells = PATTERN,
    part: Part = "first",
    seed: int = 0,
) -> pd.Series:
    """Calibrated probability of each calibration row by calibrators that never saw its patient.

    Five parts by patient, the kind of calibrator that was chosen on all of them.

    Args:
        calibrators: what `fit` gave for the same arguments; None: chosen anew, which takes as long.
        predictions, exclusive, candidates, cells, part, seed: as `fit`.

    Returns:
        Indexed as the rows that `fit` used, those with unknown target included.
    """
    if calibrators is None:
        calibrators, _ = fit(
            predictions,
            exclusive=exclusive,
            candidates=candidates,
            cells=cells,
            part=part,
            seed=seed,
        )
    rows = calibration_rows(predictions, part=part, seed=seed)
    probability = pd.Series(np.nan, index=rows.index, dtype="float64", name="probability")
    for key, piece in rows.groupby(FOLD, sort=True):
        by_class = calibrators.get(_place(key), {})
        out = piece["probability_raw"].to_numpy(dtype=np.float64, copy=True)
        for one in _tasks_of(piece, exclusive, cells):
            name = by_class[one.name].name if one.name in by_class else "none"
            if name != "none":
                part_of = parts(one.patient_ids, one.target, PARTS, seed=seed)
                out[one.rows] = fitted.cross_fit(
                    name, one.logits, one.target, one.patient_ids, part_of, one.cells
                )
        probability.loc[piece.index] = out
    return probability


def held_out(
    predictions: pd.DataFrame,
    *,
    exclusive: bool,
    calibrators: Mapping[Place, ByClass] | None = None,
    candidates: Sequence[str] | None = None,
    cells: Cells = PATTERN,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows for thresholds, and those for set sizes and deferral; `probability` of each row is
    by calibrators that were not fitted on its patient.

    Args:
        predictions: as `apply` left them: with calibrated `probability`.
        exclusive, calibrators, candidates, cells, seed: as `crossfitted`.
    """
    first = calibration_rows(predictions, part="first", seed=seed)
    second = calibration_rows(predictions, part="second", seed=seed)
    first = first.assign(
        probability=crossfitted(
            predictions,
            exclusive=exclusive,
            calibrators=calibrators,
            candidates=candidates,
            cells=cells,
            seed=seed,
        )
    )
    return first, second if (second["split"] == "calibrate").all() else first


def to_json(by_class: ByClass) -> dict[str, Any]:
    """What is stored beside the model of one arm, repeat and fold."""
    return {name: calibrator.to_json() for name, calibrator in sorted(by_class.items())}


def read_json(content: Mapping[str, Any]) -> ByClass:
    """The calibrators that `to_json` stored."""
    return {name: fitted.from_json(one) for name, one in content.items()}


@dataclass(frozen=True, eq=False)
class _Task:
    """What one calibrator is fitted on or applied to.

    name: class name, or SHARED. rows: positions in the table, (n,), or (n, C) of exclusive
    classes; logits of the same shape. target (n,): NaN where not known. cells: (n,) or None.
    """

    name: str
    rows: NDArray[np.int64]
    logits: Array
    target: Array
    patient_ids: NDArray[np.object_]
    cells: NDArray[np.object_] | None

    def known(self) -> "_Task":
        """The cases whose target is known."""
        keep = ~np.isnan(self.target)
        return _Task(
            self.name,
            self.rows[keep],
            self.logits[keep],
            self.target[keep],
            self.patient_ids[keep],
            None if self.cells is None else self.cells[keep],
        )


def _tasks_of(piece: pd.DataFrame, exclusive: bool, cells: Cells) -> Iterator[_Task]:
    """One for each class, or one for all where the classes are exclusive."""
    names = _cells_of(piece, cells)
    raw = piece["probability_raw"].to_numpy(dtype=np.float64)
    target = piece["target"].to_numpy(dtype=np.float64)
    patients = piece["patient_id"].to_numpy(dtype=object)
    by_class = pd.Series(np.arange(len(piece))).groupby(piece["class_name"].to_numpy(), sort=True)
    position = {str(name): rows.to_numpy(dtype=np.int64) for name, rows in by_class}
    if exclusive:
        case = piece["case_id"].to_numpy(dtype=object)
        each = [rows[np.argsort(case[rows], kind="stable")] for rows in position.values()]
        if any(not np.array_equal(case[rows], case[each[0]]) for rows in each):
            raise InputError(
                "exclusive classes need one row of each class for every case; some are missing "
                f"among classes {sorted(position)}"
            )
        wide = np.column_stack(each)
        number = np.where(
            np.isnan(target[wide]).any(axis=1),
            np.nan,
            np.nan_to_num(target[wide]).argmax(axis=1),
        )
        rows = each[0]
        where = None if names is None else names[rows]
        yield _Task(SHARED, wide, from_probabilities(raw[wide]), number, patients[rows], where)
        return
    for name, rows in position.items():
        where = None if names is None else names[rows]
        logits = from_probabilities(raw[rows])
        yield _Task(name, rows, logits, target[rows], patients[rows], where)


def _cells_of(rows: pd.DataFrame, cells: Cells) -> NDArray[np.object_] | None:
    """(n,) `name=value` of each row, so that a stored calibrator says what its cells are."""
    if cells is None:
        return None
    if isinstance(cells, pd.Series):
        values = rows["case_id"].map(cells)
    elif cells in rows.columns:
        values = rows[cells]
    else:
        raise InputError(
            f"no column '{cells}' to calibrate by. Name a column of the predictions, give a Series "
            "by case_id, or None."
        )
    texts = values.astype(object).where(values.notna(), NOT_RECORDED)
    return np.array([f"{_name_of(cells)}={value}" for value in texts], dtype=object)


def _name_of(cells: Cells) -> str:
    if isinstance(cells, pd.Series):
        if cells.name is None:
            raise InputError("a Series of cells needs a name, such as sex.")
        return str(cells.name)
    return cells or ""


def _check_cells(calibrator: FittedCalibrator, cells: Cells) -> None:
    """Other cells than those fitted by would silently get the pooled fit."""
    known: Mapping[str, Any] = getattr(calibrator, "by_cell", {})
    if known and not any(name.startswith(f"{_name_of(cells)}=") for name in known):
        by = next(iter(known)).split("=")[0]
        raise InputError(
            f"the {calibrator.name} calibrator was fitted by '{by}', and is applied by "
            f"'{_name_of(cells) or 'nothing'}'. Give the same cells."
        )


def _described(choice: Choice, cells: Cells) -> dict[str, Any]:
    """The columns of schema.CALIBRATION that a choice fills."""
    compared = {
        name: {key: float(f"{value:.6g}") for key, value in one.to_json().items()}
        for name, one in choice.compared.items()
        if np.isfinite(one.log_loss)
    }
    return {
        "calibrator": choice.calibrator.name,
        "reason": choice.reason,
        "log_loss_none": choice.log_loss_none,
        "log_loss_temperature": choice.log_loss_temperature,
        "n_patients": choice.n_patients,
        "candidates": json.dumps(compared, separators=(",", ":")),
        "by": _name_of(cells) if getattr(choice.calibrator, "by_cell", {}) else "",
    }


def _rarity(rows: pd.DataFrame) -> Array:
    """(n,) number of the row's class where it happened, the rarest highest; 0 elsewhere."""
    happened = (rows["target"] == 1).to_numpy()
    patients = rows[happened].groupby("class_name")["patient_id"].nunique()
    order = patients.sort_values(ascending=False, kind="stable").index
    number = {name: i + 1 for i, name in enumerate(order)}
    named = rows["class_name"].map(number).fillna(0).to_numpy(dtype=np.float64)
    return np.where(happened, named, 0.0)


def _place(key: Any) -> Place:
    return str(key[0]), int(key[1]), int(key[2])
