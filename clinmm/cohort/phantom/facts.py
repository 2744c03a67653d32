"""Clinical facts that a note can affirm, deny or leave out, and how they follow from findings.

P(fact true | findings) = 1 - (1 - base) * prod over present findings of (1 - lift)   (noisy or)
P(affirmed) = said_if_true * P(true);  P(denied) = said_if_false * P(false);  else silent.
"""

from dataclasses import dataclass

import numpy as np

from clinmm.cohort.phantom.findings import COMBINATIONS, FINDINGS

STATES = ("affirmed", "denied", "silent")


@dataclass(frozen=True)
class Fact:
    """One fact: where it is written, how it arises, and its wordings."""

    section: str  # complaint, examination, past, social
    base: float
    lifts: dict[str, float]
    affirmed: tuple[str, ...]
    denied: tuple[str, ...]
    said_if_true: float = 0.9
    said_if_false: float = 0.35

    def p_states(self, labels: np.ndarray) -> np.ndarray:
        """P(affirmed, denied, silent | findings): (..., 4) -> (..., 3)."""
        lifts = np.array([self.lifts.get(finding, 0.0) for finding in FINDINGS])
        false = (1.0 - self.base) * np.prod(1.0 - lifts * np.asarray(labels), axis=-1)
        affirmed, denied = self.said_if_true * (1.0 - false), self.said_if_false * false
        return np.stack([affirmed, denied, 1.0 - affirmed - denied], axis=-1)


FACTS = {
    "fever": Fact(
        "complaint",
        0.10,
        {"consolidation": 0.45},
        ("fever", "fever up to 39", "fevers at home", "high temp at home"),
        ("fever", "temp"),
    ),
    "sputum": Fact(
        "complaint",
        0.10,
        {"consolidation": 0.22},
        ("productive cough", "cough with yellow sputum", "cough with green sputum"),
        ("sputum", "productive cough"),
    ),
    "rigors": Fact(
        "complaint",
        0.10,
        {"consolidation": 0.42},
        ("chills", "rigors", "shaking chills"),
        ("chills", "rigors"),
        said_if_false=0.2,
    ),
    "dyspnoea": Fact(
        "complaint",
        0.22,
        {"effusion": 0.45, "cardiomegaly": 0.30, "consolidation": 0.25},
        ("SOB", "SOB on exertion", "shortness of breath", "breathlessness"),
        ("SOB", "dyspnea"),
    ),
    "pleuritic_pain": Fact(
        "complaint",
        0.06,
        {"effusion": 0.40, "consolidation": 0.10},
        ("pleuritic chest pain", "pleuritic pain", "sharp pain on deep breath"),
        ("chest pain", "pain on breathing"),
    ),
    "orthopnoea": Fact(
        "complaint",
        0.08,
        {"cardiomegaly": 0.32, "effusion": 0.12},
        ("orthopnea", "needs three pillows at night", "breathless lying flat"),
        ("orthopnea", "PND"),
    ),
    "leg_swelling": Fact(
        "complaint",
        0.08,
        {"cardiomegaly": 0.35},
        ("swollen ankles", "swollen legs", "bilateral leg edema"),
        ("leg swelling", "swelling of ankles"),
    ),
    "weight_loss": Fact(
        "complaint",
        0.10,
        {"nodule": 0.35},
        ("weight loss", "unintentional weight loss", "6 kg of wt loss"),
        ("weight loss",),
    ),
    "haemoptysis": Fact(
        "complaint",
        0.06,
        {"nodule": 0.22},
        ("blood streaked sputum", "hemoptysis", "specks of blood in phlegm"),
        ("hemoptysis",),
        said_if_false=0.2,
    ),
    "dull_base": Fact(
        "examination",
        0.11,
        {"effusion": 0.40},
        (
            "dull to percussion at one base",
            "stony dull base",
            "breath sounds decreased at one base",
        ),
        ("resonant throughout", "percussion note normal"),
        said_if_true=0.8,
    ),
    "crackles": Fact(
        "examination",
        0.08,
        {"consolidation": 0.30, "cardiomegaly": 0.10},
        ("coarse crackles on one side", "bronchial breathing", "focal coarse crackles"),
        ("no crackles", "lungs clear to auscultation"),
        said_if_true=0.8,
    ),
    "displaced_apex": Fact(
        "examination",
        0.09,
        {"cardiomegaly": 0.22},
        ("apex beat displaced", "S3 gallop", "JVP raised"),
        ("JVP not raised", "apex beat normal"),
        said_if_true=0.7,
        said_if_false=0.4,
    ),
    "hypertension": Fact(
        "past",
        0.30,
        {"cardiomegaly": 0.25},
        ("HTN", "hypertension", "high blood pressure"),
        ("no HTN",),
        said_if_false=0.15,
    ),
    "smoking": Fact(
        "social",
        0.25,
        {"nodule": 0.45},
        ("current smoker, 40 pack years", "smokes 1 ppd", "ex-smoker, 35 pack yrs"),
        ("never smoker", "non-smoker"),
        said_if_false=0.7,
    ),
}


def draw_facts(rng: np.random.Generator, labels: np.ndarray) -> dict[str, str]:
    """The state of every fact for one case's findings."""
    chance = rng.random(len(FACTS))
    states: dict[str, str] = {}
    for (name, fact), u in zip(FACTS.items(), chance, strict=True):
        affirmed, denied, _ = fact.p_states(labels)
        states[name] = STATES[int(u >= affirmed) + int(u >= affirmed + denied)]
    return states


def p_affirmed(name: str) -> np.ndarray:
    """P(the fact is affirmed | findings) for the 16 COMBINATIONS: (16,)."""
    return FACTS[name].p_states(COMBINATIONS)[:, 0]


# fact -> (16, 3) log P(state | findings)
_LOG_P = {name: np.log(fact.p_states(COMBINATIONS)) for name, fact in FACTS.items()}


def log_likelihood(facts: dict[str, str]) -> np.ndarray:
    """log P(states of all facts | findings) for the 16 COMBINATIONS: (16,)."""
    columns = [_LOG_P[name][:, STATES.index(state)] for name, state in facts.items()]
    return np.asarray(np.sum(columns, axis=0))
