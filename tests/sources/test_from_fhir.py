"""FHIR R4 becomes a cohort in which nothing later than the index time is known."""

import json
from datetime import datetime

import pandas as pd
import pytest
from fhir_r4 import (
    MEDICATION,
    SMOKING,
    TEMPERATURE,
    attachment,
    blood_pressure,
    bundle,
    coded,
    condition,
    document,
    encounter,
    imaging_study,
    observation,
    patient,
    quantity,
    report,
)
from typer.testing import CliRunner
from what_is_said import SECRETS, all_text

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.sources.fhir_bundle import draft_from_fhir
from clinmm.cohort.sources.fhir_values import latest
from clinmm.errors import InputError
from pipelines.check import check_file
from pipelines.cohort import from_fhir


@pytest.fixture
def write(tmp_path):
    def write(*resources, name="bundle.json", **options):
        path = tmp_path / name
        path.write_text(bundle(*resources, **options))
        return path

    return write


def degrees(of, at, value):
    return observation(of, TEMPERATURE, at, **quantity(value, "C", "Cel"))


ENCOUNTERS = (
    patient("1"),
    patient("2", gender="male", birthDate="1990"),
    encounter("e1", "1", "2020-03-01T08:00:00Z"),
    encounter("e2", "2", "2020-03-05T08:00:00+02:00"),
    degrees("1", "2020-02-01", 36.6),
    degrees("1", "2020-03-01T20:00:00Z", 38.5),
    degrees("1", "2020-03-03T20:00:00Z", 40.0),
    blood_pressure("2", "2020-03-05T09:00:00Z", 107, 60),
    observation("1", SMOKING, "2019", valueCodeableConcept=coded("1", "Never smoker")),
    observation("2", SMOKING, "2019", valueCodeableConcept=coded("2", "Smoker")),
    report("1", "2020-03-01T10:00:00Z", attachment("Chest: an effusion on the left.")),
    document("1", "2020-03-01T11:00:00Z", attachment("Chest: an effusion on the left.")),
    document("1", "2020-02-01T11:00:00Z", attachment("<p>Seen <b>well</b></p>", "text/html")),
    document("1", "2020-03-04T11:00:00Z", attachment("Died of it.")),
    condition("1", "Pneumonia", "233604007", encounter={"reference": "Encounter/e1"}),
    MEDICATION,
)


def test_encounters_become_cases(write, tmp_path, table):
    made = from_fhir([write(*ENCOUNTERS)], tmp_path / "out")
    cases = table(made.file).set_index("sex")
    assert cases.loc["female", "age"] == "64"
    assert cases.loc["male", "age"] == "29"
    assert cases.loc["female", "body_temperature_8310_5"] == "38.5"
    assert cases.loc["male", "body_temperature_8310_5"] == ""
    assert cases.loc["male", "systolic_blood_pressure_8480_6"] == "107"
    assert cases.loc["male", "diastolic_blood_pressure_8462_4"] == "60"
    assert cases.loc["male", "tobacco_smoking_status_nhis_72166_2"] == "Smoker"
    assert cases["condition_pneumonia_233604007"].to_dict() == {"female": "1", "male": "0"}
    assert made.counts["cases, one per Encounter"] == 2
    assert made.counts["texts given twice"] == 1
    assert made.counts["resources of type MedicationRequest, not read"] == 1
    cohort = load_cohort(made.file)
    assert cohort.spec.target.name == "condition_pneumonia_233604007"
    assert cohort.spec.inputs["record"].numeric["body_temperature_8310_5"] == "degC"
    assert cohort.spec.inputs["record"].numeric["systolic_blood_pressure_8480_6"] == "mmHg"
    text = next(note for note in cohort.notes("note") if note)
    assert text.index("Seen well") < text.index("effusion")
    assert "Died" not in text


def test_what_was_made_passes_the_checks(write, tmp_path):
    made = from_fhir([write(*ENCOUNTERS)], tmp_path / "out", full_dates=True)
    findings, stands = check_file(made.file)
    assert not stands, findings["check"].tolist()


def test_hours_move_the_index_time(write):
    later = draft_from_fhir([write(*ENCOUNTERS)], hours=100)
    assert "40" in later.cases["body_temperature_8310_5"].tolist()
    assert "Died of it." in later.notes["text"].tolist()
    at_once = draft_from_fhir([write(*ENCOUNTERS)], hours=0)
    assert "36.6" in at_once.cases["body_temperature_8310_5"].tolist()


def test_a_later_result_never_changes_a_case(write):
    one = draft_from_fhir([write(*ENCOUNTERS)])
    later = ("2020-03-02T08:00:01Z", "2020-03-02", "2020-03", "2020")
    more = [degrees("1", time, 41) for time in later]
    two = draft_from_fhir([write(*ENCOUNTERS, *more)])
    pd.testing.assert_frame_equal(one.cases, two.cases)


def test_a_result_counts_from_when_it_was_issued(write):
    drawn = degrees("1", "2020-03-01T21:00:00Z", 41) | {"issued": "2020-03-09T10:00:00Z"}
    draft = draft_from_fhir([write(*ENCOUNTERS, drawn)])
    assert "41" not in draft.cases["body_temperature_8310_5"].tolist()


def test_void_resources_say_nothing(write):
    void = degrees("1", "2020-03-01T21:00:00Z", 41) | {"status": "entered-in-error"}
    refuted = condition("2", "Asthma", "195967001") | {
        "verificationStatus": coded("refuted", "Refuted")
    }
    draft = draft_from_fhir([write(*ENCOUNTERS, void, refuted)])
    assert "41" not in draft.cases["body_temperature_8310_5"].tolist()
    assert not [column for column in draft.cases if "asthma" in column]


def test_studies_are_cases_where_there_is_no_encounter_and_find_their_files(
    write, dicom, tmp_path, table
):
    dicom("x/1", SOPInstanceUID="1.2.9.1", SeriesInstanceUID="1.2.8.1", PatientID="A")
    dicom("x/2", SOPInstanceUID="1.2.9.2", SeriesInstanceUID="1.2.8.2", PatientID="B")
    bundle_file = write(
        patient("1"),
        patient("2", gender="male"),
        imaging_study("1", "2020-03-01T08:00:00Z", "1.2.8.1"),
        imaging_study("2", "2020-03-01T08:00:00Z", "1.2.8.7", "1.2.9.2"),
        report("1", "2020-03-02T10:00:00Z", attachment("The reading, later.")),
    )
    made = from_fhir([bundle_file], tmp_path / "out", images=tmp_path / "source")
    cases = table(made.file).set_index("sex")
    for sex, name in (("female", "x/1"), ("male", "x/2")):
        placed = made.file.parent / cases.loc[sex, "image"]
        assert placed.read_bytes() == (tmp_path / "source" / name).read_bytes()
    assert not (made.file.parent / "notes.csv").exists()
    assert made.counts["cases with a picture"] == 2


def test_patients_are_cases_where_there_is_nothing_else(write):
    draft = draft_from_fhir([write(patient("1"), degrees("1", "2020-03-01", 37.2))])
    assert draft.cases["body_temperature_8310_5"].tolist() == ["37.2"]
    assert draft.counts["cases, one per Patient"] == 1


def test_synthea_references_by_full_url(write):
    of_first = {"subject": {"reference": "urn:uuid:00000000"}}
    file = write(
        {**patient("1"), "id": "f1"},
        encounter("e1", "x", "2020-03-01T08:00:00Z") | of_first,
        degrees("x", "2020-03-01", 37) | of_first,
        full_urls=True,
    )  # fmt: skip
    draft = draft_from_fhir([file])
    assert draft.cases[["sex", "body_temperature_8310_5"]].to_numpy().tolist() == [["female", "37"]]
    assert draft.key == {"P0001": "Patient/f1"}


def test_bulk_export_gives_the_same_as_a_bundle(write, tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    for resource in ENCOUNTERS:
        with (folder / f"{resource['resourceType']}.ndjson").open("a") as file:
            file.write(json.dumps(resource) + "\n")
    one, two = draft_from_fhir([write(*ENCOUNTERS)]), draft_from_fhir([folder])
    pd.testing.assert_frame_equal(one.cases, two.cases)
    pd.testing.assert_frame_equal(one.notes, two.notes)


def test_nothing_that_says_who_is_written(write, tmp_path):
    resources = [*ENCOUNTERS, {**patient("3"), "gender": "Jane Doe MRN-778123"}]
    made = from_fhir([write(*resources)], tmp_path / "out", key=tmp_path / "key.csv")
    said = all_text(made.file.parent) + json.dumps([made.counts, made.remarks])
    assert not [secret for secret in SECRETS if secret in said]
    assert "2020-03" not in said
    assert "Patient/" not in said
    assert "Patient/1" in (tmp_path / "key.csv").read_text()


def test_full_dates_are_written_when_asked_for(write, tmp_path):
    made = from_fhir([write(*ENCOUNTERS)], tmp_path / "out", full_dates=True)
    assert "2020-03-02T08:00:00" in all_text(made.file.parent)
    load_cohort(made.file)


def test_invalid_resources_are_named_by_place_and_do_not_stop_the_others(write):
    bad = degrees("1", "2020-03-01T21:00:00Z", 41) | {"status": ["Jane Doe"]}
    draft = draft_from_fhir([write(*ENCOUNTERS, bad)])
    assert draft.counts["invalid resources"] == 1
    place = f"file 1, resource {len(ENCOUNTERS)}"
    assert f"Invalid: {place}: Observation is invalid at status" in draft.remarks


def test_all_invalid_is_refused_without_a_value(write):
    bad = {"resourceType": "Patient", "birthDate": "Jane Doe"}
    with pytest.raises(InputError, match="every resource is invalid") as refused:
        draft_from_fhir([write(*[bad] * 8)])
    assert "Jane" not in str(refused.value)
    assert "and 3 more" in str(refused.value)


def test_what_cannot_be_read_is_counted(write):
    odd = (
        report("1", "2020-03-01T10:00:00Z", attachment("%PDF", "application/pdf"), {"url": "B/1"}),
        report("1", "2020-03-01T10:00:00Z", {**attachment("x", "text/plain; charset=klingon")}),
        observation("1", {"text": "eye color"}, "2019", valueString="blue"),
        observation("1", TEMPERATURE, "2019", valueTime="10:00:00"),
        degrees("1", None, 36),
    )
    counts = draft_from_fhir([write(*ENCOUNTERS, *odd)]).counts
    assert counts["attachments of type application/pdf"] == 1
    assert counts["attachments that are only linked"] == 1
    assert counts["attachments in another encoding than they say"] == 1
    assert counts["results without a code"] == 1
    assert counts["results of type valueTime"] == 1
    assert counts["results without a patient or a time"] == 1


def test_other_units_are_not_mixed_in(write):
    fahrenheit = observation(
        "2", TEMPERATURE, "2020-03-05T06:00:00Z", **quantity(99.5, "F", "[degF]")
    )
    draft = draft_from_fhir([write(*ENCOUNTERS, fahrenheit)])
    assert "99.5" not in draft.cases["body_temperature_8310_5"].tolist()
    assert draft.counts["results in another unit than their column"] == 1


def test_two_persons_under_one_id_are_refused(write):
    with pytest.raises(InputError, match="1 Patient ids stand for persons of different"):
        draft_from_fhir([write(patient("1")), write(patient("1", gender="male"), name="b.json")])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "no resourceType"),
        ('{"a": 1}', "no resourceType"),
        ('{"resourceType": "Bundle", "type": "searchset"}', "Found: nothing"),
        (bundle(MEDICATION), "Found: 1 MedicationRequest"),
        (bundle(patient("1")), "no case"),
        ("[" * 200_000, "not JSON"),
    ],
)
def test_what_is_no_cohort_is_refused(tmp_path, content, words):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=words):
        draft_from_fhir([tmp_path / "a.json"])


def test_absent_files_are_refused_together(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as refused:
        draft_from_fhir([tmp_path / "no.json", tmp_path / "empty"])
    assert len(refused.value.problems) == 2


def test_images_that_no_study_names_are_refused(write, dicom, tmp_path):
    dicom("a")
    file = write(patient("1"), imaging_study("1", "2020-03-01T08:00:00Z", "1.2.8.1"))
    with pytest.raises(InputError, match="no ImagingStudy names"):
        draft_from_fhir([file], images=tmp_path / "source")


def test_a_day_of_unknown_hour_is_its_end():
    assert latest("2020-02") == datetime(2020, 2, 29, 23, 59, 59)
    assert latest("2020") == datetime(2020, 12, 31, 23, 59, 59)
    assert latest("") is latest(None) is None


def test_command(write, tmp_path):
    from pipelines.cli_cohort import app

    arguments = ["from-fhir", str(write(*ENCOUNTERS)), "--out", str(tmp_path / "out"), "--json"]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["counts"]["patients"] == 2
