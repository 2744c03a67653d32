"""Notes: prose that follows the facts and never says the label."""

import re

import numpy as np
import pytest

from clinmm.cohort.phantom.facts import FACTS, draw_facts
from clinmm.cohort.phantom.findings import COMBINATIONS, LABEL_WORDS
from clinmm.cohort.phantom.notes import write_note

SILENT = dict.fromkeys(FACTS, "silent")


def many_notes() -> list[str]:
    notes = []
    for n in range(400):
        rng = np.random.default_rng(n)
        facts = draw_facts(rng, COMBINATIONS[n % 16])
        notes.append(write_note(rng, facts, "FM"[n % 2]))
    return notes


def test_no_note_says_a_label_word():
    words = [word for words in LABEL_WORDS.values() for word in words]
    pattern = re.compile("|".join(words), re.IGNORECASE)
    assert [note for note in many_notes() if pattern.search(note)] == []


def test_notes_have_40_to_120_words_and_hardly_ever_repeat():
    notes = many_notes()
    lengths = [len(note.split()) for note in notes]
    assert min(lengths) >= 40
    assert max(lengths) <= 120
    assert len(set(notes)) == len(notes)


@pytest.mark.parametrize("name", FACTS)
def test_an_affirmed_fact_is_written_and_a_silent_one_is_not(name):
    wordings = FACTS[name].affirmed
    for n in range(30):
        written = write_note(np.random.default_rng(n), SILENT | {name: "affirmed"}, "F")
        silent = write_note(np.random.default_rng(n), SILENT, "F")
        plain = [word for word in wordings if word.lower() in written.lower()]
        assert plain or _misspelt(written, wordings)
        assert not [word for word in wordings if word.lower() in silent.lower()]


def _misspelt(note: str, wordings: tuple[str, ...]) -> bool:
    """A wording is there up to the order of the letters inside its words."""

    def bag(text: str) -> str:
        return " ".join("".join(sorted(word)) for word in re.findall(r"\w+", text.lower()))

    return any(bag(word) in bag(note) for word in wordings)


def test_a_denied_complaint_stands_after_a_denial():
    for n in range(30):
        facts = SILENT | {"fever": "denied"}
        note = write_note(np.random.default_rng(n), facts, "M")
        assert re.search(r"(denies|no|no h/o|negative for) (fever|temp)\b", note, re.IGNORECASE)


def test_what_is_affirmed_is_not_denied_and_what_is_denied_is_not_affirmed():
    denial = re.compile(r"denies|negative for|no h/o", re.IGNORECASE)
    complaints = [name for name, fact in FACTS.items() if fact.section == "complaint"]
    for n in range(30):
        rng = np.random.default_rng(n)
        assert not denial.search(
            write_note(rng, SILENT | dict.fromkeys(complaints, "affirmed"), "F")
        )
        denied = write_note(rng, SILENT | dict.fromkeys(complaints, "denied"), "F")
        assert re.search(r"\bseen\b|\bhere for\b", denied.split(".")[0])  # nothing to complain of


def test_a_planted_statement_is_in_the_note_as_it_is():
    for n in range(30):
        note = write_note(np.random.default_rng(n), SILENT, "F", "CT confirmed effusion.")
        assert "CT confirmed effusion." in note


def test_states_of_a_fact_follow_the_noisy_or():
    # dyspnoea: base .22, effusion .45; said .9 if true, .35 if false
    affirmed, denied, silent = FACTS["dyspnoea"].p_states(np.array([0, 1, 0, 0]))
    false = (1 - 0.22) * (1 - 0.45)
    assert affirmed == pytest.approx(0.9 * (1 - false))
    assert denied == pytest.approx(0.35 * false)
    assert affirmed + denied + silent == pytest.approx(1)
