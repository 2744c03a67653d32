from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_cohort import COLUMNS, ROWS, SETTINGS, Write

from clinmm.cohort.manifest import load_cohort, resolved_settings
from clinmm.errors import InputError


def cases(path: Path, **options: bool) -> list[str]:
    return list(load_cohort(path, **options).table["case_id"])


def test_steps_are_taken_in_order_and_counted(write: Write) -> None:
    path = write(keep={"view": ["PA", "L"]}, require=["image", "note"], drop_duplicates_of="image")
    cohort = load_cohort(path)
    # c3 is AP; c4's note is `?`; c6 has no target; c5 has the file of c1
    assert list(cohort.table["case_id"]) == ["c1", "c2"]
    assert cohort.dropped == {"keep": 1, "require": 1, "no target": 1, "duplicates": 1}
    assert list(cohort.table.index) == [0, 1]
    assert (cohort.n_cases, cohort.n_patients) == (2, 1)


def test_a_duplicate_of_a_dropped_case_stays(write: Write) -> None:
    rows = [row if row[0] != "c1" else (*row[:6], "?", row[7]) for row in ROWS]
    assert "c5" in cases(write(rows=rows, drop_duplicates_of="image"))


def test_cases_without_a_file_are_no_duplicates_of_each_other(write: Write) -> None:
    rows = [(*row[:2], "absent.png" if row[0] < "c3" else "", *row[3:]) for row in ROWS]
    assert cases(write(rows=rows, drop_duplicates_of="image")) == ["c1", "c2", "c3", "c4", "c5"]


def test_for_prediction_the_target_may_be_empty_or_its_column_absent(write: Write) -> None:
    path = write()
    assert cases(path) == ["c1", "c2", "c3", "c4", "c5"]
    assert cases(path, for_prediction=True) == ["c1", "c2", "c3", "c4", "c5", "c6"]
    table = pd.DataFrame(ROWS, columns=COLUMNS).drop(columns="alive")
    table.to_csv(path.parent / "cases.csv", index=False)
    assert cases(path, for_prediction=True)[-1] == "c6"
    with pytest.raises(InputError, match=r"target: no column 'alive' in cases\.csv"):
        load_cohort(path)


def test_the_sample_is_that_of_pandas_and_comes_last(write: Write) -> None:
    path = write(sample={"rows": 3, "seed": 7}, drop_duplicates_of="image")
    left = pd.Series(["c1", "c2", "c3", "c4"])
    assert cases(path) == list(left.sample(3, random_state=7))
    with pytest.raises(InputError, match="wanted 30 of 4 cases"):
        load_cohort(write(sample={"rows": 30}, drop_duplicates_of="image"))


def test_only_declared_values_are_missing(write: Write) -> None:
    rows = [(*row[:3], "NA", *row[4:]) for row in ROWS]
    assert load_cohort(write(rows=rows)).notes("note") == ["NA"] * 5


def test_every_absent_column_is_told_with_the_likely_one(write: Write) -> None:
    with pytest.raises(InputError) as caught:
        load_cohort(write(patient_id="patent", site="hospital", keep={"vew": ["PA"]}))
    told = "\n".join(caught.value.problems)
    assert "patient_id: no column 'patent' in cases.csv. Did you mean 'patient'?" in told
    assert "keep: no column 'vew' in cases.csv. Did you mean 'view'?" in told
    assert "site: no column 'hospital'" in told


def test_bad_ids_bad_target_values_and_paths_out_are_told_at_once(write: Write) -> None:
    rows = [list(row) for row in ROWS]
    rows[1][0] = "c1"
    rows[2][1] = ""
    rows[3][6] = "dead"
    rows[4][2] = "../elsewhere/secret.png"
    rows[5][2] = "/etc/passwd"
    with pytest.raises(InputError) as caught:
        load_cohort(write(rows=rows))
    told = [line.split("cohort.yaml.")[1] for line in caught.value.problems]
    assert [line.split(":")[0] for line in told] == [
        "patient_id",
        "case_id",
        "target",
        "inputs.image",
    ]
    assert "1 rows have no 'patient', first in line 4" in told[0]
    assert "such as c1" in told[1]
    assert "'dead' (1 rows)" in told[2]
    assert "Known: N, Y." in told[2]
    assert "2 paths lead out of the table's folder (cases c5, c6)" in told[3]


def test_a_bad_target_value_outside_keep_does_no_harm(write: Write) -> None:
    rows = [(*row[:6], "dead", row[7]) if row[7] == "L" else row for row in ROWS]
    assert cases(write(rows=rows, keep={"view": ["PA"]})) == ["c1", "c2", "c4"]


def test_no_case_left_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match=r"no case is left of 6 rows; dropped \{'keep': 6"):
        load_cohort(write(keep={"view": ["none"]}))


def test_parquet_gives_the_same_cohort_as_csv(write: Write) -> None:
    path = write()
    from_csv = load_cohort(path).table
    table = pd.DataFrame(ROWS, columns=COLUMNS)
    table["age"] = pd.to_numeric(table["age"])
    table.to_parquet(path.parent / "cases.parquet")
    path.write_text(yaml.safe_dump({**SETTINGS, "table": "cases.parquet"}))
    pd.testing.assert_frame_equal(load_cohort(path).table, from_csv)


def test_the_data_folder_comes_from_the_environment_and_only_in_front(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(table="${CLINMM_DATA}/set/cases.csv")
    monkeypatch.delenv("CLINMM_DATA", raising=False)
    with pytest.raises(InputError, match="CLINMM_DATA is not set"):
        load_cohort(path)
    monkeypatch.setenv("CLINMM_DATA", str(path.parent.parent))
    cohort = load_cohort(path)
    assert cohort.n_cases == 5
    assert resolved_settings(cohort)["table"] == "${CLINMM_DATA}/set/cases.csv"
    with pytest.raises(InputError, match="only a leading"):
        load_cohort(write(table="${HOME}/cases.csv"))


def test_the_resolved_file_is_found_from_anywhere_and_means_the_same(
    write: Write, tmp_path: Path
) -> None:
    cohort = load_cohort(write(sample={"rows": 3}))
    elsewhere = tmp_path / "run"
    elsewhere.mkdir()
    (elsewhere / "cohort.yaml").write_text(yaml.safe_dump(resolved_settings(cohort)))
    assert load_cohort(elsewhere / "cohort.yaml").fingerprint == cohort.fingerprint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,a\n1,2\n", r"come twice: \['a'\]"),
        (b"", "cannot be read as CSV"),
        (b"case\n", "holds no rows"),
        ("case\nM\xfcller\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(write: Write, content: bytes, words: str) -> None:
    path = write()
    (path.parent / "cases.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_cohort(path)


def test_other_kinds_of_tables_and_absent_ones_are_refused(write: Write) -> None:
    path = write(table="cases.xlsx")
    with pytest.raises(InputError, match="no such file"):
        load_cohort(path)
    (path.parent / "cases.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"wanted a \.csv or \.parquet table, got '\.xlsx'"):
        load_cohort(path)
