"""Copies planted among a cohort's pictures: how many are found, how many other pairs are linked?

    python benchmarks/duplicates.py [N_COPIES]

Pictures of the phantom and, with CLINMM_DATA set, of covid_cxr and ham10000, one a patient. For
each change N_COPIES pictures (20) are copied with it, under new patients. A copy is found where it
is linked to its original; other links are false unless the cohort has them without any copy (these
are to be looked at). Rates with Wilson intervals; seconds without reading the files.
"""

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from clinmm.cohort.phantom.generate import make_phantom
from clinmm.intake.duplicates.near import near_duplicates
from clinmm.intake.duplicates.opened import grey_square
from clinmm.intake.images_read import THUMBNAIL
from clinmm.readers import read_image
from clinmm.readers.resize import resize

Change = Callable[[Image.Image, np.random.Generator], Image.Image]
Z = 1.96


def smaller(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    scale = rng.uniform(0.4, 0.8)
    return image.resize((round(image.width * scale), round(image.height * scale)))


def recompressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


def cut(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    left, top, right, bottom = rng.uniform(0, 0.1, 4)
    w, h = image.size
    return image.crop(
        (round(left * w), round(top * h), round((1 - right) * w), round((1 - bottom) * h))
    )


def toned(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    grey = np.asarray(image, dtype=np.float32) / 255
    grey = (grey ** np.exp(rng.uniform(-0.5, 0.5)) - 0.5) * rng.uniform(0.7, 1.2) + 0.5
    return Image.fromarray(np.round(np.clip(grey, 0, 1) * 255).astype(np.uint8))


def marked(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    image = image.copy()
    at = rng.uniform(0.02, 0.7) * image.width, rng.choice([0.03, 0.85]) * image.height
    ImageDraw.Draw(image).text(at, "L PORTABLE", font_size=max(10, image.height // 14), fill=255)
    return image


def mirrored(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def turned(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.rotate(90 * int(rng.integers(1, 4)), expand=True)


def together(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    for change in (smaller, cut, marked, toned, recompressed):
        image = change(image, rng)
    return image


CHANGES: tuple[Change, ...] = (
    smaller, recompressed, cut, toned, marked, mirrored, turned, together,
)  # fmt: skip


def wilson(k: int, n: int) -> str:
    middle, half = (k + Z**2 / 2) / (n + Z**2), Z * np.sqrt(k * (n - k) / n + Z**2 / 4) / (n + Z**2)
    return f"{k / n:.3f} [{middle - half:.3f}, {middle + half:.3f}] ({k} of {n})"


def collections(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Name, and one picture per patient."""
    make_phantom(folder / "phantom", seed=3, n_patients=300)
    tables = {"phantom": folder / "phantom" / "cases.csv"}
    if data := os.environ.get("CLINMM_DATA"):
        tables |= {name: Path(data, name, "cases.csv") for name in ("covid_cxr", "ham10000")}
    for name, table in tables.items():
        cases = pd.read_csv(table, dtype=str).dropna(subset="image")
        paths = [table.parent / cell for cell in cases.drop_duplicates("patient_id")["image"]]
        yield name, [path for path in paths if path.is_file()]


def main(n_copies: int = 20) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, paths in collections(Path(folder)):
            measure(name, paths, n_copies, Path(folder))


def measure(name: str, paths: list[Path], n_copies: int, folder: Path) -> None:
    n = len(paths)
    thumbnails = [grey_square(path, 2, THUMBNAIL) for path in paths]
    rng = np.random.default_rng(0)
    copied: list[tuple[int, str]] = []
    files = list(paths)
    for change in CHANGES:
        for row in rng.choice(n, min(n_copies, n), replace=False):
            grey = resize_grey(paths[row])
            file = folder / f"{name}{len(files)}.png"
            change(grey, rng).convert("L").save(file)
            files.append(file)
            thumbnails.append(grey_square(file, 2, THUMBNAIL))
            copied.append((int(row), change.__name__))
    start = time.perf_counter()
    before = near_duplicates(np.stack(thumbnails[:n]), paths, 2, np.arange(n))
    seconds = time.perf_counter() - start
    own = set(zip(before.first.tolist(), before.second.tolist(), strict=True))
    found = near_duplicates(np.stack(thumbnails), files, 2, np.arange(len(files)))
    source = [*range(n), *(row for row, _ in copied)]
    linked, false = set(), 0
    for one, other in zip(found.first.tolist(), found.second.tolist(), strict=True):
        if source[one] == source[other]:
            linked |= {one, other}
        elif not {(source[one], source[other]), (source[other], source[one])} & own:
            false += 1
    print(f"{name}: {n} pictures, {seconds:.1f} s; {len(own)} links without copies")
    for change in CHANGES:
        rows = [n + k for k, (_, made) in enumerate(copied) if made == change.__name__]
        print(f"  {change.__name__:13s} found {wilson(len(linked & set(rows)), len(rows))}")
    print(f"  false links {false} of {len(files) * (len(files) - 1) // 2} pairs", flush=True)


def resize_grey(path: Path) -> Image.Image:
    """At most 1024 pixels wide, grey."""
    side = min(1024, min(read_image(path).pixels.shape[1:]))
    return Image.fromarray(np.round(resize(read_image(path), side, 1)[0] * 255).astype(np.uint8))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
