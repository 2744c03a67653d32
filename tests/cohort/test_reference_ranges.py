"""What is usual of a column of the record: declared in the cohort file, shown, read by no model."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from clinmm.cohort.inputs import RecordInput
from clinmm.cohort.manifest import load_cohort
from clinmm.study import cohort_yaml
from dashboards.case_data import RecordRow, cohort_spread, record_rows
from dashboards.panels import record


def source(**given: Any) -> RecordInput:
    return RecordInput.model_validate({"kind": "record", **given})


def test_a_reference_stands_beside_the_unit_and_the_range() -> None:
    both = {"unit": "degC", "range": [30, 45], "reference": [36.1, 37.8]}
    found = source(numeric={"temperature": both, "age": "years"})
    assert found.numeric == {"temperature": "degC", "age": "years"}
    assert found.ranges == {"temperature": (30, 45)}
    assert found.references == {"temperature": (36.1, 37.8)}
    apart = source(
        numeric={"temperature": "degC", "age": "years"},
        ranges={"temperature": [30, 45]},
        references={"temperature": [36.1, 37.8]},
    )
    assert apart == found
    assert source(**found.model_dump(exclude={"kind"})) == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"numeric": {"t": {"unit": "C", "reference": [38, 36]}}},
            r"references.t: wanted two rising",
        ),
        ({"numeric": {"t": {"unit": "C", "reference": [1, float("inf")]}}}, "two rising numbers"),
        ({"numeric": {"t": {"unit": "C", "reference": 37}}}, "references"),
        ({"numeric": {"t": {"unit": "C", "normal": [36, 37]}}}, r"numeric.t: wanted a unit"),
        ({"numeric": {"t": {"reference": [36, 37]}}}, r"numeric.t: wanted a unit"),
        ({"numeric": {"t": "C"}, "references": {"x": [1, 2]}}, "references: 'x' is not among"),
        (
            {"numeric": {"t": {"unit": "C", "reference": [1, 2]}}, "references": {"t": [1, 2]}},
            "given twice",
        ),
    ],
)
def test_what_is_no_reference_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        source(**given)


def write(folder: Path, inputs: dict[str, Any]) -> Path:
    rows = pd.DataFrame(
        {"id": ["a", "b"], "died": ["1", "0"], "gene_A": ["1", "2"], "gene_B": ["3", "4"]}
    )
    rows.to_csv(folder / "cases.csv", index=False)
    settings = {
        "name": "small",
        "table": "cases.csv",
        "case_id": "id",
        "patient_id": "id",
        "target": {
            "name": "died", "column": "died", "kind": "binary",
            "positive": ["1"], "negative": ["0"],
        },
        "inputs": {"record": {"kind": "record", **inputs}},
    }  # fmt: skip
    (folder / "c.yaml").write_text(yaml.safe_dump(settings))
    return folder / "c.yaml"


def test_a_reference_changes_nothing_that_models_read(tmp_path: Path) -> None:
    plain = load_cohort(write(tmp_path, {"numeric": {"gene_A": "counts"}})).fingerprint
    said = {"numeric": {"gene_A": {"unit": "counts", "reference": [0, 1]}}}
    assert load_cohort(write(tmp_path, said)).fingerprint == plain


def test_a_pattern_gives_its_reference_to_each_column_also_in_the_runs_copy(tmp_path: Path) -> None:
    said = {"numeric": {"gene_*": {"unit": "counts", "reference": [0, 2.5]}}}
    cohort = load_cohort(write(tmp_path, said))
    assert cohort.spec.inputs["record"].references == {"gene_A": (0, 2.5), "gene_B": (0, 2.5)}  # type: ignore[union-attr]
    kept = yaml.safe_load(cohort_yaml(cohort))
    case = pd.Series({"case_id": "b", "gene_A": 2.0, "gene_B": 4.0})
    rows = record_rows(case, kept, "record")
    assert [(row.name, row.low, row.high, row.declared, row.side) for row in rows] == [
        ("gene_A", 0, 2.5, True, ""),
        ("gene_B", 0, 2.5, True, "above"),
    ]


RECORD = {
    "inputs": {
        "record": {
            "kind": "record",
            "numeric": {"t": "degC", "crp": "mg/L", "age": "years"},
            "references": {"t": [36.1, 37.8]},
            "categorical": ["sex"],
        }
    }
}


@pytest.mark.parametrize(
    ("value", "side"), [(36.1, ""), (37.8, ""), (37.81, "above"), (36.0, "below"), (np.nan, "")]
)
def test_the_ends_of_a_reference_belong_to_it(value: float, side: str) -> None:
    case = pd.Series({"t": value, "crp": 9.0, "age": 50.0, "sex": "F"})
    first = record_rows(case, RECORD, "record", spread={"t": (0, 1), "crp": (1, 8)})[0]
    assert (first.low, first.high, first.declared, first.side) == (36.1, 37.8, True, side)


def test_without_a_reference_the_cohorts_spread_stands_and_says_so() -> None:
    case = pd.Series({"t": 39.0, "crp": 9.0, "age": 50.0, "sex": "F"})
    rows = record_rows(case, RECORD, "record", spread={"crp": (1, 8)})
    assert [(row.low, row.declared, row.side) for row in rows] == [
        (36.1, True, "above"), (1, False, "above"), (None, False, ""), (None, False, ""),
    ]  # fmt: skip
    out = record(rows)
    assert out.count("↑ above") == 2
    assert '<span class="flag declared">↑ above</span>' in out
    assert "36.1 to 37.8</td>" in out
    assert "1 to 8&nbsp;*" in out
    assert out.count("central 95 %") == 2  # the column's title and the line below
    assert "usual" not in record([RecordRow("age", "50", "years")])


def test_the_spread_is_the_central_95_percent_of_40_values_or_more() -> None:
    values = np.random.default_rng(0).normal(37, 1, 400)
    cases = pd.DataFrame(
        {
            "t": values,
            "few": np.where(np.arange(400) < 39, values, np.nan),
            "enough": np.where(np.arange(400) < 40, values, np.nan),
            "same": 1.0,
            "sex": "F",
        }
    )
    found = cohort_spread(cases, [*cases, "absent"])
    assert set(found) == {"t", "enough"}
    np.testing.assert_allclose(found["t"], np.quantile(values, [0.025, 0.975]), atol=0.006)
    assert cohort_spread(cases, []) == {}
