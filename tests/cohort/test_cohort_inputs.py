import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from small_cohort import ROWS, SETTINGS, Write

from clinmm.cohort.manifest import load_cohort
from clinmm.errors import InputError

NAN = float("nan")


def test_binary_targets_are_one_column_of_0_and_1(write: Write) -> None:
    cohort = load_cohort(write(), for_prediction=True)
    assert (cohort.task, cohort.class_names) == ("binary", ["died"])
    np.testing.assert_array_equal(cohort.targets(), [[1], [0], [0], [1], [0], [NAN]])


def test_multiclass_targets_are_one_hot_and_nan_where_not_recorded(write: Write) -> None:
    target = {"name": "v", "kind": "multiclass", "column": "sex", "classes": ["M", "F"]}
    cohort = load_cohort(write(target=target), for_prediction=True)
    expected = [[0, 1], [0, 1], [1, 0], [NAN, NAN], [NAN, NAN], [1, 0]]
    np.testing.assert_array_equal(cohort.targets(), expected)
    assert load_cohort(write(target=target)).n_cases == 4


def test_multilabel_keeps_a_case_with_one_known_label(write: Write) -> None:
    rows = [
        (*row[:4], age, row[5], alive, view)
        for row, (age, alive, view) in zip(
            ROWS,
            [
                ("1", "0", "True"),
                ("", "1.0", "false"),
                ("", "", ""),
                ("0", "", ""),
                ("", "", "?"),
                ("1", "1", "1"),
            ],
            strict=True,
        )
    ]
    target = {"name": "t", "kind": "multilabel", "columns": ["age", "alive", "view"]}
    inputs = {"note": SETTINGS["inputs"]["note"]}
    cohort = load_cohort(write(rows=rows, target=target, inputs=inputs, sensitive={}))
    assert cohort.class_names == ["age", "alive", "view"]
    expected = [[1, 0, 1], [NAN, 1, 0], [0, NAN, NAN], [1, 1, 1]]
    np.testing.assert_array_equal(cohort.targets(), expected)


def test_what_is_present_makes_the_pattern(write: Write) -> None:
    cohort = load_cohort(write())
    assert cohort.patterns() == [
        "image+note+record",
        "image+note+record",
        "record",  # a blank note is no note
        "image+record",
        "image+note",  # age and sex both missing
    ]
    assert load_cohort(write(inputs={"note": SETTINGS["inputs"]["note"]})).patterns() == [
        "note",
        "note",
        "none",
        "none",
        "note",
    ]


def test_notes_are_masked_everywhere_they_leave_the_cohort(write: Write) -> None:
    cohort = load_cohort(write())
    assert cohort.notes("note") == ["Cough. She ___ at home.", "Cough.", None, None, "Fever."]
    assert cohort.for_run()["text"].tolist()[0] == "Cough. She ___ at home."


def test_groups_are_half_open_and_outsiders_are_named(write: Write) -> None:
    groups = load_cohort(write(), for_prediction=True).groups()
    assert list(groups["age"]) == [
        "[0, 40)",
        "[40, 65)",
        "[40, 65)",
        "[65, 120)",
        "not recorded",
        "outside [0, 120)",
    ]
    assert list(groups["sex"]) == ["F", "F", "M", "not recorded", "not recorded", "M"]
    assert list(groups.index) == ["c1", "c2", "c3", "c4", "c5", "c6"]


def test_the_record_is_numbers_then_text(write: Write) -> None:
    rows = [(*row[:4], "old" if row[0] == "c1" else row[4], *row[5:]) for row in ROWS]
    record = load_cohort(write(rows=rows)).record("record")
    assert list(record) == ["age", "sex"]
    np.testing.assert_array_equal(record["age"], [NAN, 40, 64.9, 65, NAN])
    assert [None if pd.isna(v) else v for v in record["sex"]] == ["F", "F", "M", None, None]


def test_infinity_is_no_number(write: Write) -> None:
    rows = [(*row[:4], "inf", *row[5:]) for row in ROWS]
    assert load_cohort(write(rows=rows)).record("record")["age"].isna().all()


def test_images_have_paths_and_hashes_of_their_bytes(write: Write) -> None:
    cohort = load_cohort(write())
    paths = cohort.image_paths("image")
    assert paths[2] is None
    assert paths[0] == cohort.folder / "a.png"
    hashes = cohort.image_sha256("image")
    assert hashes[0] == hashes[4] != hashes[1]
    assert hashes[2] is None


def test_asking_for_an_input_of_another_kind_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="no note input 'image'"):
        load_cohort(write()).notes("image")


def test_the_run_table_holds_every_declared_column(write: Write) -> None:
    table = load_cohort(write(keep={"view": ["PA", "AP", "L"]})).for_run()
    assert list(table) == [
        "case_id", "patient_id", "view", "alive", "picture", "text", "age", "sex",
        "image", "image_sha256", "pattern",
    ]  # fmt: skip
    assert table["age"].dtype == np.float64


def test_the_fingerprint_follows_cells_files_and_settings_but_not_the_place(
    write: Write,
) -> None:
    first = load_cohort(write()).fingerprint
    assert load_cohort(write(folder="moved")).fingerprint == first
    assert load_cohort(write(unit_name="person")).fingerprint != first
    changed = [(*row[:4], "41" if row[0] == "c2" else row[4], *row[5:]) for row in ROWS]
    assert load_cohort(write(rows=changed)).fingerprint != first
    undeclared = [(*row[:7], "XX") for row in ROWS]
    assert load_cohort(write(rows=undeclared)).fingerprint == first
    path = write()
    (path.parent / "b.png").write_bytes(b"other")
    assert load_cohort(path).fingerprint != first


def test_a_run_made_before_a_key_was_added_keeps_its_fingerprint(write: Write) -> None:
    cohort = load_cohort(write(rows=[row for row in ROWS if row[0] in ("c1", "c2")]))
    nothing = {"time": None}
    said = {  # every key of the first fingerprints
        "name": "small", "case_id": "case", "patient_id": "patient", "unit_name": "patient",
        "missing": ["", "?"], "keep": {}, "require": [], "drop_duplicates_of": None,
        "target": {"name": "died", "kind": "binary", "column": "alive",
                   "positive": ["N"], "negative": ["Y"]},
        "inputs": {
            "image": {"kind": "image", "column": "picture", **nothing},
            "note": {"kind": "note", "column": "text", "mask": ["died"], **nothing},
            "record": {"kind": "record", "numeric": {"age": "years"}, "categorical": ["sex"],
                       **nothing},
        },
        "sensitive": {"sex": {"column": "sex", "bins": None},
                      "age": {"column": "age", "bins": [0.0, 40.0, 65.0, 120.0]}},
        "site": None, "index_time": None, "sample": None,
    }  # fmt: skip
    columns = ["case_id", "patient_id", "alive", "picture", "text", "age", "sex"]
    rows = [
        ["c1", "p1", "N", "a.png", "Cough. She died at home.", "39", "F"],
        ["c2", "p1", "Y", "b.png", "Cough.", "40", "F"],
    ]
    parts = [
        json.dumps(said, sort_keys=True),
        json.dumps([columns, rows]),
        json.dumps(["image", cohort.image_sha256("image")]),
    ]
    assert cohort.fingerprint == hashlib.sha256("".join(parts).encode()).hexdigest()


def test_an_added_key_that_says_something_changes_the_fingerprint(write: Write) -> None:
    first = load_cohort(write()).fingerprint
    for name, added in (
        ("image", {"dimensions": 3}),
        ("note", {"file": True}),
        ("record", {"ranges": {"age": [0, 120]}}),
    ):
        inputs = {**SETTINGS["inputs"], name: {**SETTINGS["inputs"][name], **added}}
        assert load_cohort(write(inputs=inputs)).fingerprint != first
    timed = {**SETTINGS["target"], "time": "view"}
    assert load_cohort(write(target=timed)).fingerprint != first


def test_a_subset_keeps_the_order_asked_for(write: Write) -> None:
    part = load_cohort(write()).subset([3, 0])
    assert list(part.table["case_id"]) == ["c4", "c1"]
    np.testing.assert_array_equal(part.targets(), [[1], [1]])
    assert list(part.groups()["age"]) == ["[65, 120)", "[0, 40)"]


def test_times_are_read_in_the_first_format_that_fits(write: Write) -> None:
    times = ["2020-01-02", "03/04/2020", "2020", "soon", "?", ""]
    rows = [(*row[:7], time) for row, time in zip(ROWS, times, strict=True)]
    when = {"column": "view", "formats": ["%Y-%m-%d", "%m/%d/%Y", "%Y"]}
    read = load_cohort(write(rows=rows, index_time=when), for_prediction=True).index_times()
    assert [f"{t:%Y-%m-%d}" if pd.notna(t) else None for t in read] == [
        "2020-01-02", "2020-03-04", "2020-01-01", None, None, None,
    ]  # fmt: skip
