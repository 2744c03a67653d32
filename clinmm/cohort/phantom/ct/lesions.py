"""The four findings in a CT, as strong as in the radiograph of the same evidence.

The amounts are those of `phantom.lesions.amounts`: the heart's share of the thorax, the height of
fluid that would stand on the diaphragm (here a layer at the back of one who lies on it), the
opacity of a patch, and the contrast of a nodule.
"""

import numpy as np

from clinmm.cohort.phantom.ct.chest import FLUID, SOFT, Chest
from clinmm.cohort.phantom.drawing import CORNER, bump, smooth_noise, step

LAYER = 0.55  # thickness of the layer over the height of the same fluid in one who stands


def draw_lesions(
    chest: Chest, drawn: dict[str, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Put fluid, patch and nodule into the lungs.

    Returns:
        air: (slices, rows, cols) air left in the lungs, 0 to 1.
        filled: what takes its place, in Hounsfield units; broadcasts to the same shape.
        shapes: finding -> (slices, rows, cols) bool, where it is drawn.
    """
    free = chest.lung * (1.0 - chest.heart)
    fluid = _fluid(chest, drawn["effusion"], rng)
    spot = _nodule(chest, rng)
    patch = _patch(chest, rng) if drawn["consolidation"] > 0 else np.zeros_like(free)
    air = free * (1.0 - fluid) * (1.0 - drawn["consolidation"] * patch)
    seen = spot * air
    air = air * (1.0 - min(1.25 * drawn["nodule"], 1.0) * spot)
    shapes = {
        "cardiomegaly": chest.heart > 0.5,
        "effusion": (fluid > 0.5) & (chest.lung > 0.3),
        "consolidation": (patch > 0.45) & (free > 0.3),
        "nodule": seen > 0.4,
    }
    return air, SOFT + (FLUID - SOFT) * fluid, shapes


def _fluid(chest: Chest, height: float, rng: np.random.Generator) -> np.ndarray:
    """A layer at the back, level in front but for a meniscus at the chest wall."""
    sides = rng.random()
    where = -1.0 if sides < 0.4 else 1.0
    if height == 0.0:
        return np.zeros(chest.shape, dtype=np.float32)
    side = np.where(chest.x < 0, -1.0, 1.0)
    here = np.ones_like(side) if sides > 0.7 else (side == where).astype(np.float32)
    deepest = chest.back.max(axis=2, keepdims=True)
    upward = np.clip((chest.z + 110.0) / (CORNER + 60.0), 0.0, 1.0)  # thinner towards the apex
    surface = deepest - LAYER * height * upward
    surface = surface - 5.0 * bump(((1.0 - chest.cage) / 0.10) ** 2)
    amount = min(height / 10.0, 1.0) * here * (upward > 0)
    return np.asarray(amount * step(chest.y - surface, 5.0), dtype=np.float32)


def _patch(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """A blurred patch with a ragged edge, low in a lung."""
    side = float(rng.choice([-1.0, 1.0]))
    cx, cy, cz = side * rng.uniform(62, 84), rng.uniform(-10, 34), rng.uniform(-20, 34)
    wide, tall = rng.uniform(30, 42), rng.uniform(28, 42)
    dx, dy, dz = (chest.x - cx) / wide, (chest.y - cy) / wide, (chest.z - cz) / tall
    far = np.sqrt(dx * dx + dy * dy + dz * dz)
    out = np.zeros(chest.shape, dtype=np.float32)
    near = far < 1.7
    u = np.broadcast_to(chest.x + 0.6 * chest.z, chest.shape)[near] / 15.0
    v = np.broadcast_to(chest.y - 0.6 * chest.z, chest.shape)[near] / 15.0
    ragged = 0.20 * smooth_noise(rng, u, v, 32)
    out[near] = step(1.0 + ragged - far[near], 0.9)
    return np.asarray(out * (chest.x * side > 0))


def _nodule(chest: Chest, rng: np.random.Generator) -> np.ndarray:
    """A sphere of 20 to 28 mm in the upper and middle zones."""
    side = float(rng.choice([-1.0, 1.0]))
    cx, cy, cz = side * rng.uniform(58, 84), rng.uniform(-30, 30), rng.uniform(-75, 5)
    radius = rng.uniform(10.0, 14.0)
    far = np.sqrt((chest.x - cx) ** 2 + (chest.y - cy) ** 2 + (chest.z - cz) ** 2)
    return np.asarray(step(radius - far, 4.0))
