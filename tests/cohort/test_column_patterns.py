"""Columns of a record named by a pattern."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from clinmm.cohort.manifest import load_cohort, resolved_settings
from clinmm.errors import InputError
from clinmm.study import cohort_yaml


def write(folder: Path, record: dict[str, Any], **more: Any) -> Path:
    table = pd.DataFrame(
        {
            "case": ["a", "b", "c"],
            "patient": ["p", "q", "r"],
            "died": ["1", "0", "1"],
            "age": ["50", "60", "70"],
            "gene_B": ["3", "", "x"],
            "gene_A": ["1", "2", "3"],
            "gene_word": ["u", "v", "w"],
        }
    )
    table.to_csv(folder / "t.csv", index=False)
    settings = {
        "name": "n",
        "table": "t.csv",
        "case_id": "case",
        "patient_id": "patient",
        "target": {
            "name": "d",
            "kind": "binary",
            "column": "died",
            "positive": ["1"],
            "negative": ["0"],
        },
        "inputs": {"record": {"kind": "record", **record}},
        **more,
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder / "c.yaml"


def test_a_pattern_stands_for_the_tables_columns_in_their_order(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "numeric": {"age": "years", "gene_*": {"unit": "counts", "range": [0, 2]}},
            "categorical": ["gene_word"],
        },
    )
    cohort = load_cohort(path)
    record = cohort.spec.inputs["record"]
    assert list(record.numeric.items()) == [  # type: ignore[union-attr]
        ("age", "years"),
        ("gene_B", "counts"),
        ("gene_A", "counts"),
    ]
    assert record.ranges == {"gene_B": (0, 2), "gene_A": (0, 2)}  # type: ignore[union-attr]
    assert list(cohort.record("record")) == ["age", "gene_B", "gene_A", "gene_word"]
    np.testing.assert_array_equal(cohort.record("record")["gene_B"], [3, np.nan, np.nan])
    assert [row["gene_A"] for row in cohort.record_rows("record")] == [1, 2, 3]
    assert {"gene_A", "gene_B"} <= set(cohort.for_run())


def test_the_runs_copy_keeps_the_pattern_and_means_the_same(tmp_path: Path) -> None:
    cohort = load_cohort(write(tmp_path, {"categorical": ["gene_*"]}))
    assert resolved_settings(cohort)["inputs"]["record"]["categorical"] == ["gene_*"]
    (tmp_path / "again.yaml").write_text(cohort_yaml(cohort))
    again = load_cohort(tmp_path / "again.yaml")
    assert again.spec == cohort.spec.model_copy(update={"table": again.spec.table})
    assert again.fingerprint == cohort.fingerprint


def test_named_columns_and_patterns_have_one_fingerprint(tmp_path: Path) -> None:
    pattern = load_cohort(
        write(tmp_path, {"numeric": {"gene_*": "n"}, "categorical": ["gene_word"]})
    )
    named = load_cohort(
        write(tmp_path, {"numeric": {"gene_B": "n", "gene_A": "n"}, "categorical": ["gene_word"]})
    )
    assert pattern.fingerprint == named.fingerprint


def test_a_pattern_never_takes_what_the_file_names_elsewhere(tmp_path: Path) -> None:
    cohort = load_cohort(write(tmp_path, {"categorical": ["*"]}, sensitive={"age": "age"}))
    assert cohort.spec.inputs["record"].categorical == (  # type: ignore[union-attr]
        "gene_B",
        "gene_A",
        "gene_word",
    )


def test_patterns_without_a_match_and_with_two_owners_are_refused_together(tmp_path: Path) -> None:
    path = write(tmp_path, {"numeric": {"gen_*": "n", "gene_*": "n", "*_A": "n", "die*": "n"}})
    with pytest.raises(InputError) as refused:
        load_cohort(path)
    told = str(refused.value)
    assert "matches 'gen_*'. Correct the pattern" in told
    assert "matches 'die*'" in told, "the target is no input"
    assert "'gene_A' matches record.numeric 'gene_*' and record.numeric '*_A'" in told


def test_two_patterns_that_overlap_are_told_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load_cohort(write(tmp_path, {"numeric": {"gene_*": "n", "gene*": "n"}}))
    (told,) = refused.value.problems
    assert told.endswith(
        "and 2 more matches record.numeric 'gene_*' and record.numeric 'gene*'. "
        "Make the patterns exclude each other."
    )
