"""Planted v. found from an intake table, where it is known what the checks said."""

import pytest

from clinmm import registry
from clinmm.cohort.phantom import ALL_PLANTS
from clinmm.cohort.phantom.found import INTAKE_PLANTS, check_of, look_in_intake
from clinmm.intake.finding import Finding, as_table


def plant(name: str, **parameters) -> dict:
    ids = ["c1", "c2", "c3", "c4"]
    return {"name": name, "class_name": "nodule", "case_ids": ids, "parameters": parameters}


def said(check: str, *case_ids: str, severity: str = "warning", detail: str = "odd"):
    return as_table([Finding(check, severity, "image", detail, "Look.", case_ids, len(case_ids))])


@pytest.mark.parametrize("name", ["duplicate_images", "same_patient", "identifiers", "implausible"])
def test_cases_are_found_if_half_of_them_are_named_in_a_warning_or_error(name):
    check = check_of(name)
    assert look_in_intake(said(check, "c1", "c2", "c9"), plant(name))[0]
    assert look_in_intake(said(check, "c1", "c2", severity="error"), plant(name))[0]
    assert not look_in_intake(said(check, "c1", "c9"), plant(name))[0]
    assert not look_in_intake(said(check, "c1", "c2", severity="info"), plant(name))[0]
    assert not look_in_intake(said("rows", "c1", "c2", "c3"), plant(name))[0]
    found, evidence = look_in_intake(said(check, "c1"), plant(name))
    assert not found
    assert "1 of the 4 planted cases are named" in evidence


def test_a_check_that_names_every_case_has_found_nothing():
    everybody = said("ranges", *(f"c{n}" for n in range(1, 21)))
    found, evidence = look_in_intake(everybody, plant("implausible"))
    assert not found
    assert "4 of the 4 planted cases are named, and 16 others" in evidence


def test_the_other_half_of_a_pair_is_no_stranger_and_ways_that_nothing_named_are_told():
    copies = {"copy_of": {"c1": "c5", "c2": "c6", "c3": "c7", "c4": "c8"}}
    ways = {"how": {"resized": ["c1", "c2"], "cropped": ["c3", "c4"]}}
    pairs = said("duplicates", "c1", "c5", "c2", "c6")
    found, evidence = look_in_intake(pairs, plant("duplicate_images", **copies, **ways))
    assert found
    assert evidence == "2 of the 4 planted cases are named, none by cropped: odd"


@pytest.mark.parametrize("name", ["missing_note", "site_shortcut", "side_marker"])
def test_a_leaking_class_is_found_if_it_is_named(name):
    check = check_of(name)
    assert look_in_intake(said(check, detail="AUROC of 'nodule' .8"), plant(name))[0]
    found, evidence = look_in_intake(said(check, detail="AUROC of 'effusion' .8"), plant(name))
    assert not found
    assert evidence == "no finding about nodule"


def test_a_stated_label_is_an_error_that_names_the_class():
    names = {"detail": "'nodule' stands in the notes of 9 patients"}
    look = plant("stated_label")
    assert look_in_intake(said("stated_label", "c1", severity="error", **names), look)[0]
    assert not look_in_intake(said("stated_label", "c1", severity="warning", **names), look)[0]
    assert not look_in_intake(said("stated_label", "c1", severity="error"), look)[0]


def test_every_plant_but_those_of_groups_has_a_check():
    of_groups = {"faint_group", *ALL_PLANTS[11:]}
    assert set(INTAKE_PLANTS) == set(ALL_PLANTS) - of_groups
    assert set(map(check_of, INTAKE_PLANTS)) < set(registry.available("checks"))
