"""The anatomy of a chest CT of a patient who lies on the back, in Hounsfield units.

Coordinates are millimetres with the origin in the middle of the chest: x to the patient's left,
y to the back, z down to the feet, as y of the radiograph. Arrays are float32 (slices, rows, cols);
what depends on two of the three is kept in two, so that it is quick.
"""

from dataclasses import dataclass

import numpy as np

from clinmm.cohort.phantom.drawing import APEX, Anatomy, bump, smooth_noise, step

AIR, LUNG, FAT, SOFT, BLOOD, FLUID, BONE = -1000.0, -850.0, -90.0, 40.0, 50.0, 12.0, 420.0
FLATNESS = 0.70  # depth of the thorax over its width


@dataclass(eq=False)
class Chest:
    """One chest on its grid. x, y, z broadcast to the full shape."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    torso: np.ndarray  # 0 to 1
    cage: np.ndarray  # distance from the axis over that of the inner chest wall
    lung: np.ndarray  # 0 to 1, both lungs before heart and lesions
    heart: np.ndarray  # 0 to 1
    back: np.ndarray  # (slices, 1, cols) y of the inner wall at the back

    @property
    def shape(self) -> tuple[int, ...]:
        return self.lung.shape


def grid(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], shift: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z (slices, 1, 1), y (1, rows, 1) and x (1, 1, cols) in mm; slices from the feet up."""
    z, y, x = (
        (np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)) * np.float32(mm)
        for n, mm in zip(shape, spacing, strict=True)
    )
    z = -z - np.float32(12.0)  # the middle of the slices lies a little above that of the chest
    return z[:, None, None], (y - shift[0])[None, :, None], (x - shift[1])[None, None, :]


def lay_out(anatomy: Anatomy, z: np.ndarray, y: np.ndarray, x: np.ndarray, ctr: float) -> Chest:
    """Trunk, lungs and heart of one chest.

    ctr: width of the heart over the inner width of the thorax.
    """
    across = np.abs(x)
    up = 1.0 - np.clip((z - APEX) / 165.0, 0.0, 1.0)
    outer = anatomy.half_width * np.sqrt(np.maximum(1.0 - up * up * (0.65 + 0.35 * up), 0.04))
    deep = FLATNESS * anatomy.half_width * np.sqrt(np.maximum(1.0 - 0.75 * up**2, 0.05))
    ahead = np.where(y < 0, np.float32(0.94), np.float32(1.0))
    cage = np.sqrt((x / outer) ** 2 + (y / (deep * ahead)) ** 2)
    wide = anatomy.half_width + anatomy.fat - 10.0 * step(-90.0 - z, 60.0)
    thick = FLATNESS * anatomy.half_width + 0.8 * anatomy.fat + 6.0
    round_ = np.sqrt(np.sqrt((x / wide) ** 4) * np.abs(x / wide) + (y / thick) ** 2)
    torso = step((1.0 - round_) * thick, 5.0)
    middle = 0.5 * (anatomy.dome_right + anatomy.dome_left)
    top = middle + (anatomy.dome_left - middle) * np.clip(x / 30.0, -1.0, 1.0)
    dome = top + 44.0 * ((across - 62.0) / 74.0) ** 2 + 34.0 * ((y + 12.0) / 80.0) ** 2
    inner = 22.0 + 0.0022 * (y - 10.0) ** 2 + 8.0 * bump(((z + 22.0) / 25.0) ** 2)
    inside = np.minimum((1.0 - cage) * (0.8 * outer), np.minimum(across - inner, dome - z))
    lung = step(inside, 6.0)
    width = ctr * 2.0 * anatomy.half_width
    long = 0.52 * width
    turn = np.float32(anatomy.heart_turn)
    hx, hz = x - 0.16 * width, z - (middle - 0.60 * long)
    hy = y + 0.26 * FLATNESS * anatomy.half_width + 0.10 * hx
    a, b = hx * np.cos(turn) + hz * np.sin(turn), hz * np.cos(turn) - hx * np.sin(turn)
    radius = np.sqrt((a / long) ** 2 + (b / (0.76 * long)) ** 2 + (hy / (0.70 * long)) ** 2)
    heart = step((1.0 - radius) * long, 8.0)
    back = deep * np.sqrt(np.maximum(1.0 - (x / outer) ** 2, 0.0))
    return Chest(x, y, z, torso, cage, lung, heart, back)


def hounsfield(
    anatomy: Anatomy, chest: Chest, air: np.ndarray, filled: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The whole chest in Hounsfield units, without noise.

    air: (slices, rows, cols) how much of each voxel is lung, 0 to 1.
    filled: what takes the place of air, in Hounsfield units.
    """
    x, y, z, torso = chest.x, chest.y, chest.z, chest.torso
    across = np.abs(x)
    muscle = step(1.16 - chest.cage, 0.06)
    out = FAT + (SOFT - FAT) * muscle
    out += _bones(anatomy, chest)
    spine = np.sqrt((x / 19.0) ** 2 + ((y - 0.70 * FLATNESS * anatomy.half_width) / 18.0) ** 2)
    disc = 0.62 + 0.38 * step(np.cos(z * np.float32(2 * np.pi / 25.0)) + 0.55, 0.5)
    column = step(1.0 - spine, 0.25)
    body = np.where(spine < 0.72, np.float32(0.55), np.float32(1.0))  # cortex brighter
    out += column * body * disc * (BONE - SOFT)
    blood = np.maximum(chest.heart, _great_vessels(anatomy, x, y, z))
    fatty = step(26.0 - across, 8.0) * step(20.0 - y, 20.0) * step(-12.0 - z, 20.0)
    out += blood * (BLOOD - SOFT) - 110.0 * fatty * (1.0 - blood) * step(0.9 - chest.cage, 0.1)
    lung = np.float32(LUNG)
    out += chest.lung * (1.0 - chest.heart) * (filled - out) * (1.0 - air)
    out += air * (lung + _branches(chest, air, rng, anatomy.vessel_contrast) - out)
    windpipe = step(8.0 - np.sqrt((x + 1.0) ** 2 + (y - 12.0) ** 2), 4.0) * step(-22.0 - z, 10.0)
    out += windpipe * (AIR - out)
    bubble = ((x - 70.0) / 24.0) ** 2 + ((y + 25.0) / 22.0) ** 2
    gas = bump(bubble + ((z - anatomy.dome_left - 22.0) / 12.0) ** 2)
    out -= 850.0 * anatomy.bubble * step(gas - 0.45, 0.2) * (1.0 - chest.lung)
    return np.asarray(AIR + (out - AIR) * torso, dtype=np.float32)


def _great_vessels(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Aorta, ascending and descending, and the pulmonary trunk."""
    down = np.sqrt((x - 22.0) ** 2 + (y - 38.0) ** 2)
    up = np.sqrt((x + 10.0) ** 2 + (y + 22.0) ** 2)
    aorta = np.maximum(
        step(0.75 * anatomy.knob - down, 4.0) * step(z + 62.0, 10.0),
        step(anatomy.knob - up, 4.0) * step(z + 62.0, 10.0) * step(12.0 - z, 10.0),
    )
    trunk = np.sqrt((y + 8.0) ** 2 + (z + 20.0) ** 2)
    across = step(13.0 - trunk, 5.0) * step(44.0 - np.abs(x), 6.0)
    return np.asarray(np.maximum(aorta, across))


def _bones(anatomy: Anatomy, chest: Chest) -> np.ndarray:
    """Ribs that slope forwards and down, breastbone and shoulder blades."""
    phase = (chest.z + anatomy.rib_slope * 1.6 * chest.y) / anatomy.rib_spacing
    off = np.abs(phase - np.round(phase))
    shell = step(0.085 - np.abs(chest.cage - 1.09), 0.06)
    ribs = step(0.22 - off, 0.14) * shell * step(chest.z + 140.0, 20.0)
    front = FLATNESS * anatomy.half_width
    breast = step(14.0 - np.abs(chest.x), 6.0) * step(9.0 - np.abs(chest.y + 0.98 * front), 5.0)
    breast = breast * step(30.0 - chest.z, 15.0) * step(chest.z + 95.0, 10.0)
    across = np.abs(chest.x)
    blade = np.abs(chest.y - front * 0.92 + 0.65 * (across - 75.0))
    blade = step(4.0 - blade, 4.0) * step(34.0 - np.abs(across - 98.0), 10.0)
    blade = blade * step(-5.0 - chest.z, 20.0) * step(chest.z + 125.0, 20.0)
    outside = step(chest.cage - 1.17, 0.06)
    return np.asarray(
        (BONE - SOFT) * anatomy.rib_contrast * ribs * 0.8 + 240.0 * breast + 330.0 * blade * outside
    )


def _branches(
    chest: Chest, air: np.ndarray, rng: np.random.Generator, contrast: float
) -> np.ndarray:
    """Vessels that leave the hila, thinner on the way out: what they add to the lung's value."""
    out = np.zeros(chest.shape, dtype=np.float32)
    inside = air > 0.2
    x, y, z = (np.broadcast_to(axis, chest.shape)[inside] for axis in (chest.x, chest.y, chest.z))
    side = np.where(x < 0, np.float32(-1), np.float32(1))
    dx, dy, dz = x - side * 26.0, y - 4.0, z + 10.0
    far = np.sqrt(dx * dx + dy * dy + dz * dz) + 4.0
    turn = np.arctan2(dy, dx * side) * np.float32(1 / np.pi)
    tilt = dz / far
    bend = 0.02 * np.sin(far * 0.09 + np.float32(rng.uniform(0, 6)))
    u, v = (turn + bend + side * 3.0) * 12.0, (tilt + bend) * 7.0 + 16.0
    trunks = step(smooth_noise(rng, u, v, 64) - 1.0, 0.5) * np.clip(1.3 - far / 70.0, 0.0, 1.0)
    twigs = step(smooth_noise(rng, 2.1 * u, 2.1 * v, 128) - 1.1, 0.6)
    twigs = twigs * np.clip(1.2 - far / 120.0, 0.0, 1.0) * 0.5
    out[inside] = np.float32(800.0 * contrast) * np.maximum(trunks, twigs)
    return np.minimum(out, np.float32(SOFT - LUNG))
