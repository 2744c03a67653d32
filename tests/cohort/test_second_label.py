"""A second label beside the target: read for the audit of labels, and by nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort, spec_from
from clinmm.cohort.targets import label_arrays
from clinmm.errors import InputError

BINARY = {"kind": "binary", "positive": ["yes"], "negative": ["no"], "column": "a"}
TWO = {"kind": "multilabel", "columns": ["a", "b"]}
NAN = np.nan


def settings(target: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "table": "t.csv",
        "case_id": "case_id",
        "patient_id": "patient_id",
        "target": {"name": "outcome", **target},
        "inputs": {"record": {"kind": "record", "numeric": {"age": "years"}}},
        **more,
    }


def load(
    folder: Path, said: dict[str, Any], *, for_prediction: bool = False, **columns: list[str]
) -> Cohort:
    n = len(next(iter(columns.values())))
    ids = {"case_id": [f"c{i}" for i in range(n)], "patient_id": [f"p{i}" for i in range(n)]}
    pd.DataFrame({**ids, "age": "50", **columns}).to_csv(folder / "t.csv", index=False)
    (folder / "t.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return load_cohort(folder / "t.yaml", for_prediction=for_prediction)


def test_a_second_label_is_one_more_reading_that_is_neither_learned_nor_scored(
    tmp_path: Path,
) -> None:
    said = settings({**BINARY, "second_label": "again"})
    made = load(tmp_path, said, a=["yes", "no", "no"], again=["no", "", "no"])
    np.testing.assert_array_equal(made.targets(), [[1], [0], [0]])
    np.testing.assert_array_equal(made.training_targets(), made.targets())
    labels = label_arrays(made.table, made.spec.target)
    np.testing.assert_array_equal(labels[:, :, 0], [[1, 0, 0], [0, NAN, 0]])
    assert made.for_run()["again"].tolist()[::2] == ["no", "no"]  # a run keeps it
    assert made.dropped["no target"] == 0


def test_several_findings_have_a_second_column_each(tmp_path: Path) -> None:
    said = settings({**TWO, "second_labels": ["a2", "b2"]})
    made = load(tmp_path, said, a=["1", "0"], b=["0", "0"], a2=["1", "1"], b2=["", "false"])
    labels = label_arrays(made.table, made.spec.target)
    np.testing.assert_array_equal(labels, [[[1, 0], [0, 0]], [[1, NAN], [1, 0]]])


def test_without_a_second_label_the_readings_are_those_of_the_readers(tmp_path: Path) -> None:
    target = {key: value for key, value in BINARY.items() if key != "column"}
    said = settings({**target, "readers": ["a", "b"]})
    made = load(tmp_path, said, a=["yes", "no"], b=["no", "no"])
    assert label_arrays(made.table, made.spec.target).shape == (2, 2, 1)


def test_a_case_that_only_the_second_label_knows_does_not_belong(tmp_path: Path) -> None:
    said = settings({**BINARY, "second_label": "again"})
    made = load(tmp_path, said, a=["yes", ""], again=["no", "yes"])
    assert made.n_cases == 1


def test_for_prediction_no_label_is_needed(tmp_path: Path) -> None:
    said = settings({**BINARY, "second_label": "again"})
    made = load(tmp_path, said, for_prediction=True, other=["1"])
    assert np.isnan(label_arrays(made.table, made.spec.target)).all()


def test_cells_of_the_second_label_mean_what_those_of_the_first_do(tmp_path: Path) -> None:
    said = settings({**BINARY, "second_label": "again"})
    with pytest.raises(InputError, match=r"column 'again' holds values.*'maybe'"):
        load(tmp_path, said, a=["yes", "no"], again=["maybe", "no"])
    with pytest.raises(InputError, match=r"t\.yaml\.target: no column 'again'"):
        load(tmp_path, said, a=["yes", "no"], agian=["yes", "no"])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({**BINARY, "second_label": "a"}, "column and second_label named twice: a"),
        ({**BINARY, "column": None, "readers": ["a", "b"], "second_label": "c"}, "name the column"),
        ({**TWO, "second_labels": ["a2"]}, "one column for each of the 2 columns, got 1"),
        ({**TWO, "second_labels": ["a2", "a"]}, "columns and second_labels named twice: a"),
        ({**TWO, "second_label": "a2"}, "second_label"),
        ({**BINARY, "second_label": "age"}, "'age' is a second label, and inputs.record reads it"),
    ],
)
def test_what_is_no_second_label_is_refused(target: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        spec_from(settings(target), "t.yaml")


def test_a_pattern_does_not_take_in_a_second_label(tmp_path: Path) -> None:
    said = settings({**BINARY, "second_label": "lab_again"})
    said["inputs"]["record"]["numeric"]["lab_*"] = "mg/L"
    made = load(tmp_path, said, a=["yes", "no"], lab_again=["no", "no"], lab_crp=["1", "2"])
    assert list(made.record("record").columns) == ["age", "lab_crp"]
