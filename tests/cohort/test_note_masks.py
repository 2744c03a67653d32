import re

import pytest

from clinmm.cohort.notes import mask_words


@pytest.mark.parametrize(
    ("text", "masks", "masked"),
    [
        ("He DIED; the diet was poor.", ["died"], "He ___; the diet was poor."),
        ("intubated, INTUBATION, re-intubate", ["intubat*"], "___, ___, re-___"),
        ("in intensive\n care  unit", ["intensive care unit"], "in ___"),
        ("intensive-care unit", ["intensive care unit"], "___"),
        ("intensive care for intensive care unit", ["intensive care", "intensive care unit"],
         "___ for ___"),
        ("covid19 COVID-19 covid 19", ["covid-19"], "___ ___ ___"),
        ("extracorporealmembrane", ["extracorporeal"], "extracorporealmembrane"),
        ("+ve today, x+ve", ["+ve"], "___ today, x+ve"),
        ("a.b axb", ["a.b"], "___ axb"),
        ("sauveté", ["sauvet"], "sauveté"),
        ("nothing", [], "nothing"),
    ],
)  # fmt: skip
def test_masks_hide_whole_words_and_phrases(text: str, masks: list[str], masked: str) -> None:
    assert mask_words(text, masks) == masked


def test_masking_twice_changes_nothing_more() -> None:
    masks = ["died", "intubat*", "passed away"]
    once = mask_words("He died or passed  away, intubated.", masks)
    assert mask_words(once, masks) == once
    assert not re.search("died|passed|intub", once)
