"""Which calibrator: decided by cross-fitting on the calibration patients, none on a tie.

The rule. Each candidate is fitted on four fifths of the patients and scored on the rest, in turn;
its gain is how much lower its log loss is than that of no calibration, paired, clustered by
patient. Candidates whose gain is more than one standard error above 0 beat none. The best of these
stands, unless a simpler one is within one standard error of it (paired); without any, none.

Why one standard error, and not an interval above 0. A calibrator is a choice of how to go on, not
a claim: with few patients a real miscalibration seldom reaches 95 % certainty, and waiting for it
leaves the harm in place; taking whatever is ahead by a hair follows noise. One standard error is
the customary middle (Breiman et al. 1984, section 3.4.3). Simulated with 30 to 1,000 patients at
prevalence .15 and .3 it costs at most .004 nats a case on average where nothing could be gained,
and from 200 patients on gives .08 to .12 of what a bold or shifted model lost (.055 where least);
always scaling by temperature costs up to .022. Whether calibration helped is claimed elsewhere, on
test patients. The reason says how sure the choice is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm import registry
from clinmm.calibration import fitted, none
from clinmm.calibration.fitted import FittedCalibrator
from clinmm.calibration.inputs import Labels
from clinmm.calibration.logits import Array, from_probabilities, log_losses
from clinmm.calibration.parts import parts

PARTS = 5
Z = 1.959963984540054
"""97.5 % quantile of the normal distribution."""
STANDARD_ERRORS = 1.0
"""By how many a candidate must be ahead."""
MIN_PATIENTS_TO_CLAIM = 50
"""In each class; with fewer the reason says that the choice is no claim."""


@dataclass(frozen=True)
class Compared:
    """One candidate: cross-fitted log loss, and its gain over none with a 95 % interval.

    Nats a case; a gain above 0 is a lower loss. NaN where nothing could be compared.
    """

    log_loss: float
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def to_json(self) -> dict[str, float]:
        return {
            "log_loss": self.log_loss,
            "gain": self.gain,
            "low": self.low,
            "high": self.high,
        }


@dataclass(frozen=True)
class Choice:
    """The calibrator fitted on all calibration patients, and why it is this one.

    compared: name -> what cross-fitting showed, `none` first.
    """

    calibrator: FittedCalibrator
    reason: str
    compared: dict[str, Compared]
    n_patients: int

    @property
    def log_loss_none(self) -> float:
        """Nats a case."""
        return self.compared["none"].log_loss

    @property
    def log_loss_temperature(self) -> float:
        """Cross-fitted, nats a case; NaN where not compared."""
        found = self.compared.get("temperature")
        return found.log_loss if found else float("nan")


def choose(
    logits: Array,
    target: Array,
    patient_ids: Labels,
    *,
    cells: Labels | None = None,
    candidates: Sequence[str] | None = None,
    seed: int = 0,
) -> Choice:
    """The best calibrator, by the rule above.

    Args:
        logits: (n,) log odds with target in {0, 1}, or (n, C) with target the class number.
        target: (n,), no NaN.
        patient_ids: (n,); a patient is never in both the fitted and the scored part.
        cells: (n,) pattern or group of each case; without at least two, `hierarchical` is not
            offered.
        candidates: names of calibrators; None: all. Those of the other kind, and those that need
            more patients than there are, are left out; none is always compared.
        seed: of the division into five parts.

    Returns:
        The choice; none where nothing else can be offered.

    Raises:
        InputError: a candidate that does not exist; NaN, shapes as `inputs.checked`.
    """
    ids = np.asarray(patient_ids, dtype=object)
    where = None if cells is None else np.asarray(cells, dtype=object)
    owner = np.unique(ids, return_inverse=True)[1]
    n_patients = int(owner.max()) + 1 if owner.size else 0
    plain = log_losses(logits, target)
    compared = {"none": Compared(float(plain.mean()) if plain.size else float("nan"))}
    several_cells = where is not None and len(set(where)) > 1
    names, too_few = _offered(logits, target, owner, several_cells, candidates)
    if not names:
        return Choice(none.Calibrator(), too_few, compared, n_patients)
    part_of = parts(ids, target, PARTS, seed=seed)
    losses = {"none": plain}
    for name in names:
        calibrated = fitted.cross_fit(name, logits, target, ids, part_of, where)
        losses[name] = log_losses(from_probabilities(calibrated), target)
        gain = _clustered_mean(plain - losses[name], owner)
        compared[name] = Compared(float(losses[name].mean()), *gain)
    chosen = _best(losses, owner)
    calibrator = fitted.fit(chosen, logits, target, ids, where)
    smallest = min(_patients_of_classes(logits, target, owner))
    reason = _reason(chosen, compared, n_patients, smallest)
    return Choice(calibrator, reason, compared, n_patients)


def _patients_of_classes(logits: Array, target: Array, owner: NDArray[np.int64]) -> list[int]:
    """Patients with a case of each class, in rising order."""
    n_classes = logits.shape[1] if logits.ndim == 2 else 2
    return sorted(np.unique(owner[target == c]).size for c in range(n_classes))


def _offered(
    logits: Array,
    target: Array,
    owner: NDArray[np.int64],
    several_cells: bool,
    candidates: Sequence[str] | None,
) -> tuple[list[str], str]:
    """Names of the candidates that kind and size allow, or why there is none."""
    kind = "binary" if logits.ndim == 1 else "multiclass"
    wanted = registry.available("calibrators") if candidates is None else candidates
    needs = {
        name: (fitted.module_of(name).MIN_PATIENTS_PER_CLASS, fitted.module_of(name).KIND)
        for name in wanted
        if name != "none"
        and fitted.module_of(name).KIND in (kind, "both")
        and (several_cells or name != "hierarchical")
    }
    # what is fitted for each of several classes needs patients of the rarest; what is fitted once
    # for all needs them of a second class
    of_class = _patients_of_classes(logits, target, owner)
    have = {"binary": of_class[0], "multiclass": of_class[0], "both": of_class[-2]}
    names = sorted(name for name, (least, kind) in needs.items() if have[kind] >= least)
    if names or not needs:
        return names, "no other calibrator was asked for"
    first = min(needs, key=lambda name: needs[name])
    least, kind = needs[first]
    return [], f"{have[kind]} calibration patients in a class, needs {least} for {first}"


def _best(losses: dict[str, Array], owner: NDArray[np.int64]) -> str:
    """The name that the rule picks; losses (n,) of each candidate and of none."""

    def ahead(name: str, rival: str) -> bool:
        mean, low, _ = _clustered_mean(losses[rival] - losses[name], owner)
        return mean > STANDARD_ERRORS * (mean - low) / Z

    better = [name for name in losses if ahead(name, "none")]
    if not better:
        return "none"
    best = min(better, key=lambda name: losses[name].mean())
    as_good = [name for name in better if not ahead(best, name)]
    return min(as_good, key=lambda name: (fitted.module_of(name).COMPLEXITY, name))


def _reason(chosen: str, compared: dict[str, Compared], n_patients: int, smallest: int) -> str:
    """One sentence; smallest: patients of the smallest class."""
    others = {name: one for name, one in compared.items() if name != "none"}
    best = max(others, key=lambda name: others[name].gain) if chosen == "none" else chosen
    one = others[best]
    said = (
        f"{best} {'does not clearly lower' if chosen == 'none' else 'lowers'} the cross-fitted log "
        f"loss: by {one.gain:.4f}, 95 % interval [{one.low:.4f}, {one.high:.4f}], "
        f"{n_patients} patients"
    )
    if rest := sorted(set(others) - {best}):
        said += f"; compared with {', '.join(rest)}"
    if smallest < MIN_PATIENTS_TO_CLAIM:
        said += f"; no claim, with fewer than {MIN_PATIENTS_TO_CLAIM} patients in a class"
    return said


def _clustered_mean(values: Array, owner: NDArray[np.int64]) -> tuple[float, float, float]:
    """Case-weighted mean with a 95 % normal interval, clustered by patient (infinitesimal
    jackknife: each patient's summed deviation from the mean)."""
    mean = float(values.mean())
    per_patient = np.bincount(owner, weights=values - mean)
    half = Z * float(np.sqrt((per_patient**2).sum())) / values.size
    return mean, mean - half, mean + half
