"""The anatomy of a frontal (PA) chest radiograph, as attenuation on a coarse grid.

Coordinates are millimetres with the origin in the middle of the chest, x to the right of the
picture (the patient's left), y downward. Brightness rises with attenuation: bone and heart
bright, air dark. Everything smooth is drawn on half the pixels each way; `finish` brings it to
full size, where the quantum noise is.
"""

import math
from dataclasses import dataclass

import numpy as np

APEX, CORNER = -140.0, 112.0  # y of the lung apex and of the costophrenic angle


@dataclass(frozen=True)
class Anatomy:
    """The body of one patient. Lengths in mm, shares of 1 elsewhere."""

    half_width: float  # inner half width of the thorax at its widest
    fat: float  # soft tissue beside the ribs
    dome_right: float  # y of the right diaphragm dome
    dome_left: float
    rib_spacing: float
    rib_slope: float
    rib_contrast: float
    heart_turn: float  # radians
    knob: float  # radius of the aortic knob
    vessel_contrast: float
    breast: float  # 0 for none
    clavicle: float  # y of its inner end
    bubble: float  # how visible the gas in the stomach is


def draw_anatomy(rng: np.random.Generator, sex: str) -> Anatomy:
    """The body of one patient; women are a little smaller and may show breast shadows."""
    small = 6.0 if sex == "F" else 0.0
    return Anatomy(
        half_width=float(np.clip(rng.normal(138 - small, 5), 120, 152)),
        fat=float(rng.uniform(14, 30)),
        dome_right=float(rng.normal(68, 4.5)),
        dome_left=float(rng.normal(77, 4.5)),
        rib_spacing=float(rng.normal(27, 1.2)),
        rib_slope=float(rng.normal(0.33, 0.05)),
        rib_contrast=float(rng.uniform(0.6, 1.2)),
        heart_turn=float(rng.normal(0.62, 0.08)),
        knob=float(rng.normal(17, 2)),
        vessel_contrast=float(rng.uniform(0.7, 1.3)),
        breast=float(rng.uniform(0.3, 1.0)) if sex == "F" else 0.0,
        clavicle=float(rng.normal(-112, 5)),
        bubble=float(rng.uniform(0.0, 1.0)),
    )


@dataclass(eq=False)
class Thorax:
    """One chest on its grid: geometry that lesions need, all arrays float32 (rows, cols)."""

    x: np.ndarray
    y: np.ndarray
    lung: np.ndarray  # 0 to 1, both lungs before heart and lesions
    heart: np.ndarray  # 0 to 1
    outer: np.ndarray  # |x| of the inner chest wall at this height
    dome: np.ndarray  # y of the diaphragm at this x
    side: np.ndarray  # -1 left of the picture (the patient's right), +1 right
    ridges: np.ndarray  # 0 to 1, lines that branch from the hila


def step(distance: np.ndarray, width: float) -> np.ndarray:
    """Smooth 0 to 1 over `width` mm around distance 0."""
    u = np.asarray(distance * (1.0 / width) + 0.5)
    np.clip(u, 0.0, 1.0, out=u)
    out = np.asarray(u * u)
    u *= -2.0
    u += 3.0
    out *= u  # u u (3 - 2 u), in place: most of the time goes here
    return out


def bump(squared: np.ndarray) -> np.ndarray:
    """Gaussian of a squared distance in units of its spread."""
    return np.asarray(np.exp(-0.5 * squared))


def grid(
    rows: int, cols: int, mm: float, turn: float, shift: tuple[float, float], scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """x and y in mm of every coarse pixel, for a patient turned, shifted and scaled."""
    y, x = np.meshgrid(
        (np.arange(rows, dtype=np.float32) - (rows - 1) / 2) * mm,
        (np.arange(cols, dtype=np.float32) - (cols - 1) / 2) * mm,
        indexing="ij",
    )
    x, y = (x - shift[0]) / scale, (y - shift[1]) / scale
    cos, sin = math.cos(turn), math.sin(turn)
    return x * cos + y * sin, y * cos - x * sin


def smooth_noise(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, n: int) -> np.ndarray:
    """Value noise, mean 0 and about unit spread, of coordinates that run over an n x n lattice.

    n: a power of two.
    """
    lattice = rng.standard_normal((n, n), dtype=np.float32)
    down, right = np.floor(u), np.floor(v)
    fu, fv = u - down, v - right
    fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
    # One column more on every side, so that the four neighbours are at fixed offsets.
    flat = np.pad(lattice, (0, 1), mode="wrap").ravel()
    at = (down.astype(np.intp) & (n - 1)) * (n + 1) + (right.astype(np.intp) & (n - 1))
    top_left, top_right = flat.take(at), flat.take(at + 1)
    low_left, low_right = flat.take(at + (n + 1)), flat.take(at + (n + 2))
    top = top_left + (top_right - top_left) * fv
    bottom = low_left + (low_right - low_left) * fv
    return np.asarray((top + (bottom - top) * fu) * 1.5)


def lay_out(
    anatomy: Anatomy, x: np.ndarray, y: np.ndarray, ctr: float, rng: np.random.Generator
) -> Thorax:
    """Lungs, heart, diaphragm and branching of one chest.

    ctr: width of the heart over the inner width of the thorax.
    """
    across = np.abs(x)
    side = np.where(x < 0, np.float32(-1), np.float32(1))
    up = 1.0 - np.clip((y - APEX) / 165.0, 0.0, 1.0)
    outer = anatomy.half_width * np.sqrt(np.maximum(1.0 - up * up * (0.65 + 0.35 * up), 0.0))
    outer = outer - 6.0 * np.clip((y - 40.0) / 80.0, 0.0, 1.5) ** 2
    inner = 25.0 + 8.0 * np.clip((y + 75.0) / 80.0, -0.6, 1.0)
    inner = inner + 5.0 * side * bump(((y + 22.0) / 14.0) ** 2)  # pulmonary trunk
    top_edge = APEX + 0.014 * np.maximum(58.0 - across, 0.0) ** 2
    middle = 0.5 * (anatomy.dome_right + anatomy.dome_left)
    top = middle + (anatomy.dome_left - middle) * np.clip(x / 30.0, -1.0, 1.0)
    off = (across - 62.0) * (1.0 / 74.0)
    dome = top + np.where(off > 0, np.float32(44), np.float32(16)) * off**2
    inside = np.minimum(np.minimum(outer - across, across - inner), dome - y)
    lung = step(np.minimum(inside, y - top_edge), 6.0)
    width = ctr * 2.0 * anatomy.half_width
    cos, sin = math.cos(anatomy.heart_turn), math.sin(anatomy.heart_turn)
    long = 0.5 * width / math.sqrt(cos**2 + (0.74 * sin) ** 2)
    hx = x - 0.17 * width
    hy = y - (middle - 0.66 * long)
    a, b = hx * cos + hy * sin, hy * cos - hx * sin
    heart = step((1.0 - np.sqrt((a / long) ** 2 + (b / (0.74 * long)) ** 2)) * long, 9.0)
    return Thorax(x, y, lung, heart, outer, dome, side, _ridges(rng, x, y, side))


def _ridges(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Lines that leave the hila, thinner and fainter on the way out."""
    dx, dy = x - side * 34.0, y + 8.0
    far = np.sqrt(dx * dx + dy * dy) + 4.0
    angle = np.arctan2(dy, dx) * (1.0 / math.pi) + side * 3.0
    depth = np.log(far)
    bend = 0.3 * np.sin(far * 0.09 + rng.uniform(0, 6))
    coarse = 1.0 - np.abs(smooth_noise(rng, angle * 9.0 + bend, depth * 1.5, 64)) * 3.2
    fine = 1.0 - np.abs(smooth_noise(rng, angle * 19.0 + 2 * bend, depth * 2.6, 128)) * 2.6
    near = np.clip(1.0 - far / 75.0, 0.0, 1.0)
    wide = np.clip(1.0 - far / 135.0, 0.0, 1.0)
    return np.asarray(np.clip(coarse, 0, 1) * near + 0.55 * np.clip(fine, 0, 1) * wide)


def attenuation(anatomy: Anatomy, chest: Thorax, air: np.ndarray) -> np.ndarray:
    """Brightness of the whole chest on the coarse grid, about 0 (air) to 1 (bone, abdomen).

    air: (rows, cols) how much of the lung is still air, 0 to 1.
    """
    x, y, across = chest.x, chest.y, np.abs(chest.x)
    body, torso = _body(anatomy, x, y, across)
    deep = np.maximum(1.0 - (across / (anatomy.half_width + anatomy.fat)) ** 2, 0.0)
    below = step(y - chest.dome, 8.0) * torso
    out = body * 0.47 + torso * 0.10 * deep + 0.15 * below
    out += 0.09 * bump((x / 17.0) ** 2) * body * step(y + 175.0, 60.0)  # spine
    vertebra = np.cos(y * (2 * math.pi / 25.0))
    out += 0.02 * vertebra * step(17.0 - across, 5.0) * torso
    out -= 0.10 * step(8.0 - np.abs(x + 2.0), 5.0) * step(-28.0 - y, 14.0) * body  # trachea
    out += 0.035 * chest.heart * (1.0 - below)
    knob = step(anatomy.knob - np.sqrt((x - 21.0) ** 2 + (y + 58.0) ** 2), 8.0)
    air = air * (1.0 - 0.9 * knob)
    lower = 0.06 * np.clip(y / 110.0, -1.0, 1.0)
    out -= (0.38 - lower) * air
    hilum = bump(((across - 36.0) / 11.0) ** 2 + ((y + 6.0) / 18.0) ** 2)
    out += (0.12 * hilum + 0.17 * anatomy.vessel_contrast * chest.ridges) * air
    out += _bones(anatomy, chest, x, y, across) * body
    if anatomy.breast:
        bx = (across - 78.0) / 52.0
        round_ = step(1.0 - np.sqrt(bx**2 + ((y - 62.0) / 50.0) ** 2), 0.5)
        out += 0.085 * anatomy.breast * round_ * torso
    gx, gy = ((x - 70.0) / 22.0) ** 2, ((y - anatomy.dome_left - 24.0) / 11.0) ** 2
    gas = bump(gx * gx + gy * gy)
    out -= 0.22 * anatomy.bubble * gas * below
    return np.asarray(out)


def _body(
    anatomy: Anatomy, x: np.ndarray, y: np.ndarray, across: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Skin outline with neck, shoulders and arms, and the trunk alone."""
    trunk = anatomy.half_width + anatomy.fat - 8.0 * step(y - 60.0, 120.0)
    shoulder = -176.0 + 0.055 * np.maximum(across - 48.0, 0.0) ** 1.4
    neck = step(52.0 + 14.0 * step(y + 190.0, 60.0) - across, 6.0)
    arms = step(y - shoulder, 6.0) * step(-52.0 + 0.9 * (across - 150.0) - y, 12.0)
    torso = step(trunk - across, 6.0) * step(y - shoulder, 6.0)
    return np.maximum(np.maximum(torso, neck * step(-120.0 - y, 30.0)), arms), torso


def _bones(
    anatomy: Anatomy, chest: Thorax, x: np.ndarray, y: np.ndarray, across: np.ndarray
) -> np.ndarray:
    """Ribs behind and in front, clavicles, edges of the shoulder blades and humeral heads."""
    p = anatomy.rib_spacing
    cage = step(chest.outer + 7.0 - across, 5.0) * step(across - 14.0, 10.0)
    cage *= step(y + 134.0, 20.0) * step(150.0 - y, 50.0)
    cage *= 0.35 + 0.65 * step(chest.dome - y, 30.0)  # hardly seen through the abdomen
    u = across / anatomy.half_width
    steep = anatomy.rib_slope * (1.0 + 0.35 * y / 120.0)
    behind = (y - steep * 70.0 * (2.2 * u * u - 0.9 * u)) / p
    before = (y + 70.0 * (0.25 + 0.95 * u - 0.55 * u * u)) / (1.12 * p) + 0.37
    ribs = 0.050 * _band(behind, 0.30) + 0.028 * _band(before, 0.34) * step(across - 62.0, 50.0)
    out = anatomy.rib_contrast * cage * ribs
    out += 0.05 * step(4.0 - np.abs(across - chest.outer - 2.0), 5.0) * cage  # inner wall
    t = np.clip((across - 18.0) / 125.0, 0.0, 1.0)
    middle = anatomy.clavicle - 26.0 * t + 7.0 * np.sin(t * (2.2 * math.pi))
    thick = 6.0 + 1.5 * np.cos(t * (2 * math.pi))
    collar = step(thick - np.abs(y - middle), 3.5) * step(across - 17.0, 5.0)
    out += 0.085 * collar * step(148.0 - across, 8.0)
    blade = np.abs(across - (112.0 + 0.22 * (y + 110.0)))
    out += 0.035 * step(3.5 - blade, 4.0) * step(y + 108.0, 20.0) * step(10.0 - y, 40.0)
    ball = np.sqrt((across - 168.0) ** 2 + (y + 108.0) ** 2)
    shaft = step(13.0 - np.abs(across - 175.0 - 0.35 * (y + 100.0)), 6.0) * step(y + 104.0, 10.0)
    out += 0.13 * np.maximum(step(22.0 - ball, 6.0), 0.8 * shaft)
    return np.asarray(out)


def _band(phase: np.ndarray, width: float) -> np.ndarray:
    """Bands once per unit of phase: a bright cortex on either edge, paler between."""
    off = np.abs(phase - np.round(phase))
    inside = step(width - off, 0.12)
    edge = np.clip(1.0 - np.abs(off - width + 0.04) * 14.0, 0.0, 1.0)
    return np.asarray(0.75 * inside + 0.55 * edge)


def double(a: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """Bilinear enlargement of a coarse grid to full size, by sums alone: the same everywhere."""
    for axis, n in enumerate((rows, cols)):
        at = np.clip((np.arange(n, dtype=np.float32) - 0.5) / 2.0, 0, a.shape[axis] - 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, a.shape[axis] - 1)
        share = (at - low).astype(np.float32)
        share = share[:, None] if axis == 0 else share[None, :]
        a = np.take(a, low, axis) * (1 - share) + np.take(a, high, axis) * share
    return a


def finish(
    coarse: np.ndarray, rows: int, cols: int, rng: np.random.Generator, *, noise: float
) -> np.ndarray:
    """Full-size picture in [0, 1]: enlarged, exposed, with noise that grows with attenuation."""
    full = double(coarse, rows, cols)
    grain = rng.standard_normal((rows + 1, cols + 1), dtype=np.float32)
    blurred = grain[:-1, 1:] + grain[1:, :-1]  # the detector spreads each quantum a little
    blurred *= 0.3 * noise
    blurred += 0.5 * noise * grain[1:, 1:]
    exposure, contrast = float(rng.normal(0.03, 0.025)), float(np.exp(rng.normal(0.12, 0.07)))
    full -= 0.42
    full *= contrast
    full += 0.42 + exposure
    full -= 0.30 * np.maximum(full - 0.62, 0.0)  # shoulder of the film curve
    blurred *= 0.35 + full
    full += blurred
    return np.asarray(np.clip(full, 0.0, 1.0, out=full))


def collimate(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dark straight borders of the collimator on some sides of some pictures."""
    rows, cols = picture.shape
    edge = np.rint(np.maximum(rng.normal(-0.004, 0.018, 4), 0) * [rows, rows, cols, cols])
    top, bottom, left, right = edge.astype(int)
    out = np.full_like(picture, 0.015)
    inside = (slice(top, rows - bottom), slice(left, cols - right))
    out[inside] = picture[inside]
    return out
