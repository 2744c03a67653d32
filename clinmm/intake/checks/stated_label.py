"""Words and phrases of the notes that give the label away."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import MOST_EXAMPLES, Example, Finding
from clinmm.intake.leaks.hide import hide_all
from clinmm.intake.leaks.identifying import kind_of_identifier
from clinmm.intake.leaks.stating import (
    Spoken,
    Stating,
    column,
    stating_words,
    without_echoes,
    words_to_hide,
)
from clinmm.intake.leaks.told import Told, told_by

MOST_REPORTED = 10
"""Words reported per class and side; those that go with a reported one are left out."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per note input: words and phrases (up to three words) that at least 5 patients' notes
    affirm and of whose patients at least 90 % have the class (binary: or have it not).

    Each word is tested by patient against the rate among all patients with a note (Fisher's
    exact test, one-sided), Holm over all words, classes and sides tried. An error where the word
    names the class, a synonym or a value of its column, else a warning: it may be honest evidence.
    Notes are read as modelled, after the cohort's masks. What hiding the words costs is told for
    information: the AUROC of a regression on the words of the note, before and after.
    """
    findings = []
    learns = context.learnt(cohort)
    for name in cohort.spec.input_names("note"):
        spoken = Spoken(cohort, name)
        found = stating_words(spoken, learns)
        findings += [_finding(spoken, one) for one in _reported(found)]
        findings += _costs(spoken, found, learns)
    return findings


def on_test(
    cohort: Cohort, context: Context, findings: list[Finding], test: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Of each word that was reported: the share of test patients with the word on its side."""
    if not any(f.severity != "info" for f in findings):
        return []
    rows: list[dict[str, Any]] = []
    for name in cohort.spec.input_names("note"):
        spoken = Spoken(cohort, name)
        affirms = spoken.per_patient(test & spoken.has_note)
        for one in _reported(stating_words(spoken, context.learnt(cohort))):
            k = cohort.class_names.index(one.class_name)
            positive, negative = spoken.with_class(k, test)
            holders = column(affirms, spoken.phrases.index(one.words)) & (positive | negative)
            rows.append(_row(spoken, one, (positive if one.side == "with" else negative)[holders]))
    return rows


def _row(spoken: Spoken, one: Stating, hits: NDArray[np.bool_]) -> dict[str, Any]:
    from clinmm.intervals import MIN_PATIENTS, rate_interval

    row: dict[str, Any] = {
        "check": "stated_label",
        "subject": spoken.name,
        "words": f"(a {kind})" if (kind := _identifier(spoken, one)) else one.words,
        "measure": f"share of its patients {one.side} the class",
        "class_name": one.class_name,
        "n_cases": len(hits),
        "n_patients": len(hits),
    }
    if len(hits) >= MIN_PATIENTS:
        share = rate_interval(hits.astype(float), np.arange(len(hits)))
        row |= {"value": share.value, "low": share.low, "high": share.high}
    return row


def _reported(found: Sequence[Stating]) -> list[Stating]:
    kept: list[Stating] = []
    for one in without_echoes(found):
        same = [k for k in kept if (k.class_name, k.side) == (one.class_name, one.side)]
        if len(same) < MOST_REPORTED:
            kept.append(one)
    return kept


def _identifier(spoken: Spoken, one: Stating) -> str | None:
    """What the words identify somebody by, such as a name; then they are not repeated."""
    if one.is_name:
        return None
    return kind_of_identifier(one.words, (spoken.notes[row] for row in one.rows))


def _finding(spoken: Spoken, one: Stating) -> Finding:
    from scipy.stats import beta

    cohort, name = spoken.cohort, spoken.name
    n, k = one.n_patients, one.n_side
    unit = cohort.spec.unit_name
    ids = cohort.table["case_id"].iloc[one.rows].tolist()
    advice = (
        f"If it was written after the answer was known, add it to inputs.{name}.mask and check "
        "again; words that go with it are not listed."
    )
    if one.is_name:
        advice = (
            f"Add it to inputs.{name}.mask, or hide it with its synonyms from every model: "
            "intake: {mask_stated_label: true}."
        )
    words, said = one.words, f"'{one.words}'"
    if kind := _identifier(spoken, one):
        words, said = "", f"one {kind}, which is not repeated here,"
        advice = "Look at the examples, and take it out of the notes: clinmm deidentify."
    return Finding(
        "stated_label",
        "error" if one.is_name else "warning",
        name,
        f"{said} stands in the notes of {n} {unit}s, {k} of them {one.side} "
        f"'{one.class_name}'" + ("; it names the class." if one.is_name else "."),
        advice,
        tuple(ids),
        n,
        k / n,
        float(beta.ppf(0.025, k, n - k + 1)),
        1.0 if k == n else float(beta.ppf(0.975, k + 1, n - k)),
        examples=tuple(Example(case, name, words=words) for case in ids[:MOST_EXAMPLES]),
    )


def _costs(spoken: Spoken, found: Sequence[Stating], learns: NDArray[np.bool_]) -> list[Finding]:
    """Per class that a word gives away: AUROC of the note, and with the words hidden."""
    findings = []
    named = words_to_hide(spoken, found, learns)
    for class_name in dict.fromkeys(one.class_name for one in found):
        others = [o.words for o in found if o.class_name == class_name and not o.is_name]
        k = spoken.cohort.class_names.index(class_name)
        as_is, without_names, without_all = (
            _auroc(spoken, hidden, k, learns) for hidden in ([], named, [*named, *others])
        )
        if not as_is.known:
            continue
        told = [f"as written {as_is}"]
        if named:
            told.append(f"with the names of the class hidden {without_names}")
        if others:
            told.append(f"with every such word hidden {without_all}")
        findings.append(
            Finding(
                "stated_label",
                "info",
                spoken.name,
                f"AUROC of '{class_name}' by the words of the note alone: {', '.join(told)}; "
                "cross-validated by patient.",
                "What it loses is what was read off instead of judged.",
                count=len(named) + len(others),
                value=without_all.value,
                low=without_all.low,
                high=without_all.high,
            )
        )
    return findings


def _auroc(spoken: Spoken, hidden: Sequence[str], k: int, learns: NDArray[np.bool_]) -> Told:
    """Of a regression on TF-IDF of words and pairs. The words hidden were chosen on these patients,
    so that what is left errs to the low side."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

    target = spoken.cohort.sides()[:, k]
    rows = np.flatnonzero(learns & spoken.has_note & ~np.isnan(target))
    notes = hide_all([spoken.notes[i] for i in rows], hidden)
    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2),
        min_df=min(3, len(notes)),
        max_features=20_000,
        sublinear_tf=True,
        stop_words=list(ENGLISH_STOP_WORDS),
        token_pattern=r"\b(?!_+\b)\w\w+\b",
    )
    patients = spoken.cohort.table["patient_id"].to_numpy()[rows]
    try:
        weights = vectoriser.fit_transform(notes)
    except ValueError:  # scikit-learn's answer to "no term is left"
        weights = np.zeros((len(rows), 1))
    return told_by(weights, target[rows], patients, strength=5.0)
