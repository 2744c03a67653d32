"""Which patients are for calibration, and which are looked at once: the test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinmm.cohort.allocation import deal

SPLIT = "split"
CALIBRATE, TEST = "calibrate", "test"

HOW_TO_CALIBRATE = (
    "Set some patients aside for it with --calibrate 0.3, or say in a column `split` of the file "
    "who is calibrate and who is test"
)


def parts_of(
    table: pd.DataFrame, target: pd.Series, share: float | None, seed: int, problems: list[str]
) -> tuple[pd.Series, str | None]:
    """The part of each row, and in words what the rules are fitted on; None: on nobody.

    Args:
        table: cells as text, with case_id, patient_id, class_name.
        target: (rows,) 0, 1 or NaN.
        share: of the patients, to be set aside for calibration; None: the column split decides,
            and without one everybody is test.
        seed: of the setting aside.
        problems: what is wrong is added.
    """
    everybody = pd.Series(TEST, index=table.index)
    if share is None and SPLIT not in table.columns:
        return everybody, None
    if share is not None and SPLIT in table.columns:
        problems.append("the file has a column `split`, and --calibrate is given: leave out one.")
        return everybody, None
    if share is None:
        return _as_stated(table, problems)
    if not 0 < share < 1:
        problems.append(f"--calibrate is a share of the patients between 0 and 1, got {share:g}.")
        return everybody, None
    if table["patient_id"].isna().any() or table["class_name"].isna().any():
        return everybody, None  # which has been told
    aside = set_aside(
        table["patient_id"].tolist(), table["class_name"].tolist(), target, share, seed
    )
    n, of = table.loc[aside, "patient_id"].nunique(), table["patient_id"].nunique()
    if n in (0, of):
        problems.append(f"--calibrate {share:g} of {of} patients leaves a part without any.")
    said = f"{n} of {of} patients, set aside at random (share {share:g}, seed {seed})"
    return everybody.mask(aside, CALIBRATE), said


def _as_stated(table: pd.DataFrame, problems: list[str]) -> tuple[pd.Series, str | None]:
    """The parts that the column split gives."""
    part = table[SPLIT]
    wrong = part[~part.isin((CALIBRATE, TEST))]
    if len(wrong):
        problems.append(
            f"split must be {CALIBRATE} or {TEST}; {len(wrong)} of {len(part)} values are not, "
            f"first is {wrong.iloc[0]}. Leave out what the model learned from."
        )
    if n := int((part.groupby(table["patient_id"]).nunique() > 1).sum()):
        problems.append(f"{n} patients are in both parts of `split`; a patient belongs to one.")
    n = table.loc[part == CALIBRATE, "patient_id"].nunique()
    return part, f"{n} patients that the file gives for it" if n else None


def set_aside(
    patients: Sequence[str], classes: Sequence[str], target: pd.Series, share: float, seed: int
) -> np.ndarray:
    """(rows,) bool: rows of the patients set aside, a like share of those with each class.

    Args:
        patients, classes, target: (rows,).
        share: of the patients.
        seed: of the draw.
    """
    owner, ids = pd.factorize(np.asarray(patients, dtype=object), sort=True)
    label, names = pd.factorize(np.asarray(classes, dtype=object), sort=True)
    counts = np.zeros((len(ids), len(names) + 1))
    np.add.at(counts[:, :-1], (owner, label), np.nan_to_num(target.to_numpy(dtype=np.float64)))
    # patients without any positive are a label of their own, so that they are dealt too
    none = counts.sum(axis=1) == 0
    counts[none, -1] = np.bincount(owner, minlength=len(ids))[none]
    part = deal(counts, (share, 1 - share), np.random.default_rng(seed))
    aside: np.ndarray = (part == 0)[owner]
    return aside
