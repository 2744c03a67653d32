"""The four findings in the picture: how strong, where, and their masks.

The image's evidence for a finding is one number, N(separation, 1) where the finding is present
and N(0, 1) where not; what is drawn grows with it. So a weak positive may be invisible, and a
strong negative is drawn like a finding (a blunted angle, a hazy patch) without being one: such a
mimic has no mask.
"""

import numpy as np

from clinmm.cohort.phantom.drawing import CORNER, Thorax, bump, smooth_noise, step
from clinmm.cohort.phantom.findings import COMBINATIONS, FINDINGS

SEPARATION = {"cardiomegaly": 2.0, "effusion": 2.2, "consolidation": 1.6, "nodule": 1.9}

# Drawn amount from which a finding that is present counts as evident and gets a mask.
EVIDENT = {"cardiomegaly": 0.48, "effusion": 8.0, "consolidation": 0.12, "nodule": 0.15}


def separations() -> np.ndarray:
    """(4,) distance between the means of the evidence with and without each finding."""
    return np.array([SEPARATION[finding] for finding in FINDINGS])


def draw_evidence(
    rng: np.random.Generator, labels: np.ndarray, separation: np.ndarray
) -> np.ndarray:
    """The image's evidence for each finding: (4,)."""
    return np.asarray(separation * labels + rng.standard_normal(len(FINDINGS)))


def log_likelihood(evidence: np.ndarray, separation: np.ndarray) -> np.ndarray:
    """log p(evidence | findings) for the 16 COMBINATIONS, up to a constant: (16,)."""
    return np.asarray(COMBINATIONS @ (evidence * separation - 0.5 * separation**2))


def amounts(evidence: np.ndarray) -> dict[str, float]:
    """What is drawn: cardiothoracic ratio, height of fluid in mm, opacity, contrast."""
    heart, fluid, patch, spot = (float(value) for value in evidence)
    return {
        "cardiomegaly": float(np.clip(0.445 + 0.036 * heart, 0.34, 0.72)),
        "effusion": float(np.clip(24.0 * (fluid - 0.1), 0.0, 120.0)),
        "consolidation": float(np.clip(0.42 * (patch - 0.3), 0.0, 0.95)),
        "nodule": float(np.clip(0.42 * (spot - 0.4), 0.0, 0.8)),
    }


def evident(labels: np.ndarray, drawn: dict[str, float]) -> dict[str, bool]:
    """Findings that are present and drawn strongly enough to be pointed at."""
    return {
        f: bool(y) and drawn[f] > EVIDENT[f] for f, y in zip(FINDINGS, labels.tolist(), strict=True)
    }


def draw_lesions(
    chest: Thorax, drawn: dict[str, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Put fluid, patch and spot into the chest.

    Returns:
        air: (rows, cols) air left in the lungs, 0 to 1.
        spot: (rows, cols) extra brightness of the nodule.
        shapes: finding -> (rows, cols) bool, where it is drawn.
    """
    free = chest.lung * (1.0 - 0.96 * chest.heart)
    fluid = _fluid(chest, drawn["effusion"], rng)
    spot = _spot(chest, rng)
    nothing = np.zeros_like(free)
    patch, texture = _patch(chest, rng) if drawn["consolidation"] > 0 else (nothing, nothing)
    opaque = drawn["consolidation"] * patch * texture
    air = free * (1.0 - 0.97 * fluid) * (1.0 - np.clip(opaque, 0.0, 0.95))
    spot = spot * air  # hidden where no air is left around it
    shapes = {
        "cardiomegaly": chest.heart > 0.5,
        "effusion": (fluid > 0.5) & (chest.lung > 0.3),
        "consolidation": (patch > 0.45) & (free > 0.3),
        "nodule": spot > 0.4,
    }
    return air, 0.55 * drawn["nodule"] * spot, shapes


def _fluid(chest: Thorax, height: float, rng: np.random.Generator) -> np.ndarray:
    """Fluid in the costophrenic angle with a meniscus that climbs along the chest wall."""
    sides = rng.random()
    where = -1.0 if sides < 0.4 else 1.0
    if height == 0.0:
        return np.zeros_like(chest.x)
    here = np.ones_like(chest.x) if sides > 0.7 else (chest.side == where).astype(np.float32)
    lateral = np.clip(np.abs(chest.x) / np.maximum(chest.outer, 1.0), 0.0, 1.0)
    surface = CORNER - height * (0.50 + 0.50 * lateral**3) - 0.35 * height * lateral**8
    amount = min(height / 6.0, 1.0)  # a thin film does not blacken the angle
    return np.asarray(amount * here * step(chest.y - surface, 9.0))


def _patch(chest: Thorax, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A blurred patch low in a lung, with the air in the bronchi showing through."""
    side = float(rng.choice([-1.0, 1.0]))
    cx, cy = side * rng.uniform(60, 88), rng.uniform(-20, 42)
    wide, tall = rng.uniform(28, 42), rng.uniform(26, 40)
    ragged = 0.22 * smooth_noise(rng, chest.x / 16.0, chest.y / 16.0, 32)
    far = np.sqrt(((chest.x - cx) / wide) ** 2 + ((chest.y - cy) / tall) ** 2)
    patch = step(1.0 + ragged - far, 1.1) * (chest.side == side)
    cloud = 1.0 + 0.10 * smooth_noise(rng, chest.x / 8.0, chest.y / 8.0, 64)
    return np.asarray(patch), np.asarray(cloud - 0.35 * np.clip(chest.ridges * 1.4, 0.0, 0.8))


def _spot(chest: Thorax, rng: np.random.Generator) -> np.ndarray:
    """A round spot of 16 to 22 mm in the upper and middle zones."""
    side = float(rng.choice([-1.0, 1.0]))
    cx, cy = side * rng.uniform(62, 92), rng.uniform(-85, 5)
    radius = rng.uniform(8.0, 11.0)
    far = np.sqrt((chest.x - cx) ** 2 + (chest.y - cy) ** 2)
    return np.asarray(step(radius - far, 5.0) + 0.15 * bump((far / (1.6 * radius)) ** 2))
