"""A MEDS dataset becomes one case per label, with what was known up to its prediction time."""

import json
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.sources.meds_dataset import draft_from_meds
from clinmm.errors import InputError
from pipelines.check import check_file
from pipelines.cohort import from_meds

NOTE = "Admitted with fever; the chest film shows a consolidation on the right."
DATA = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("time", pa.timestamp("us")),
        ("code", pa.string()),
        ("numeric_value", pa.float32()),
        ("text_value", pa.large_string()),
    ]
)  # meds 0.4.1, DataSchema


def at(day, hour=0):
    return datetime(2150, 1, day, hour)


EVENTS = {
    71: [
        (None, "GENDER//F", None, None),
        (datetime(2085, 6, 1), "MEDS_BIRTH", None, None),
        (at(1), "LAB//50912//mg/dL", 0.9, None),
        (at(2), "LAB//50912//mg/dL", 1.4, None),
        (at(3), "LAB//50912//mg/dL", 9.9, None),
        (at(1), "HR", 70.0, None),
        (at(1), "NOTE//DS", None, NOTE),
        (at(3), "NOTE//DS", None, f"{NOTE} Died."),
        (at(9), "MEDS_DEATH", None, None),
    ],
    72: [
        (None, "GENDER//M", None, None),
        (datetime(2120, 6, 1), "MEDS_BIRTH", None, None),
        (at(1), "HR", 88.0, "ok"),
    ],
    73: [(at(1), "HR", 1.0, None)],
}


def dataset(folder, events=EVENTS, shards=((71, 73), (72,))):
    for place, subjects in enumerate(shards):
        rows = [(subject, *event) for subject in subjects for event in events[subject]]
        rows.sort(key=lambda row: (row[0], row[1] or datetime.min))
        path = folder / "data" / "train" / f"{place}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = [list(column) for column in zip(*rows, strict=True)]
        pq.write_table(pa.table(columns, schema=DATA), path)
    (folder / "metadata").mkdir(exist_ok=True)
    splits = pa.table({"subject_id": [71, 72], "split": ["train", "held_out"]})
    pq.write_table(splits, folder / "metadata" / "subject_splits.parquet")
    codes = {"code": ["LAB//50912//mg/dL"], "description": ["Creatinine"], "parent_codes": [[]]}
    pq.write_table(pa.table(codes), folder / "metadata" / "codes.parquet")
    return folder


def labels(path, **columns):
    given = {
        "subject_id": [71, 71, 72],
        "prediction_time": [at(2), at(1, 12), at(2)],
        "boolean_value": [True, False, False],
    } | columns
    path.parent.mkdir(parents=True, exist_ok=True)
    times = pa.array(given.pop("prediction_time"), pa.timestamp("us"))
    table = pa.table({**given}).append_column("prediction_time", times)
    pq.write_table(table, path)
    return path


@pytest.fixture
def meds(tmp_path):
    return dataset(tmp_path / "meds"), labels(tmp_path / "label.parquet")


def test_each_label_is_a_case_that_knows_nothing_later(meds, tmp_path, table):
    made = from_meds(*meds, tmp_path / "out", key=tmp_path / "key.csv")
    cases = table(made.file)
    key = pd.read_csv(tmp_path / "key.csv").set_index("pseudonym")["identifier"]
    cases["subject"] = cases["patient_id"].map(key)
    cases = cases.set_index(["subject", "label"])
    # The value at the prediction time itself counts, as MEDS defines it.
    assert cases.loc[(71, "true"), ["LAB//50912//mg/dL", "HR"]].tolist() == ["1.4", "70"]
    assert cases.loc[(71, "false"), ["LAB//50912//mg/dL", "HR"]].tolist() == ["0.9", "70"]
    assert cases.loc[(72, "false"), ["LAB//50912//mg/dL", "HR"]].tolist() == ["", "88"]
    assert cases.loc[(71, "true"), ["sex", "age", "meds_split"]].tolist() == ["F", "64", "train"]
    assert cases.loc[(72, "false"), "age"] == "29"
    assert made.counts["notes"] == 2
    assert made.counts["short texts, not read"] == 1
    cohort = load_cohort(made.file)
    assert cohort.spec.target.positive == ("true",)
    assert cohort.spec.inputs["record"].numeric["LAB//50912//mg/dL"] == "mg/dL"
    assert "consolidation" in cohort.notes("note")[cohort.table["sex"].eq("F").argmax()]
    assert not [note for note in cohort.notes("note") if note and "Died" in note]
    assert "Creatinine" in made.file.read_text()
    findings, stands = check_file(made.file)
    assert not stands, findings["check"].tolist()
    assert "2150-" not in made.file.parent.joinpath("cases.csv").read_text()


def test_agrees_with_a_slow_loop_whatever_the_shards(tmp_path):
    random = np.random.default_rng(0)
    events, rows = {}, []
    for subject in range(20):
        events[subject] = [
            (at(int(day), int(hour)), code, float(np.float32(random.normal())), None)
            for day, hour, code in zip(
                random.integers(1, 20, 30), random.integers(0, 24, 30),
                random.choice(["A", "B", "C"], 30), strict=True,
            )
        ]  # fmt: skip
        rows += [(subject, at(int(day))) for day in set(random.integers(1, 20, 2).tolist())]
    files = labels(
        tmp_path / "labels" / "0.parquet",
        subject_id=[subject for subject, _ in rows],
        prediction_time=[time for _, time in rows],
        boolean_value=[bool(subject % 2) for subject, _ in rows],
    )
    one = dataset(tmp_path / "one", events, (tuple(range(20)),))
    many = dataset(tmp_path / "many", events, tuple((s,) for s in range(20)))
    found = draft_from_meds(one, files)
    pd.testing.assert_frame_equal(found.cases, draft_from_meds(many, files.parent).cases)
    for case in found.cases.itertuples():
        subject = int(found.key[case.patient_id])
        times = sorted(time for s, time in rows if s == subject)
        place = [c.case_id for c in found.cases.itertuples() if c.patient_id == case.patient_id]
        limit = times[place.index(case.case_id)]
        for code in "ABC":
            until = [e for e in events[subject] if e[1] == code and e[0] <= limit]
            until.sort(key=lambda event: event[0])
            assert getattr(case, code) == (f"{until[-1][2]:.7g}" if until else "")


def test_codes_are_chosen_by_hand_or_by_how_many_have_them(meds):
    assert list(draft_from_meds(*meds, top=1).numeric) == ["age", "HR"]
    chosen = draft_from_meds(*meds, codes=["LAB//50912//mg/dL"])
    assert list(chosen.numeric) == ["age", "LAB//50912//mg/dL"]
    with pytest.raises(InputError, match="no labelled subject has a number for: X"):
        draft_from_meds(*meds, codes=["X"])


def test_labels_of_other_kinds(meds, tmp_path):
    folder, _ = meds
    named = labels(tmp_path / "l.parquet", boolean_value=[None] * 3, categorical_value=list("abc"))
    assert draft_from_meds(folder, named).cases["label"].tolist().sort() is None
    whole = labels(tmp_path / "l.parquet", boolean_value=[None] * 3, integer_value=[0, 1, 2])
    assert set(draft_from_meds(folder, whole).cases["label"]) == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"boolean_value": [None] * 3}, "found none"),
        ({"integer_value": [1, 2, 3]}, "wanted labels in one of"),
        ({"boolean_value": [None] * 3, "float_value": [0.5, 1.0, 2.0]}, "predicts classes"),
        ({"prediction_time": [at(2), at(2), at(2)]}, "1 labels differ"),
        ({"prediction_time": [at(2), None, at(2)]}, "1 rows without"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(meds, tmp_path, columns, words):
    with pytest.raises(InputError, match=words):
        draft_from_meds(meds[0], labels(tmp_path / "l.parquet", **columns))


def test_what_is_no_meds_is_refused(meds, tmp_path):
    folder, label = meds
    with pytest.raises(InputError, match="is no MEDS dataset"):
        draft_from_meds(tmp_path / "none", label)
    with pytest.raises(InputError, match="no such label file"):
        draft_from_meds(folder, tmp_path / "none.parquet")
    with pytest.raises(InputError, match="no column prediction_time"):
        draft_from_meds(folder, folder / "metadata" / "subject_splits.parquet")
    (folder / "data" / "bad.parquet").write_text("text")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        draft_from_meds(folder, label)
    pq.write_table(pa.table({"patient_id": [1]}), folder / "data" / "bad.parquet")
    with pytest.raises(InputError, match="no column code, subject_id, time"):
        draft_from_meds(folder, label)


def test_a_subject_in_two_files_is_refused(tmp_path, meds):
    folder = dataset(tmp_path / "two", EVENTS, ((71, 72), (71,)))
    with pytest.raises(InputError, match="1 subjects are in an earlier file"):
        draft_from_meds(folder, meds[1])


def test_a_file_without_values_is_read(meds, tmp_path):
    folder, label = meds
    for path in (folder / "data").rglob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.drop(["numeric_value", "text_value"]), path)
    assert draft_from_meds(folder, label).numeric == {"age": "years"}


def test_command(meds, tmp_path):
    from pipelines.cli_cohort import app

    folder, label = meds
    arguments = ["from-meds", str(folder), "--label", str(label), "--out", str(tmp_path / "o")]
    ran = CliRunner().invoke(app, [*arguments, "--codes", "HR", "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["counts"]["cases, one per label"] == 3
