"""One case's CT volume and masks, from its hidden truth."""

import numpy as np

from clinmm.cohort.phantom import lesions
from clinmm.cohort.phantom.ct import chest as anatomy_of_chest
from clinmm.cohort.phantom.ct.lesions import draw_lesions
from clinmm.cohort.phantom.ct.series import SCANNERS, Scanner
from clinmm.cohort.phantom.drawing import draw_anatomy
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import ANATOMY, LESION, PICTURE, Case, stream
from clinmm.cohort.phantom.picture import burn_marker

# site -> chance of each of SCANNERS
_SCANNERS_OF = {"A": (0.6, 0.2, 0.2), "B": (0.2, 0.6, 0.2), "C": (0.2, 0.2, 0.6)}
MARKER = 1500.0  # Hounsfield units


def draw_volume(
    seed: int, case: Case
) -> tuple[np.ndarray, Scanner, dict[str, np.ndarray], dict[str, float]]:
    """Draw one case.

    Returns:
        voxels: (slices, rows, cols) float32 in Hounsfield units; slices from the feet up, rows to
            the back, columns to the patient's left.
        scanner: what it is written as.
        masks: finding -> bool array of the same shape; all False unless present and evident.
        drawn: finding -> amount drawn, see `lesions.amounts`.
    """
    rng = stream(seed, PICTURE, case.index)
    scanner = SCANNERS[int(rng.choice(len(SCANNERS), p=_SCANNERS_OF[case.site]))]
    anatomy = draw_anatomy(stream(seed, ANATOMY, case.body_index), case.sex)
    drawn = lesions.amounts(case.image_evidence)
    shift = (float(rng.normal(0, 4)), float(rng.normal(0, 4)))
    z, y, x = anatomy_of_chest.grid(scanner.shape, scanner.spacing, shift)
    chest = anatomy_of_chest.lay_out(anatomy, z, y, x, drawn["cardiomegaly"])
    air, filled, shapes = draw_lesions(chest, drawn, stream(seed, LESION, case.index))
    voxels = anatomy_of_chest.hounsfield(anatomy, chest, air, filled, rng)
    voxels += np.float32(scanner.noise) * rng.standard_normal(voxels.shape, dtype=np.float32)
    np.clip(voxels, -1024.0, 3071.0, out=voxels)
    if case.flaws.marker:
        letter = np.zeros(voxels.shape[1:])
        burn_marker(letter, case.index)
        voxels[:, letter > 0] = MARKER
    seen = lesions.evident(case.labels, drawn)
    nothing = np.zeros(voxels.shape, dtype=bool)
    masks = {finding: shapes[finding] if seen[finding] else nothing for finding in FINDINGS}
    return voxels, scanner, masks, drawn
