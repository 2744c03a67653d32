"""Labels find their pictures by whatever they name them by, or are refused with a reason."""

import pandas as pd
import pytest

from clinmm.cohort.sources.labels import join_labels
from clinmm.errors import InputError


def _case(path, patient="100001", study="1.2.3.4.5.7", slices=("1.2.3.4.5.8",)):
    return {
        "file path": {path},
        "SOPInstanceUID": set(slices),
        "SeriesInstanceUID": {f"{study}.1"},
        "AccessionNumber": {f"A{patient}"},
        "StudyInstanceUID": {study},
        "PatientID": {patient},
    }


TWO = [
    _case("p1/x/one.dcm", "100001", "1.2.3.4.5.1", ("1.2.3.4.6.1",)),
    _case("p2/x/two.dcm", "100002", "1.2.3.4.5.2", ("1.2.3.4.6.2",)),
]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("file path", ["p1/x/one.dcm", "p2/x/two.dcm"]),
        ("file path", ["./p1/x/one.dcm", "p2\\x\\two.dcm"]),
        ("file path", ["/home/me/data/p1/x/one.dcm", "/home/me/data/p2/x/two.dcm"]),
        ("file path", ["one.dcm", "two.dcm"]),
        ("file path", ["one", "two"]),
        ("SOPInstanceUID", ["1.2.3.4.6.1", "1.2.3.4.6.2"]),
        ("SeriesInstanceUID", ["1.2.3.4.5.1.1", "1.2.3.4.5.2.1"]),
        ("StudyInstanceUID", ["1.2.3.4.5.1", "1.2.3.4.5.2"]),
        ("AccessionNumber", ["A100001", "A100002"]),
        ("PatientID", ["100001", "100002"]),
    ],
)
def test_every_identifier_is_found_by_its_values(key, values):
    labels = pd.DataFrame({"whatever": values, "y": ["0", "1"]})
    joined = join_labels(labels, TWO)
    assert (joined.key, joined.column) == (key, "whatever")
    assert joined.table["y"].tolist() == ["0", "1"]
    assert joined.left_out == ("whatever",)


def test_unmatched_rows_and_cases_are_counted():
    labels = pd.DataFrame({"file": ["one.dcm", "three.dcm"], "y": ["0", "1"]})
    joined = join_labels(labels, TWO)
    assert (joined.matched, joined.unused) == (1, 1)
    assert joined.table["y"].tolist() == ["0", ""]


def test_the_most_specific_of_two_equal_columns_is_used():
    labels = pd.DataFrame(
        {"study": ["1.2.3.4.5.1", "1.2.3.4.5.2"], "sop": ["1.2.3.4.6.1", "1.2.3.4.6.2"]}
    )
    assert join_labels(labels, TWO).key == "SOPInstanceUID"


def test_short_patient_ids_need_a_name_so_an_age_is_not_taken_for_one():
    cases = [_case("a.dcm", "61", "1.2.3.4.5.1"), _case("b.dcm", "62", "1.2.3.4.5.2")]
    with pytest.raises(InputError, match="must be named so"):
        join_labels(pd.DataFrame({"age": ["61", "62"], "y": ["0", "1"]}), cases)
    joined = join_labels(pd.DataFrame({"patient_id": ["61", "62"], "y": ["0", "1"]}), cases)
    assert joined.key == "PatientID"
    joined = join_labels(pd.DataFrame({"n": ["61", "62"], "y": ["0", "1"]}), cases, column="n")
    assert joined.table["y"].tolist() == ["0", "1"]


def test_a_file_name_that_two_folders_have_matches_neither():
    cases = [_case("p1/img.dcm", "1"), _case("p2/img.dcm", "2")]
    with pytest.raises(InputError, match="no column of the labels"):
        join_labels(pd.DataFrame({"file": ["img.dcm"], "y": ["1"]}), cases)
    joined = join_labels(pd.DataFrame({"file": ["p2/img.dcm"], "y": ["1"]}), cases)
    assert joined.table["y"].tolist() == ["", "1"]


def test_a_file_of_another_folder_is_not_taken_for_its_namesake():
    with pytest.raises(InputError, match="no column of the labels"):
        join_labels(pd.DataFrame({"file": ["p9/one.dcm"], "y": ["1"]}), TWO)


def test_different_rows_for_one_identifier_are_refused_and_equal_ones_are_one():
    labels = pd.DataFrame({"file": ["one.dcm", "one.dcm"], "y": ["0", "1"]})
    with pytest.raises(InputError, match="1 of its values have several different rows"):
        join_labels(labels, TWO)
    labels["y"] = "1"
    assert join_labels(labels, TWO).table["y"].tolist() == ["1", ""]


def test_slices_of_a_volume_may_repeat_its_label_and_not_contradict_it():
    volume = [_case("a", slices=("1.2.3.4.6.1", "1.2.3.4.6.2"))]
    labels = pd.DataFrame({"sop": ["1.2.3.4.6.1", "1.2.3.4.6.2"], "y": ["1", "1"]})
    assert join_labels(labels, volume).table["y"].tolist() == ["1"]
    labels["y"] = ["1", "0"]
    with pytest.raises(InputError, match="a volume has one label"):
        join_labels(labels, volume)


def test_one_label_of_a_patient_goes_to_all_his_pictures():
    cases = [_case("a.dcm", "100001"), _case("b.dcm", "100001"), _case("c.dcm", "100002")]
    joined = join_labels(pd.DataFrame({"patient": ["100001"], "y": ["1"]}), cases)
    assert joined.table["y"].tolist() == ["1", "1", ""]


def test_columns_that_identify_are_left_out_and_the_others_kept():
    labels = pd.DataFrame(
        {
            "file": ["one.dcm", "two.dcm"],
            "MRN": ["7", "8"],
            "who": ["Jane DOE", "Smith, John"],
            "uid": ["1.2.840.1.1.77", "1.2.840.1.1.78"],
            "seen": ["2021-04-05", "2021-04-06"],
            "grade": ["1", "2"],
            "report": ["No effusion. 2021-04-05 compared.", "Effusion."],
        }
    )
    names = frozenset({"jane", "doe", "smith", "john"})
    joined = join_labels(labels, TWO, names=names)
    assert list(joined.table) == ["grade", "report"]
    assert "seen" in join_labels(labels, TWO, names=names, keep_dates=True).table


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="no column 'x'; columns are y"):
        join_labels(pd.DataFrame({"y": ["1"]}), TWO, column="x")
