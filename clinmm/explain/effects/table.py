"""The table of effects: what inputs, columns and words add to the logits, over the test cases.

Each test case of repeat 0 is asked of the models of its own fold, which never saw it, as it is and
with one thing taken away; the mean difference over the cases that have the thing is its effect.
Intervals are clustered by patient. They are those of one effect at a time: the words are listed
because they are the largest, so the largest of them are a little too large.

Reference:
    Covert, Lundberg, Lee. Explaining by removing. JMLR 22:209 (2021).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.cohort.cohort import Cohort
from clinmm.errors import InputError
from clinmm.explain.effects.changes import Changes, FoldCases, Part
from clinmm.explain.effects.columns import column_changes, columns_asked
from clinmm.explain.effects.encoded import EncodedCases
from clinmm.explain.effects.inputs import input_values, shares
from clinmm.explain.effects.words import limit_of, word_changes, words_asked
from clinmm.folds import Fold, Preparer, folds_of
from clinmm.intervals import MIN_PATIENTS, mean_interval
from clinmm.model import MultimodalClassifier
from clinmm.progress import Tell, silent
from clinmm.study import Study

MOST_WORDS = 40
"""Words listed of each note and class, those with the largest |mean|."""

ModelsOfFold = Callable[[int, int], list[MultimodalClassifier]]


def effects_table(study: Study, models_of_fold: ModelsOfFold, tell: Tell = silent) -> pd.DataFrame:
    """The effects of a study's fused models, schema.EFFECTS.

    Args:
        study: with its splits.
        models_of_fold: (repeat, fold) -> the fused models, in evaluation mode.
        tell: told how far it is, in folds.

    Returns:
        Kinds `recorded` and `not_recorded` of every column (of a record of more than 100, the 100
        that say most), `word`, and `input`, whose value is the mean share of its |Shapley value|
        and whose size is the mean |Shapley value|. A value is NaN where fewer than 10 patients
        stand behind it; such a word is not listed.

    Raises:
        InputError: the run is no study, so no case has a fold of its own.
    """
    if study.run.facts["kind"] != "study":
        raise InputError(
            f"{study.run.folder} is a run of kind {study.run.facts['kind']}: effects are those of "
            "a study's test cases. Name the study."
        )
    cohort, splits = study.cohort, study.run.read("splits")
    first = splits[splits["repeat"] == 0]
    folds = list(folds_of(first, cohort.table["case_id"].tolist()))
    tested = np.flatnonzero(np.any([fold.split == "test" for fold in folds], axis=0))
    preparer = Preparer(cohort, study.config.encoders)
    changes = Changes()
    columns: dict[str, list[str]] = {}
    words: dict[str, Any] = {}
    for done, fold in enumerate(folds):
        tell("effects", done, len(folds))
        cases = _fold_cases(preparer, fold, models_of_fold(0, fold.fold))
        for name in cases.encoded.names:
            kind = cohort.spec.inputs[name].kind
            if kind == "record":
                columns.setdefault(name, columns_asked(cases, cohort, name))
                column_changes(changes, cases, cohort, name, columns[name])
            elif kind == "note":
                limit = limit_of(cases.encoder(name))
                if name not in words:
                    words[name] = words_asked(cohort, name, tested, limit, study.config.seed)
                word_changes(changes, cases, cohort, name, words[name])
        _add_inputs(changes, cases)
    tell("effects", len(folds), len(folds))
    rows = pd.DataFrame(list(_rows(changes, cohort)))
    return schema.EFFECTS.fill(_largest_words(rows)) if len(rows) else schema.EFFECTS.empty()


def _fold_cases(
    preparer: Preparer, fold: Fold, models: Sequence[MultimodalClassifier]
) -> FoldCases:
    facts = {name: models[0].encoder(name).facts for name in models[0].names}
    at = np.flatnonzero(fold.split == "test")
    encoded = EncodedCases(models, preparer.batch(facts).take(at))
    return FoldCases(encoded, at, fold.not_test, encoded.answers(np.arange(len(at))))


def _add_inputs(changes: Changes, cases: FoldCases) -> None:
    """The Shapley values of every input, over the cases that have it, and their shares."""
    if (values := input_values(cases)) is None:
        return
    both = np.stack([shares(values), values])  # (2, n, K, M)
    for i, name in enumerate(cases.encoded.names):
        has = cases.encoded.present[:, i].numpy()
        share, value = both[..., i][:, has]
        changes.add(Part("input", name, name), cases.at[has], np.hstack([share, value]))


def _rows(changes: Changes, cohort: Cohort) -> Iterator[dict[str, Any]]:
    patients = cohort.table["patient_id"].to_numpy()
    n_classes = len(cohort.class_names)
    for part, (cases, change) in changes.all().items():
        if not len(cases):
            continue
        who = patients[cases]
        for k, class_name in enumerate(cohort.class_names):
            moved = change[:, k + n_classes] if part.kind == "input" else change[:, k]
            yield {
                "arm": FUSED,
                "class_name": class_name,
                "input": part.input,
                "part": part.name,
                "kind": part.kind,
                **_estimate(change[:, k], moved, who, share=part.kind == "input"),
            }


def _estimate(
    values: NDArray[np.float64],
    moved: NDArray[np.float64],
    patients: NDArray[np.object_],
    *,
    share: bool,
) -> dict[str, Any]:
    """Mean with its interval, and mean |moved|; NaN for fewer than 10 patients."""
    counts = {"n_cases": len(values), "n_patients": len(set(patients))}
    if counts["n_patients"] < MIN_PATIENTS:
        nothing = float("nan")
        return {"value": nothing, "low": nothing, "high": nothing, **counts, "size": nothing}
    found = mean_interval(values, patients.astype(str))
    low, high = (max(found.low, 0.0), min(found.high, 1.0)) if share else (found.low, found.high)
    size = float(np.abs(moved).mean())
    return {"value": found.value, "low": low, "high": high, **counts, "size": size}


def _largest_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Everything but the words beyond the first 40 of each note and class, by |value|."""
    is_word = rows["kind"] == "word"
    words = rows[is_word & rows["value"].notna()]
    order = words.assign(largest=words["value"].abs()).sort_values(
        ["input", "class_name", "largest", "part"], ascending=[True, True, False, True]
    )
    kept = order.groupby(["input", "class_name"], sort=True).head(MOST_WORDS)
    return pd.concat([rows[~is_word], kept[rows.columns]], ignore_index=True)
