"""The gate: every place is found, nothing found is repeated, and clean data gives silence."""

import re

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.deidentification import gate, ner
from clinmm.deidentification.columns import telling_name
from clinmm.deidentification.headers import look_at
from clinmm.deidentification.profile import is_dummy, profile
from clinmm.intake.checks.deidentification import check
from clinmm.intake.context import Context
from tests.deidentification.conftest import PLANTED


def _standing(dataset):
    read = look_at(dataset)
    return {group.name: read.severity(group) for group in read.kept}


def _declared_clean() -> Dataset:
    ds = Dataset()
    ds.PatientIdentityRemoved = "YES"
    ds.PatientID, ds.PatientName = "p17", ""
    return ds


@pytest.mark.usefixtures("rules_only")
def test_every_place_is_found_and_nothing_is_repeated(planted):
    findings = check(load_cohort(planted), Context())
    said = repr(findings).lower()
    spoken = [w for w in PLANTED if w.lower() in said.replace("quagmire-", "").replace("id='q", "")]
    assert spoken == []
    errors = {(f.subject, re.split(" holds? ", f.detail)[-1].split(":")[0]) for f in findings
              if f.severity == "error"}  # fmt: skip
    in_headers = {detail for subject, detail in errors if subject == "image"}
    assert {
        "names of persons", "dates of birth", "addresses and telephone numbers",
        "other identifiers", "free-text comments", "institution", "private elements",
        "text that looks like a name, number or address", "ids that may be pseudonyms",
    } <= in_headers  # fmt: skip
    assert {"dob", "contact"} <= {subject for subject, _ in errors}
    notes = {f.detail for f in findings if f.subject == "note"}
    kinds = (
        "names",
        "dates",
        "telephone numbers",
        "e-mail addresses",
        "web addresses",
        "record numbers",
        "addresses",
        "ages over",
    )
    for kind in kinds:
        assert any(re.search(f" holds? {kind}", detail) for detail in notes), kind
    for finding in findings:
        assert all(example.words == "" for example in finding.examples)


def test_the_clean_phantom_gives_neither_error_nor_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(gate, "MOST_PICTURES_READ", 4)
    cohort = load_cohort(make_phantom(tmp_path / "phantom", seed=3, n_patients=20))
    assert {f.severity for f in check(cohort, Context())} <= {"info"}


@pytest.mark.usefixtures("rules_only")
def test_without_the_extra_pixels_are_not_called_clean(tmp_path):
    cohort = load_cohort(make_phantom(tmp_path / "phantom", n_patients=2))
    said = [f.detail for f in check(cohort, Context()) if "text in the pixels" in f.detail]
    assert len(said) == 1
    assert said[0].startswith("not checked:")


def test_a_header_without_a_value_says_nothing():
    ds = _declared_clean()
    for keyword in ("PatientBirthDate", "InstitutionName", "ReferringPhysicianName"):
        setattr(ds, keyword, "")
    ds.OperatorsName, ds.StudyComments, ds.AccessionNumber = "ANONYMIZED", "removed", "0000"
    assert set(_standing(ds)) == {"ids that may be pseudonyms"}


@pytest.mark.parametrize(
    ("keyword", "value", "group"),
    [
        ("PatientName", "Fairweather^A", "names of persons"),
        ("PatientBirthDate", "19470611", "dates of birth"),
        ("PatientAddress", "12 Larkspur Lane", "addresses and telephone numbers"),
        ("PatientTelephoneNumbers", "617 555", "addresses and telephone numbers"),
        ("OtherPatientIDs", "A77", "other identifiers"),
        ("InstitutionName", "Infirmary", "institution"),
        ("ImageComments", "spoke with her", "free-text comments"),
        ("EvaluatorName", "Fairweather^A", "names of persons"),
        ("Manufacturer", "Dr. Fairweather", "text that looks like a name, number or address"),
    ],
)
def test_direct_identifiers_are_errors_though_the_header_says_removed(keyword, value, group):
    ds = _declared_clean()
    setattr(ds, keyword, value)
    assert _standing(ds)[group] == "error"
    around = _declared_clean()
    around.AnatomicRegionSequence = [ds]
    assert _standing(around)[group] == "error"


@pytest.mark.parametrize(
    ("keyword", "value", "undeclared", "code"),
    [
        ("StudyDescription", "CHEST PA", "warning", "113105"),
        ("InstitutionName", "Infirmary", "error", "113112"),
        ("StudyDate", "20200312", "info", "113107"),
        ("PatientSex", "F", "info", "113108"),
        ("DeviceSerialNumber", "A1", "info", "113109"),
    ],
)
def test_a_declared_option_of_the_profile_excuses(keyword, value, undeclared, code):
    ds = _declared_clean()
    setattr(ds, keyword, value)
    assert [s for g, s in _standing(ds).items() if g != "ids that may be pseudonyms"] == [
        undeclared
    ]
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code, "DCM"
    ds.DeidentificationMethodCodeSequence = [item]
    assert set(_standing(ds).values()) == {"info"}


def test_an_undeclared_header_is_not_believed():
    ds = _declared_clean()
    ds.PatientIdentityRemoved = "NO"
    ds.PatientID, ds.PatientSex, ds.StudyDate = "p17", "F", "20200312"
    assert _standing(ds) == {
        "ids that may be pseudonyms": "error",
        "patient characteristics": "warning",
        "dates and times": "warning",
    }


def test_private_elements_are_found_at_any_depth():
    outer = _declared_clean()
    inner = Dataset()
    inner.private_block(0x0029, "SOMEONE", create=True).add_new(0x01, "LO", "value")
    outer.AnatomicRegionSequence = [inner]
    assert _standing(outer)["private elements"] == "error"


def test_real_files_are_read_without_fault():
    names = ("CT_small.dcm", "badVR.dcm", "UN_sequence.dcm", "nested_priv_SQ.dcm", "rtplan.dcm",
             "MR_truncated.dcm", "test-SR.dcm", "waveform_ecg.dcm")  # fmt: skip
    for name in names:
        read = look_at(dcmread(get_testdata_file(name), stop_before_pixels=True, force=True))
        assert read.kept, name
    held = look_at(dcmread(get_testdata_file("CT_small.dcm"))).kept
    assert {g.name for g in held} >= {"names of persons", "private elements", "UIDs"}


def test_the_table_of_the_standard_is_whole():
    # Rows that every edition has: PatientName Z, StudyInstanceUID U, PatientAddress X, overlays.
    table = profile()
    assert len(table.action) > 600
    assert table.action_of(0x00100010) == "Z"
    assert table.action_of(0x0020000D) == "U"
    assert table.action_of(0x00101040) == "X"
    assert table.action_of(0x60023000) == table.action_of(0x50100020) == "X"
    assert table.action_of(0x00280010) is None


@pytest.mark.parametrize("value", ["", "XXXX", "Anonymized^Patient", "0000", "n/a", None, 0])
def test_dummies(value):
    assert is_dummy(value, "LO")


def test_dates_of_nobody_are_dummies():
    assert is_dummy("00010101", "DA")
    assert not is_dummy("19470611", "DA")
    assert not is_dummy("Smith", "PN")


@pytest.mark.parametrize(
    ("column", "kind"),
    [("dob", "date of birth"), ("BirthDate", "date of birth"), ("patient_name", "name of a person"),
     ("SSN", "social security number"), ("zip", "address"), ("name", None), ("age", None),
     ("medication_name", None), ("addressed", None)],
)  # fmt: skip
def test_columns_that_tell_by_their_name(column, kind):
    assert telling_name(column) == kind


@pytest.mark.skipif(not ner.installed(), reason="the extra `ner` is not installed")
def test_the_model_adds_names_but_no_eponyms():
    name, eponym = ner.name_spans(
        ["Yesterday Oyelaran Adisa felt better and went home.", "A Swan Ganz line and Foley Bag."]
    )
    assert [s.kind for s in name] == ["name"]
    assert eponym == []
