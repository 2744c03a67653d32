"""Divides a cohort by patient, site or time into the run's splits table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.cohort.allocation import deal, label_counts
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.linked import units
from clinmm.cohort.published_split import published_parts
from clinmm.cohort.split_config import PARTS, SplitConfig
from clinmm.cohort.split_size import MOST_LISTED, large_sites, too_few_patients
from clinmm.errors import InputError

__all__ = ["SplitConfig", "make_splits"]

Units = NDArray[np.object_]


def make_splits(
    cohort: Cohort, config: SplitConfig, seed: int, links: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The splits table (`schema.SPLITS`): every case once per repeat and fold.

    With folds: `test`, or `train` with `member` 0 .. inner_folds - 1 (model m of the fold learns
    from the other members and stops on m); with one inner fold `train` (member -1) and
    `validate` (member 0). Without: train and calibrate and test (member -1), validate (member 0).
    By site and by time, cases of a test patient that are not test cases are left out of the fold.

    Stratified by patient on every class (see `allocation.deal`). Patients that `links`
    (`schema.LINKS`) connect are dealt out as one, unless the config says otherwise. The same
    cohort, config, seed and links give the same table.

    Raises:
        InputError: a class has too few patients for this split (says how many it takes), the
            cohort names no site, index_time or split, or no case is on one side of `test_from`.
    """
    if problems := too_few_patients(cohort, config, links):
        raise InputError([f"split: {problem} {advice}" for problem, advice in problems])
    unit = units(cohort, links if config.keep_linked_together else None)
    if config.by == "site":
        parts = _by_site(cohort, unit, config, seed)
    elif config.by == "time":
        parts = [_by_time(cohort, unit, config, seed)]
    elif config.by == "column":
        parts = [_by_column(cohort, unit, seed)]
    elif config.folds:
        parts = _by_fold(cohort, unit, config, config.folds, seed)
    else:
        names, counts = label_counts(cohort, unit)
        rng = np.random.default_rng([seed, 0])
        dealt = deal(counts, list(config.shares.values()), rng)
        part_of = {name: PARTS[part] for name, part in zip(names, dealt, strict=True)}
        splits = [part_of[one] for one in unit]
        members = [0 if split == "validate" else -1 for split in splits]
        parts = [_rows(cohort, 0, 0, splits, members)]
    return schema.SPLITS.fill(pd.concat(parts, ignore_index=True))


def _rows(
    cohort: Cohort, repeat: int, fold: int, splits: Sequence[str], members: Sequence[int]
) -> pd.DataFrame:
    """Table rows of one fold; a case whose split is "" is left out of it."""
    rows = pd.DataFrame(
        {
            "repeat": repeat,
            "fold": fold,
            "case_id": cohort.table["case_id"],
            "patient_id": cohort.table["patient_id"],
            "split": list(splits),
            "member": list(members),
        }
    )
    return rows[rows["split"] != ""]


def _by_fold(
    cohort: Cohort, unit: Units, config: SplitConfig, folds: int, seed: int
) -> list[pd.DataFrame]:
    names, counts = label_counts(cohort, unit)
    parts = []
    for repeat in range(config.repeats):
        dealt = deal(counts, [1 / folds] * folds, np.random.default_rng([seed, repeat]))
        for fold in range(folds):
            tested = [name for name, part in zip(names, dealt, strict=True) if part == fold]
            is_test = pd.Index(unit).isin(tested)
            parts.append(_fold(cohort, unit, config, (seed, repeat, fold), is_test))
    return parts


def _fold(
    cohort: Cohort,
    unit: Units,
    config: SplitConfig,
    key: tuple[int, int, int],
    is_test: NDArray[np.bool_],
) -> pd.DataFrame:
    """One fold: the test cases, and the cases of the other patients dealt out for stopping."""
    seed, repeat, fold = key
    learns = np.flatnonzero(~pd.Index(unit).isin(unit[is_test]))
    names, counts = label_counts(cohort.subset(learns), unit[learns])
    rng = np.random.default_rng([seed, repeat, fold + 1])
    if config.inner_folds > 1:
        dealt = deal(counts, [1 / config.inner_folds] * config.inner_folds, rng)
        place = {name: ("train", int(part)) for name, part in zip(names, dealt, strict=True)}
    else:
        dealt = deal(counts, [1 - config.validate_share, config.validate_share], rng)
        both = (("train", -1), ("validate", 0))
        place = {name: both[part] for name, part in zip(names, dealt, strict=True)}
    splits, members = [], []
    for one, test in zip(unit, is_test, strict=True):
        split, member = ("test", -1) if test else place.get(one, ("", -1))
        splits.append(split)
        members.append(member)
    return _rows(cohort, repeat, fold, splits, members)


def _by_site(cohort: Cohort, unit: Units, config: SplitConfig, seed: int) -> list[pd.DataFrame]:
    cells = cohort.table[cohort.spec.site]
    return [
        _fold(cohort, unit, config, (seed, 0, fold), (cells == site).to_numpy(bool))
        for fold, site in enumerate(large_sites(cohort))
    ]


def _by_column(cohort: Cohort, unit: Units, seed: int) -> pd.DataFrame:
    """The published split. Where it has no part to calibrate on, half of `validate` becomes it."""
    splits = published_parts(cohort).to_numpy(dtype=object)
    if not (splits == "calibrate").any():
        kept_out = np.flatnonzero(splits == "validate")
        names, counts = label_counts(cohort.subset(kept_out), unit[kept_out])
        dealt = deal(counts, [0.5, 0.5], np.random.default_rng([seed, 0]))
        to_calibrate = {name for name, part in zip(names, dealt, strict=True) if part == 1}
        for i in kept_out:
            splits[i] = "calibrate" if unit[i] in to_calibrate else "validate"
    return _rows(cohort, 0, 0, list(splits), [0 if split == "validate" else -1 for split in splits])


def _by_time(cohort: Cohort, unit: Units, config: SplitConfig, seed: int) -> pd.DataFrame:
    times = cohort.index_times()
    if times.isna().any():
        ids = ", ".join(cohort.table["case_id"][times.isna()][:MOST_LISTED])
        raise InputError(
            f"split by time: {int(times.isna().sum())} cases have no index_time that one of its "
            f"formats reads, such as {ids}. Add the format, or leave these cases out with keep."
        )
    is_test = (times >= pd.Timestamp(str(config.test_from))).to_numpy()
    if is_test.all() or not is_test.any():
        raise InputError(
            f"split by time: {int(is_test.sum())} of {cohort.n_cases} cases come on or after "
            f"{config.test_from}; the times run from {times.min():%Y-%m-%d} to "
            f"{times.max():%Y-%m-%d}. Choose test_from between them."
        )
    earlier = np.flatnonzero(~pd.Index(unit).isin(unit[is_test]))
    names, counts = label_counts(cohort.subset(earlier), unit[earlier])
    share = [config.shares[part] for part in PARTS[:3]]
    dealt = deal(counts, [s / sum(share) for s in share], np.random.default_rng([seed, 0]))
    place = {name: PARTS[part] for name, part in zip(names, dealt, strict=True)}
    splits = [
        "test" if test else place.get(one, "") for one, test in zip(unit, is_test, strict=True)
    ]
    return _rows(cohort, 0, 0, splits, [0 if split == "validate" else -1 for split in splits])
