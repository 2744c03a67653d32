"""Planted v. found from an intake table, where it is known what the checks said."""

import pytest

from clinmm import registry
from clinmm.cohort.phantom import ALL_PLANTS
from clinmm.cohort.phantom.found import INTAKE_PLANTS, check_of, look_in_intake
from clinmm.intake.finding import Finding, as_table


def plant(name: str) -> dict:
    return {"name": name, "class_name": "nodule", "case_ids": ["c1", "c2", "c3", "c4"]}


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


@pytest.mark.parametrize("name", ["missing_note", "site_shortcut"])
def test_a_leaking_class_is_found_if_it_is_named(name):
    check = check_of(name)
    assert look_in_intake(said(check, detail="AUROC of 'nodule' .8"), plant(name))[0]
    found, evidence = look_in_intake(said(check, detail="AUROC of 'effusion' .8"), plant(name))
    assert not found
    assert evidence == "no finding about nodule"


def test_every_plant_but_those_of_the_model_has_a_check():
    assert set(INTAKE_PLANTS) == set(ALL_PLANTS) - {"side_marker", "faint_group"}
    assert len(set(map(check_of, INTAKE_PLANTS))) == len(INTAKE_PLANTS)
    assert "stated_label" in registry.available("checks")
