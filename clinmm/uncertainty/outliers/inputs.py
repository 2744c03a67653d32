"""One input of a case judged before any model: the oddest of its aspects.

Each aspect's score is put on one scale by the upper tail of the reference patients: 0 at their 90th
percentile, 1 where those beyond it lie on average, so that an aspect with long tails does not drown
the others. The largest counts, and names the reason. The reference is cross-fitted: a fifth of the
patients is scored by what the other four teach. An absent input is as rare as it is among them.

Reference:
    Davison, Smith. Models for exceedances over high thresholds. J R Stat Soc B 52:393 (1990).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.outliers import aspects
from clinmm.uncertainty.outliers.conformal import (
    Reference,
    Scores,
    p_values,
    p_values_within,
    patient_weights,
    reference_of,
)

PARTS = 5
TAIL = 0.9
FEWEST = 10
"""Reference patients with the input, below which it is not judged."""


@dataclass(frozen=True, eq=False)
class InputDetector:
    """kind: of the input. aspects: name -> facts, tail, excess. reference: of present inputs.

    lacking, n_patients: reference patients without the input, in parts where only some of a
    patient's cases lack it, and how many there were in all.
    """

    kind: str
    aspects: dict[str, dict[str, Any]]
    reference: Reference
    lacking: float
    n_patients: int

    def judge(self, readings: Sequence[Any]) -> tuple[Scores, Scores, NDArray[np.object_]]:
        """(score, p, name of the oddest aspect) of new cases; score NaN where absent."""
        here = np.array([one is not None for one in readings], dtype=bool)
        score, p = np.full(len(here), np.nan), np.full(len(here), np.nan)
        oddest = np.full(len(here), "", dtype=object)
        p[~here] = (1 + self.lacking) / (self.n_patients + 1)
        if here.any() and self.aspects:
            known = [one for one in readings if one is not None]
            raw = {
                name: module.score(self.aspects[name]["facts"], known)
                for name, module in aspects.of_kind(self.kind).items()
            }
            score[here], oddest[here] = _together(raw, self.aspects)
            p[here] = p_values(score[here], self.reference)
        return score, p, oddest

    def reason(self, aspect: str, reading: Any) -> str:
        """Why a case is odd; `aspect` as `judge` names it."""
        if reading is None:
            return (
                f"it has no {self.kind}; of {self.n_patients} training patients "
                f"{self.lacking:.0f} had none"
            )
        text: str = aspects.of_kind(self.kind)[aspect].reason(
            self.aspects[aspect]["facts"], reading
        )
        return text

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "aspects": self.aspects,
            "score": self.reference.score.tolist(),
            "weight": self.reference.weight.tolist(),
            "with_input": self.reference.n_patients,
            "lacking": self.lacking,
            "n_patients": self.n_patients,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "InputDetector":
        reference = Reference(
            np.array(content["score"]), np.array(content["weight"]), content["with_input"]
        )
        return cls(
            content["kind"],
            content["aspects"],
            reference,
            content["lacking"],
            content["n_patients"],
        )


def fit_inputs(
    kind: str, readings: Sequence[Any], patients: NDArray[np.object_], spec: Any, seed: int
) -> tuple[InputDetector, Scores, Scores, NDArray[np.object_]]:
    """The detector, and (score, p, oddest aspect) of the reference cases by cross-fitting.

    Args:
        kind: image, note, record or signal.
        readings: of the n reference cases, None where absent.
        patients: (n,) whose case it is.
        spec: the cohort file's entry.
        seed: deals the patients into five parts.
    """
    modules = aspects.of_kind(kind)
    here = np.array([one is not None for one in readings], dtype=bool)
    weights, n_patients = patient_weights(patients), len(set(patients))
    lacking = float(weights[~here].sum())
    own_absent = _own_sum(~here, patients)
    score, p = np.full(len(here), np.nan), np.full(len(here), np.nan)
    oddest = np.full(len(here), "", dtype=object)
    p[~here] = (1 + lacking - own_absent[~here]) / n_patients
    whose = patients[here]
    known = [one for one in readings if one is not None]
    if not modules or len(set(whose)) < FEWEST:
        nobody = Reference(np.zeros(0), np.zeros(0), 0)
        return InputDetector(kind, {}, nobody, lacking, n_patients), score, p, oddest

    raw = {name: np.zeros(len(known)) for name in modules}
    part = _parts(whose, seed)
    for number in range(PARTS):
        out, rest = np.flatnonzero(part == number), np.flatnonzero(part != number)
        for name, module in modules.items():
            facts = module.learn([known[i] for i in rest], whose[rest], spec)
            raw[name][out] = module.score(facts, [known[i] for i in out])
    learned = {
        name: {
            "facts": module.learn(known, whose, spec),
            **tail_of(raw[name], patient_weights(whose), module.UNIT),
        }
        for name, module in modules.items()
    }
    score[here], oddest[here] = _together(raw, learned)
    p[here] = p_values_within(score[here], whose)
    reference = reference_of(score[here], whose)
    return InputDetector(kind, learned, reference, lacking, n_patients), score, p, oddest


def _parts(patients: NDArray[np.object_], seed: int) -> NDArray[np.int_]:
    """(n,) which fifth the case's patient is in."""
    who, number = np.unique(patients.astype(str), return_inverse=True)
    dealt: NDArray[np.int_] = np.random.default_rng(seed).permutation(len(who))[number] % PARTS
    return dealt


def _own_sum(which: NDArray[np.bool_], patients: NDArray[np.object_]) -> Scores:
    """(n,) share of the patient's own cases for which it holds."""
    _, number = np.unique(patients.astype(str), return_inverse=True)
    share: Scores = np.bincount(number, weights=which) / np.bincount(number)
    return share[number]


def tail_of(score: Scores, weight: Scores, unit: float) -> dict[str, float]:
    """Where the upper tail begins, the patients' 90th percentile, and how far it reaches beyond on
    average, `unit` at least."""
    order = np.argsort(score, kind="stable")
    upto = np.cumsum(weight[order]) / weight.sum()
    begins = float(score[order][np.searchsorted(upto, TAIL - 1e-12)])
    beyond = score > begins
    excess = np.average(score[beyond] - begins, weights=weight[beyond]) if beyond.any() else 0.0
    return {"tail": begins, "excess": max(float(excess), unit)}


def _together(
    raw: dict[str, Scores], learned: dict[str, dict[str, Any]]
) -> tuple[Scores, NDArray[np.object_]]:
    """(the largest scaled score, the aspect that has it)."""
    names = list(raw)
    scaled = np.stack([(raw[n] - learned[n]["tail"]) / learned[n]["excess"] for n in names])
    return scaled.max(0), np.array(names, dtype=object)[scaled.argmax(0)]
