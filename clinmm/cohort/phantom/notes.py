"""Clinical prose of one case: what the facts say, wrapped in what any note says.

The order of sections, the wordings, abbreviations and misspellings vary; the words that would
give a label away (`findings.LABEL_WORDS`) never occur unless a plant puts them there. Past
illness, medication and social history are drawn without regard to the findings.
"""

import re

import numpy as np

from clinmm.cohort.phantom.facts import FACTS

FILL_UP_TO, AT_MOST = 45, 120  # words

_OPENINGS = {
    "F": ("Pt is a woman", "This lady", "Pt (female)", "Known to this clinic, she", "Pt"),
    "M": ("Pt is a man", "This gentleman", "Pt (male)", "Known to this clinic, he", "Pt"),
}
_COMES_WITH = ("presenting with", "seen today for", "referred by GP with", "c/o", "sent in for")
_NO_COMPLAINT = ("here for a routine check", "seen for follow-up", "seen before minor surgery")
_DURATION = ("for 3 days", "for about a week", "x 2 wks", "since yesterday", "over the last month")
_DENIES = ("Denies", "Pt denies", "No", "No h/o", "Negative for")
_PAST = (
    "T2DM", "hypothyroidism", "GERD", "osteoarthritis", "migraine", "appendectomy in childhood",
    "cholecystectomy", "BPH", "depression", "gout", "psoriasis", "hip replacement",
    "kidney stones", "glaucoma", "seasonal allergies", "lower back pain",
)  # fmt: skip
_DRUGS = (
    "metformin", "levothyroxine", "omeprazole", "paracetamol prn", "sertraline", "allopurinol",
    "vitamin D", "timolol drops", "loratadine", "ibuprofen prn", "tamsulosin",
)  # fmt: skip
_SOCIAL = (
    "lives alone", "lives with family", "retired", "works in an office", "no recent travel",
    "drinks socially", "no alcohol", "independent in ADLs", "walks with a cane", "has a dog",
)  # fmt: skip
_FILLER = (
    "Alert and oriented.", "Abdomen soft, non tender.", "Appetite fair.", "Sleep poor lately.",
    "No rash.", "Neuro exam grossly normal.", "Family at bedside.", "Vaccinations up to date.",
    "Last seen here 8 months ago.", "Bowels regular.", "Skin warm and dry.", "NKDA.",
    "Blood drawn, results to follow.", "Film requested.", "Will review with the team.",
    "Medication list checked with pt.", "Complains of mild headache as well.",
    "Hearing reduced on the left.", "No urinary symptoms.", "Discussed with pt, agrees to plan.",
)  # fmt: skip


def write_note(rng: np.random.Generator, facts: dict[str, str], sex: str, stated: str = "") -> str:
    """One note of about 40 to 120 words.

    facts: fact -> state, see `facts.draw_facts`.
    stated: a sentence that a plant wants in the note, as it is; "" for none.
    """
    first, second = _history(rng, facts, sex), _denials(rng, facts)
    rest = [_examination(rng, facts), _past(rng, facts), _social(rng, facts)]
    rng.shuffle(rest)
    blocks = [first, second, *rest] if rng.random() < 0.7 else [first, rest[0], second, *rest[1:]]
    sentences = [block for block in blocks if block]
    filler = list(_FILLER)
    rng.shuffle(filler)
    extra = int(rng.integers(1, 4))
    while filler and (extra > 0 or _n_words(sentences) < FILL_UP_TO):
        sentences.insert(int(rng.integers(1, len(sentences) + 1)), filler.pop())
        extra -= 1
    if rng.random() < 0.4:
        sentences = [_misspell(rng, sentence) for sentence in sentences]
    if stated:
        sentences.insert(int(rng.integers(1, min(4, len(sentences)) + 1)), stated)
    return " ".join(" ".join(sentences).split()[:AT_MOST])


_OTHER_WORDS = {
    "Pt": "Patient", "h/o": "history of", "Denies": "Denied", "O/E": "On exam", "wks": "weeks",
    "Meds:": "Medication:", "retired": "pensioner", "Also": "Further", "agrees": "agreed",
    "Exam:": "Examination:", "lives": "living", "No": "no",
}  # fmt: skip


def reword(rng: np.random.Generator, note: str) -> str:
    """The note typed again: up to three words changed, and one left out."""
    words = note.split()
    known = [at for at, word in enumerate(words) if word in _OTHER_WORDS]
    for at in rng.permutation(known)[:3]:
        words[at] = _OTHER_WORDS[words[at]]
    del words[int(rng.integers(3, len(words) - 1))]
    return " ".join(words)


def _n_words(sentences: list[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _some(rng: np.random.Generator, options: tuple[str, ...], low: int, high: int) -> list[str]:
    order = rng.permutation(len(options))
    return [options[i] for i in order[: int(rng.integers(low, high + 1))]]


def _worded(rng: np.random.Generator, facts: dict[str, str], section: str, state: str) -> list[str]:
    """A wording for each fact of the section that is in the state, in random order."""
    chosen = [
        _pick(rng, fact.affirmed if state == "affirmed" else fact.denied)
        for name, fact in FACTS.items()
        if fact.section == section and facts[name] == state
    ]
    rng.shuffle(chosen)
    return chosen


def _joined(words: list[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _history(rng: np.random.Generator, facts: dict[str, str], sex: str) -> str:
    complaints = _worded(rng, facts, "complaint", "affirmed")
    lead = _pick(rng, ("", "", "HPI: ", "History: ", "CC: "))
    who = _pick(rng, _OPENINGS[sex])
    if not complaints:
        return f"{lead}{who} {_pick(rng, _NO_COMPLAINT)}."
    told = f"{_pick(rng, _COMES_WITH)} {_joined(complaints[:2], 'and')}"
    text = f"{lead}{who} {told} {_pick(rng, _DURATION)}."
    if complaints[2:]:
        also = _pick(rng, ("Also reports", "Also", "Further", "Associated with"))
        text += f" {also} {_joined(complaints[2:], 'and')}."
    return text


def _denials(rng: np.random.Generator, facts: dict[str, str]) -> str:
    denied = _worded(rng, facts, "complaint", "denied")
    sentences = []
    while denied:
        size = int(rng.integers(1, 4))
        few, denied = denied[:size], denied[size:]
        sentences.append(f"{_pick(rng, _DENIES)} {_joined(few, 'or')}.")
    return " ".join(sentences)


def _examination(rng: np.random.Generator, facts: dict[str, str]) -> str:
    seen = _worded(rng, facts, "examination", "affirmed")
    seen += _worded(rng, facts, "examination", "denied")
    if not seen:
        return ""
    rng.shuffle(seen)
    return f"{_pick(rng, ('On exam', 'O/E', 'Exam:', 'Examination:'))} {', '.join(seen)}."


def _past(rng: np.random.Generator, facts: dict[str, str]) -> str:
    past = _worded(rng, facts, "past", "affirmed") + _worded(rng, facts, "past", "denied")
    past += _some(rng, _PAST, 1, 3)
    rng.shuffle(past)
    text = f"{_pick(rng, ('PMH:', 'Past history of', 'h/o', 'Background:'))} {', '.join(past)}."
    if rng.random() < 0.7:
        drugs = ", ".join(_some(rng, _DRUGS, 1, 3))
        text += f" {_pick(rng, ('Meds:', 'On', 'Takes', 'Current medication:'))} {drugs}."
    return _capital(text)


def _social(rng: np.random.Generator, facts: dict[str, str]) -> str:
    said = _worded(rng, facts, "social", "affirmed") + _worded(rng, facts, "social", "denied")
    said += _some(rng, _SOCIAL, 1, 2)
    rng.shuffle(said)
    return _capital(f"{_pick(rng, ('Social:', 'SH:', ''))} {', '.join(said)}.".strip())


def _misspell(rng: np.random.Generator, sentence: str) -> str:
    """Swap two inner letters of one longer word in about every third sentence."""
    words = [match.span() for match in re.finditer(r"[a-z]{7,}", sentence)]
    if not words or rng.random() > 0.35:
        return sentence
    start, end = words[int(rng.integers(len(words)))]
    at = int(rng.integers(start + 2, end - 2))
    return f"{sentence[:at]}{sentence[at + 1]}{sentence[at]}{sentence[at + 2 :]}"
