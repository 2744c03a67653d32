"""One case's radiograph and masks, from its hidden truth."""

import numpy as np

from clinmm.cohort.phantom import drawing, lesions
from clinmm.cohort.phantom.dicom_file import MACHINES, SITE_MACHINE, Machine
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import ANATOMY, LESION, PICTURE, Case, stream

# site -> chance of each of MACHINES
_MACHINES_OF = {
    "A": (0.45, 0.15, 0.25, 0.10, 0.05),
    "B": (0.10, 0.45, 0.10, 0.25, 0.10),
    "C": (0.20, 0.10, 0.30, 0.20, 0.20),
}

# The burned-in letter of a planted side marker: an L.
_LETTER = np.array([[1, 0, 0, 0]] * 5 + [[1, 1, 1, 1]])
MARKER_CORNER = (0.02, 0.88, 0.14, 0.99)
"""Part of any picture that holds the marker whole: top, left, bottom, right as shares of a side."""


def draw_picture(
    seed: int, case: Case
) -> tuple[np.ndarray, Machine, dict[str, np.ndarray], dict[str, float]]:
    """Draw one case.

    Returns:
        picture: (rows, cols) float32 in [0, 1], bone bright.
        machine: what it is written as.
        masks: finding -> (rows, cols) bool; all False unless the finding is present and evident.
        drawn: finding -> amount drawn, see `lesions.amounts`.
    """
    rng = stream(seed, PICTURE, case.index)
    machine = MACHINES[int(rng.choice(len(MACHINES), p=_MACHINES_OF[case.site]))]
    if case.flaws.own_machine:
        machine = SITE_MACHINE
    rows, cols = machine.rows, machine.cols
    anatomy = drawing.draw_anatomy(stream(seed, ANATOMY, case.body_index), case.sex)
    drawn = lesions.amounts(case.image_evidence)
    pitch = machine.imager_mm / machine.magnification
    x, y = drawing.grid(
        rows // 2,
        cols // 2,
        2.0 * pitch,
        float(rng.normal(0.0, 0.02)),
        (float(rng.normal(0, 4)), float(rng.normal(0, 4))),
        float(np.exp(rng.normal(0.0, 0.025))),
    )
    chest = drawing.lay_out(anatomy, x, y, drawn["cardiomegaly"], rng)
    lesion_rng = stream(seed, LESION, case.index)
    air, spot, shapes = lesions.draw_lesions(chest, drawn, lesion_rng)
    coarse = drawing.attenuation(anatomy, chest, air) + spot
    picture = drawing.finish(coarse, rows, cols, rng, noise=machine.noise)
    picture = drawing.collimate(picture, rng)
    if case.flaws.marker:
        burn_marker(picture, case.index)
    seen = lesions.evident(case.labels, drawn)
    masks = {
        finding: np.repeat(np.repeat(shapes[finding], 2, axis=0), 2, axis=1)
        if seen[finding]
        else np.zeros((rows, cols), dtype=bool)
        for finding in FINDINGS
    }
    return picture, machine, masks, drawn


def burn_marker(picture: np.ndarray, index: int) -> tuple[int, int, int, int]:
    """Burn a letter into the upper right corner, in place; its box (top, left, bottom, right)."""
    unit = max(picture.shape[0] // 100, 4)
    letter = np.kron(_LETTER, np.ones((unit, unit)))
    top = int(0.035 * picture.shape[0]) + index % 5
    left = picture.shape[1] - letter.shape[1] - int(0.035 * picture.shape[1]) - index % 7
    box = (top, left, top + letter.shape[0], left + letter.shape[1])
    corner = picture[box[0] : box[2], box[1] : box[3]]
    corner[letter > 0] = 1.0
    return box
