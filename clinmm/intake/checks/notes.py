"""What had to be done to read the notes, and notes that say little: empty, alike, not English."""

import re
from collections import Counter, defaultdict

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.read_notes import NoteRead
from clinmm.cohort.spec import NoteInput
from clinmm.intake.context import Context
from clinmm.intake.finding import MOST_EXAMPLES, Example, Finding, Severity

FEWEST_WORDS = 3
"""Words below which a note is called very short."""

MOST_CHARACTERS = 20_000
"""Characters above which a note is called very long; encoders read some thousands."""

ALIKE = 5
"""Patients with the same note, from which it is called a template."""

_COMMON = {
    "English": "the of and with no is was to in for on has had were not there are from at by",
    "Spanish": "el los las una con sin para del por se y que es paciente presenta",
    "French": "le les des une avec sans pour du et est dans au chez sur pas patiente",
    "German": "der die das und mit ohne bei nicht ist wurde im zum eine kein keine patientin",
    "Italian": "il della con senza gli per una del di che nel paziente non alla sono",
    "Portuguese": "os uma com sem para do da em que foi ao paciente pelo nao não sinais",
    "Dutch": "het een met zonder van en niet is bij geen voor werd op patiënt",
}
_STOP_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_BROKEN = re.compile("\ufffd|\u00c3[\u0080-\u00bf\u0152-\u2122]|\u00e2\u20ac")
"""The sign for a lost character, and UTF-8 that was read as Windows-1252 before it came here."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Errors: note files that are absent or cannot be read. Warnings: encodings that were guessed,
    characters lost before, notes empty once cleaned, notes not in English. Infos: the rest."""
    findings = []
    for name, source in cohort.spec.inputs.items():
        if isinstance(source, NoteInput):
            cells = zip(cohort.table["case_id"], cohort.table[source.column], strict=True)
            notes = {str(case): cell for case, cell in cells if isinstance(cell, str)}
            findings += _how_read(cohort, name, notes) + _what_said(cohort, name, notes)
    return findings


def _how_read(cohort: Cohort, name: str, notes: dict[str, str]) -> list[Finding]:
    read = cohort.notes_read.get(name, {})
    done = {c: read[c] for c in map(str, cohort.table["case_id"]) if c in read}
    findings = []
    if failed := [c for c, one in done.items() if one.problem]:
        reasons = Counter(done[c].problem for c in failed)
        said = " ".join(f"{n} x: {reason}" for reason, n in reasons.most_common(3))
        advice = (
            "Put the files in place, save them as text in UTF-8, or empty their cells. Accepted, "
            "what cannot be read counts as absent."
        )
        detail = f"the notes of {len(failed)} cases cannot be read. {said}"
        findings.append(_finding(name, "error", detail, advice, failed))
    guessed = [c for c, one in done.items() if one.encoding in ("windows-1252", "latin-1")]
    if guessed:
        detail = f"{len(guessed)} files are not UTF-8 and were read as Windows-1252 or Latin-1."
        advice = "Look at one with accents or degrees; save the files as UTF-8 to be sure."
        findings.append(_finding(name, "warning", detail, advice, guessed))
    if marked := [c for c, one in done.items() if one.encoding in ("utf-16", "utf-32")]:
        detail = f"{len(marked)} files are in UTF-16 or UTF-32, as their first bytes say."
        findings.append(_finding(name, "info", detail, "Nothing: they were read so.", marked))
    if markup := [c for c, one in done.items() if one.markup]:
        detail = f"markup (RTF, HTML, XML or entities) was taken off {len(markup)} notes."
        findings.append(_finding(name, "info", detail, "Look at one: is all text there?", markup))
    if controls := [c for c, one in done.items() if one.controls]:
        detail = f"control characters were taken out of {len(controls)} notes."
        findings.append(_finding(name, "info", detail, "Nothing, as a rule.", controls))
    findings += _placeholders(name, done)
    if emptied := [c for c, one in done.items() if one.emptied and not notes.get(c)]:
        detail = f"{len(emptied)} notes were empty once markup and placeholders were off."
        advice = "They count as absent. If they say something, look at how they were exported."
        findings.append(_finding(name, "warning", detail, advice, emptied))
    return findings


def _placeholders(name: str, done: dict[str, NoteRead]) -> list[Finding]:
    blanked = [c for c, one in done.items() if one.placeholders]
    if not blanked:
        return []
    share = len(blanked) / len(done)
    total = sum(one.placeholders for one in done.values())
    detail = (
        f"{len(blanked)} of {len(done)} notes ({share:.0%}) hold {total} placeholders of a "
        "de-identification; each was made the blank ___."
    )
    advice = "Nothing: the blank does not say what stood there, and bag_of_words does not see it."
    return [_finding(name, "info", detail, advice, blanked, value=share)]


def _what_said(cohort: Cohort, name: str, notes: dict[str, str]) -> list[Finding]:
    findings = []
    if broken := [c for c, note in notes.items() if _BROKEN.search(note)]:
        detail = f"{len(broken)} notes hold characters that were broken before they came here."
        advice = "Export them again as UTF-8: accents and degrees are lost or doubled."
        findings.append(_finding(name, "warning", detail, advice, broken))
    words = {c: _WORD.findall(note.lower()) for c, note in notes.items() if note.strip()}
    others: dict[str, list[str]] = defaultdict(list)
    for case, said in words.items():
        if language := _other_language(said):
            others[language].append(case)
    for language, cases in sorted(others.items()):
        detail = f"{len(cases)} notes seem to be in {language}, not English."
        advice = "Encoders and checks of notes know English: leave them out, or translate them."
        findings.append(_finding(name, "warning", detail, advice, cases))
    if short := [c for c, said in words.items() if len(said) < FEWEST_WORDS]:
        detail = f"{len(short)} notes have fewer than {FEWEST_WORDS} words."
        findings.append(_finding(name, "info", detail, "List what means `none` as missing.", short))
    if long := [c for c in words if len(notes[c]) > MOST_CHARACTERS]:
        detail = f"{len(long)} notes have more than {MOST_CHARACTERS:,} characters."
        advice = "An encoder with a limit reads their beginning: put first what matters."
        findings.append(_finding(name, "info", detail, advice, long))
    return findings + _templates(cohort, name, words)


def _templates(cohort: Cohort, name: str, words: dict[str, list[str]]) -> list[Finding]:
    patients = dict(zip(cohort.table["case_id"], cohort.table["patient_id"], strict=True))
    same: dict[str, list[str]] = defaultdict(list)
    for case, said in words.items():
        same[" ".join(said)].append(case)
    groups = [cases for cases in same.values() if len({patients[c] for c in cases}) >= ALIKE]
    if not groups:
        return []
    groups.sort(key=len, reverse=True)
    ids = [case for cases in groups for case in cases]
    detail = (
        f"{len(groups)} notes come word for word under {ALIKE} patients or more, "
        f"{len(ids)} cases in all; the commonest under {len({patients[c] for c in groups[0]})}."
    )
    advice = "If it is a template, it says what is usual, not what was seen."
    pairs = [Example(cases[0], name, cases[-1]) for cases in groups[:MOST_EXAMPLES]]
    return [
        Finding("notes", "info", name, detail, advice, tuple(ids), len(ids), examples=tuple(pairs))
    ]


def _other_language(words: list[str]) -> str:
    """The language that a note is more likely in than English, else "". Notes of fewer than ten
    words are not judged; telegrams without any common word are taken for English."""
    if len(words) < 10:
        return ""
    text = "".join(words)
    if len(_LATIN.findall(text)) < len(text) / 2:
        return "another script"
    counts = {lang: sum(word in stop for word in words) for lang, stop in _STOP_WORDS.items()}
    best = max(counts, key=lambda lang: counts[lang])
    kinds = len(_STOP_WORDS[best] & set(words))
    return best if best != "English" and counts[best] > 2 * counts["English"] and kinds >= 3 else ""


def _finding(
    name: str,
    severity: Severity,
    detail: str,
    advice: str,
    cases: list[str],
    value: float | None = None,
) -> Finding:
    examples = tuple(Example(case, name) for case in cases[:MOST_EXAMPLES])
    count = len(cases)
    return Finding(
        "notes", severity, name, detail, advice, tuple(cases), count, value, examples=examples
    )
