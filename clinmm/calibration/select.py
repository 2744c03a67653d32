"""Temperature scaling or none: decided by cross-fitting on the calibration patients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clinmm import registry
from clinmm.calibration import none, temperature
from clinmm.calibration.logits import Array, log_losses

PARTS = 5
Z = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


class FittedCalibrator(Protocol):
    """What every calibrator can do once it is fitted."""

    @property
    def name(self) -> str: ...

    def apply(self, logits: Array) -> Array: ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Choice:
    """The calibrator fitted on all calibration patients, and why it is this one.

    log_loss_none, log_loss_temperature: cross-fitted, nats a case; NaN where not compared.
    """

    calibrator: FittedCalibrator
    reason: str
    log_loss_none: float
    log_loss_temperature: float
    n_patients: int


def choose(logits: Array, target: Array, patient_ids: Sequence[str], *, seed: int = 0) -> Choice:
    """Temperature scaling where it lowers the cross-fitted log loss, none otherwise and on a tie.

    Args:
        logits: (n,) log odds with target in {0, 1}, or (n, C) with target the class number.
        target: (n,), no NaN.
        patient_ids: (n,); a patient is never in both the fitted and the scored part.
        seed: of the division into five parts.

    Returns:
        The choice. Fewer than five patients in the smallest class (of two), or in the second
        largest (of several): none.
    """
    patients, owner = np.unique(np.asarray(patient_ids, dtype=object), return_inverse=True)
    n_patients = int(patients.size)
    enough = _patients_of_second_class(target, owner, several=logits.ndim == 2)
    plain = log_losses(logits, target)
    if enough < temperature.MIN_PATIENTS_PER_CLASS:
        loss = float(plain.mean()) if plain.size else float("nan")
        reason = (
            f"{enough} calibration patients in a class, needs "
            f"{temperature.MIN_PATIENTS_PER_CLASS} for temperature scaling"
        )
        return Choice(none.Calibrator(), reason, loss, float("nan"), n_patients)
    scaled = np.empty_like(plain)
    part_of = _parts(target, owner, n_patients, seed)[owner]
    for part in range(PARTS):
        out = part_of == part
        fitted = temperature.Calibrator.fit(logits[~out], target[~out])
        scaled[out] = log_losses(logits[out] / fitted.temperature, target[out])
    gain, low, high = _clustered_mean(plain - scaled, owner)
    chosen = temperature if gain > 0 else none
    reason = (
        f"temperature scaling {'lowers' if gain > 0 else 'does not lower'} the cross-fitted log "
        f"loss: by {gain:.4f}, 95 % interval [{low:.4f}, {high:.4f}], {n_patients} patients"
    )
    calibrator: FittedCalibrator = chosen.Calibrator.fit(logits, target, patient_ids)
    return Choice(calibrator, reason, float(plain.mean()), float(scaled.mean()), n_patients)


def from_json(content: dict[str, Any]) -> FittedCalibrator:
    """A stored calibrator. Raises InputError when its name is not known."""
    calibrator: FittedCalibrator = registry.load("calibrators", content["name"]).Calibrator
    return calibrator.from_json(content)  # type: ignore[attr-defined,no-any-return]


def _patients_of_second_class(target: Array, owner: NDArray[np.int64], several: bool) -> int:
    """Patients with a case of the second largest class: the smaller of two."""
    classes = np.unique(target) if several else np.array([0.0, 1.0])
    counts = sorted((np.unique(owner[target == c]).size for c in classes), reverse=True)
    return counts[1] if len(counts) > 1 else 0


def _parts(
    target: Array, owner: NDArray[np.int64], n_patients: int, seed: int
) -> NDArray[np.int64]:
    """(n_patients,) part of each patient, dealt in turn within each class of patients."""
    of_patient = np.full(n_patients, -1.0)
    np.maximum.at(of_patient, owner, target)
    order = np.random.default_rng(seed).permutation(n_patients)
    order = order[np.argsort(of_patient[order], kind="stable")]
    parts = np.empty(n_patients, dtype=np.int64)
    parts[order] = np.arange(n_patients) % PARTS
    return parts


def _clustered_mean(values: Array, owner: NDArray[np.int64]) -> tuple[float, float, float]:
    """Case-weighted mean with a 95 % normal interval, clustered by patient (infinitesimal
    jackknife: each patient's summed deviation from the mean)."""
    mean = float(values.mean())
    per_patient = np.bincount(owner, weights=values - mean)
    half = Z * float(np.sqrt((per_patient**2).sum())) / values.size
    return mean, mean - half, mean + half
