"""What is planted is on file, is recorded, and changes nothing else."""

import re

import numpy as np
import pytest

from clinmm.cohort.phantom import make_phantom
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import PLANT, draw_cases, stream
from clinmm.cohort.phantom.picture import burn_marker
from clinmm.cohort.phantom.planting import REGISTRY
from clinmm.cohort.phantom.planting.faint_group import SHARE_LEFT
from clinmm.cohort.phantom.planting.stated_label import STATEMENTS


def entry(made, name):
    return next(planted for planted in made.truth["planted"] if planted["name"] == name)


def marked(made, path) -> bool:
    """Is the letter burned in: the pixels of its strokes at full brightness."""
    shown = made.displayed(path)
    letter = np.zeros_like(shown)
    burn_marker(letter, int(path.stem[1:]) - 1)
    return bool((shown[letter > 0] > 0.99).mean() > 0.95)


def test_nothing_is_recorded_where_nothing_is_planted(clean):
    assert clean.truth["planted"] == []
    for path in (clean.folder / "images").iterdir():
        assert not marked(clean, path)
    assert not clean.table.note.str.contains("effusion", case=False).any()


def test_every_plant_is_recorded_with_its_cases(flawed):
    assert [planted["name"] for planted in flawed.truth["planted"]] == [
        "side_marker",
        "stated_label",
        "faint_group",
    ]
    for planted in flawed.truth["planted"]:
        assert planted["case_ids"]
        assert planted["class_name"] in (*FINDINGS, "all")
        assert set(planted["case_ids"]) <= set(flawed.table.case_id)


def test_the_letter_is_in_exactly_the_recorded_pictures(flawed):
    found = {path.stem for path in (flawed.folder / "images").iterdir() if marked(flawed, path)}
    assert found == set(entry(flawed, "side_marker")["case_ids"])


def test_the_label_is_stated_in_exactly_the_recorded_notes(flawed):
    pattern = "|".join(re.escape(text) for text in STATEMENTS)
    stated = flawed.table[flawed.table.note.str.contains(pattern)]
    assert set(stated.case_id) == set(entry(flawed, "stated_label")["case_ids"])
    assert all(flawed.truth_of(c)["labels"]["effusion"] for c in stated.case_id)


@pytest.mark.parametrize(("name", "finding"), [("side_marker", 2), ("stated_label", 1)])
def test_a_plant_goes_with_its_label_as_often_as_it_says(name, finding):
    cases = draw_cases(0, 600)
    planted = REGISTRY[name](cases, stream(0, PLANT, 0))
    has = np.array(
        [case.flaws.marker if name == "side_marker" else bool(case.flaws.stated) for case in cases]
    )
    label = np.array([case.labels[finding] for case in cases])
    assert planted.class_name == FINDINGS[finding]
    there = [case.present[planted.input] for case in cases]
    recorded = [
        c.case_id for c, planted_, p in zip(cases, has, there, strict=True) if planted_ and p
    ]
    assert planted.case_ids == recorded
    want = planted.parameters
    assert has[label == 1].mean() == pytest.approx(want["share_of_positives"], abs=0.07)
    assert has[label == 0].mean() == pytest.approx(want["share_of_negatives"], abs=0.03)


def test_findings_of_the_faint_group_are_drawn_nearer_to_normal():
    cases, plain = draw_cases(0, 200), draw_cases(0, 200)
    REGISTRY["faint_group"](cases, stream(0, PLANT, 0))
    for case, before in zip(cases, plain, strict=True):
        lost = before.image_evidence - case.image_evidence
        expected = (
            (1 - SHARE_LEFT) * before.separation * before.labels if case.sex == "F" else np.zeros(4)
        )
        np.testing.assert_allclose(lost, expected)


def test_one_plant_leaves_all_else_as_it_was(clean, tmp_path):
    make_phantom(tmp_path / "stated", seed=1, n_patients=30, plant=["stated_label"])
    for path in (clean.folder / "images").iterdir():
        assert path.read_bytes() == (tmp_path / "stated" / "images" / path.name).read_bytes()


def test_without_the_planted_sentence_the_notes_are_the_same(clean, flawed):
    pattern = re.compile("|".join(re.escape(f"{text} ") for text in STATEMENTS))
    for before, after in zip(clean.table.note, flawed.table.note, strict=True):
        assert pattern.sub("", after + " ").strip() == before
