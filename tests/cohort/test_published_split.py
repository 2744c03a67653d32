"""A split that came with the data is taken as it is, or refused."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.splits import SplitConfig, make_splits
from clinmm.errors import InputError

BY_COLUMN = SplitConfig(by="column")


def cohort(
    folder: Path, cells: list[Any], y: list[int] | None = None, named: bool = True
) -> Cohort:
    n = len(cells)
    pd.DataFrame(
        {
            "case": [f"c{i}" for i in range(n)],
            "patient": [f"p{i // 2}" for i in range(n)],
            "y": y or [i // 2 % 2 for i in range(n)],
            "part": cells,
            "note": "text",
        }
    ).to_csv(folder / "t.csv", index=False)
    split = "split: part" if named else ""
    (folder / "c.yaml").write_text(
        "{name: t, table: t.csv, case_id: case, patient_id: patient, target: {name: y, "
        "kind: binary, column: y, positive: [1], negative: [0]}, inputs: {note: {kind: note, "
        "column: note}}}" if not named else
        "name: t\ntable: t.csv\ncase_id: case\npatient_id: patient\n"
        "target: {name: y, kind: binary, column: y, positive: [1], negative: [0]}\n"
        f"inputs: {{note: {{kind: note, column: note}}}}\n{split}\n"
    )  # fmt: skip
    return load_cohort(folder / "c.yaml")


def test_parts_are_those_of_the_column_and_half_of_validate_calibrates(tmp_path: Path) -> None:
    cells = ["train"] * 8 + ["Val"] * 8 + ["TEST"] * 4
    made = cohort(tmp_path, cells)
    splits = make_splits(made, BY_COLUMN, 0).set_index("case_id")["split"]
    assert splits[[f"c{i}" for i in range(8)]].eq("train").all()
    assert splits[[f"c{i}" for i in range(16, 20)]].eq("test").all()
    held = splits[[f"c{i}" for i in range(8, 16)]]
    assert held.value_counts().to_dict() == {"validate": 4, "calibrate": 4}
    each = held.groupby(made.table["patient_id"].to_numpy()[8:16]).nunique()
    assert (each == 1).all(), "patients stay whole"
    again = make_splits(made, BY_COLUMN, 0)
    assert again.equals(make_splits(made, BY_COLUMN, 0))


def test_a_published_part_to_calibrate_on_is_kept(tmp_path: Path) -> None:
    cells = ["train"] * 4 + ["validation"] * 4 + ["calibration"] * 4 + ["test"] * 4
    splits = make_splits(cohort(tmp_path, cells), BY_COLUMN, 0)
    assert splits["split"].value_counts().to_dict() == dict.fromkeys(
        ["train", "validate", "calibrate", "test"], 4
    )
    assert (splits["member"][splits["split"] == "validate"] == 0).all()


def test_every_problem_is_told(tmp_path: Path) -> None:
    cells = ["train", "test", "train", "train", "held out", None, "test", "test"]
    with pytest.raises(InputError) as refused:
        make_splits(cohort(tmp_path, cells), BY_COLUMN, 0)
    said = str(refused.value)
    assert "1 cases have no part" in said
    assert "'held out'" in said
    assert "no case is in validate" in said
    assert "1 patients are in more than one part" in said


def test_a_part_with_one_outcome_is_refused(tmp_path: Path) -> None:
    cells = ["train"] * 4 + ["val"] * 4 + ["test"] * 4
    with pytest.raises(InputError, match="test has one outcome of 'y' only"):
        make_splits(cohort(tmp_path, cells, [0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]), BY_COLUMN, 0)


def test_a_cohort_without_the_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no split"):
        make_splits(cohort(tmp_path, ["train"] * 4, named=False), BY_COLUMN, 0)


def test_the_column_takes_no_folds() -> None:
    with pytest.raises(ValueError, match="by: column takes neither folds nor fractions"):
        SplitConfig(by="column", folds=3)
