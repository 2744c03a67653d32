"""The hidden truth of every phantom case: who, which findings, what each input shows of them.

Everything random that matters for the oracle is drawn here, before anything is written or drawn:

- patient: sex, age, site; 1 to 3 cases
- findings: P(finding = 1 | age) = 1 / (1 + exp(-(intercept + slope (age - 60) / 15))), independent
  given age. A follow-up keeps each finding of the case before with probability 0.5, else draws it
  anew, so that every single case has the same P(finding | age).
- evidence of the image, the note and the record given the findings: `lesions.py`, `facts.py`,
  `records.py`
- what is absent: `draw_presence`
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from clinmm.cohort.phantom import lesions, records
from clinmm.cohort.phantom.facts import draw_facts
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.flaws import Flaws

INPUTS = ("image", "note", "record")
SITES = ("A", "B", "C")

# finding -> (intercept, slope per 15 years) of the log odds at 60 years
PREVALENCE = {
    "cardiomegaly": (-1.10, 0.50),
    "effusion": (-1.25, 0.25),
    "consolidation": (-1.10, 0.00),
    "nodule": (-1.60, 0.40),
}
KEPT_AT_FOLLOW_UP = 0.5
LABEL_NOT_RECORDED = 0.02

# One number per kind of randomness: a plant that draws more of one kind moves no other.
PATIENT, FINDING, EVIDENCE, PRESENCE, ANATOMY, PICTURE, LESION, PROSE, PLANT = range(9)


FIRST_DAY = date(2020, 1, 1)


@dataclass(eq=False)
class Case:
    """What is true of one case, whether or not its files show it.

    labels, image_evidence, label_recorded: (4,) in the order of FINDINGS.
    facts: clinical fact -> "affirmed", "denied" or "silent" in the note.
    record: lab column -> value; measured: lab column -> was it measured.
    present: input -> does the case have it.
    flaws: what plants do to the files of the case.
    """

    index: int
    patient_index: int
    case_id: str
    patient_id: str
    site: str
    sex: str
    age: int
    labels: np.ndarray
    image_evidence: np.ndarray
    separation: np.ndarray
    facts: dict[str, str]
    record: dict[str, float]
    measured: dict[str, bool]
    present: dict[str, bool]
    label_recorded: np.ndarray
    flaws: Flaws = field(default_factory=Flaws)

    @property
    def seen_on(self) -> date:
        """When the patient came: one case a day, in the order of the cases."""
        return FIRST_DAY + timedelta(days=self.index)

    @property
    def body_index(self) -> int:
        """The patient whose body the image shows."""
        return self.patient_index if self.flaws.body is None else self.flaws.body


def stream(seed: int, kind: int, index: int) -> np.random.Generator:
    """An independent generator for one kind of randomness of one patient or case."""
    return np.random.default_rng([seed, kind, index])


def prevalence(age: np.ndarray) -> np.ndarray:
    """P(finding = 1 | age in years): (n,) -> (n, 4)."""
    intercept, slope = np.array([PREVALENCE[f] for f in FINDINGS]).T
    logit = intercept + slope * (np.asarray(age, dtype=float)[:, None] - 60.0) / 15.0
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def draw_presence(rng: np.random.Generator, site: str, age: int) -> dict[str, bool]:
    """Which inputs a case has; at least one.

    P(image absent) = .07, + .07 at site C, + .05 from 70 years on; P(note absent) = .10, + .12 at
    site B; P(whole record empty) = .04. Where all three would be absent the record is kept.
    """
    image, note, record = rng.random(3)
    present = {
        "image": bool(image >= 0.07 + 0.07 * (site == "C") + 0.05 * (age >= 70)),
        "note": bool(note >= 0.10 + 0.12 * (site == "B")),
        "record": bool(record >= 0.04),
    }
    if not any(present.values()):
        present["record"] = True
    return present


def draw_cases(seed: int, n_patients: int) -> list[Case]:
    """All cases of the cohort, patients in order, 1.4 cases a patient on average."""
    cases: list[Case] = []
    for patient in range(n_patients):
        rng = stream(seed, PATIENT, patient)
        sex = str(rng.choice(["F", "M"]))
        age = int(np.clip(np.rint(rng.normal(60, 16)), 20, 92))
        site = str(rng.choice(SITES, p=[0.5, 0.3, 0.2]))
        n_cases = int(rng.choice([1, 2, 3], p=[0.68, 0.24, 0.08]))
        labels: np.ndarray | None = None
        for _ in range(n_cases):
            labels = _draw_labels(stream(seed, FINDING, len(cases)), age, labels)
            cases.append(_draw_case(seed, len(cases), patient, (site, sex, age), labels))
    return cases


def _draw_labels(rng: np.random.Generator, age: int, before: np.ndarray | None) -> np.ndarray:
    anew = (rng.random(len(FINDINGS)) < prevalence(np.array([age]))[0]).astype(int)
    keep = rng.random(len(FINDINGS)) < KEPT_AT_FOLLOW_UP
    return anew if before is None else np.where(keep, before, anew)


def _draw_case(
    seed: int, index: int, patient: int, person: tuple[str, str, int], labels: np.ndarray
) -> Case:
    site, sex, age = person
    rng = stream(seed, EVIDENCE, index)
    separation = lesions.separations()
    facts = draw_facts(rng, labels)
    values, measured = records.draw_record(rng, labels, dyspnoea=facts["dyspnoea"] == "affirmed")
    presence = stream(seed, PRESENCE, index)
    return Case(
        index=index,
        patient_index=patient,
        case_id=f"c{index + 1:04d}",
        patient_id=f"p{patient + 1:04d}",
        site=site,
        sex=sex,
        age=age,
        labels=labels,
        image_evidence=lesions.draw_evidence(rng, labels, separation),
        separation=separation,
        facts=facts,
        record=values,
        measured=measured,
        present=draw_presence(presence, site, age),
        label_recorded=presence.random(len(FINDINGS)) >= LABEL_NOT_RECORDED,
    )
