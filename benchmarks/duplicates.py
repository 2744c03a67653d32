"""Copies planted among a cohort's pictures: how many are found, how many other pairs are linked?

    python benchmarks/duplicates.py [N_COPIES]

Pictures of the phantom and, with CLINMM_DATA set, of covid_cxr and ham10000, one a patient, up to
600. For each change N_COPIES pictures (20) are copied with it, under new patients. A copy is found
where it is linked to its original; other links are false unless the cohort has them without any
copy (these are to be looked at). Intervals of 95 %, Wilson's; seconds without reading the files for
their thumbnails. Thresholds were set on covid_cxr, on part of ham10000's sample and on phantoms of
other seeds.
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
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.phantom import make_phantom
from clinmm.config import load_config
from clinmm.intake.duplicates.near import near_duplicates
from clinmm.intake.images_read import THUMBNAIL, grey_square, picture_of
from clinmm.intervals.limits import normal_quantile, wilson
from clinmm.readers import read_image

Change = Callable[[Image.Image, np.random.Generator], Image.Image]
SEED = 21


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


SIZES = (600, 3000)
"""Numbers of pictures that are timed."""


def collections(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Name, and one picture per patient."""
    make_phantom(folder / "phantom", seed=SEED, n_patients=660)
    yield f"phantom, seed {SEED}", pictures(folder / "phantom" / "cases.csv", set())
    if data := os.environ.get("CLINMM_DATA"):
        yield (
            "covid_cxr, which thresholds were set on",
            pictures(Path(data, "covid_cxr", "cases.csv"), set()),
        )
        config = load_config("ham10000_malignant")
        sample = set(load_cohort(config.cohort).table["case_id"])
        yield (
            "ham10000 but the sample of the shipped config",
            pictures(Path(data, "ham10000", "cases.csv"), sample),
        )


def pictures(table: Path, without: set[str]) -> list[Path]:
    """The first picture of each patient."""
    cases = pd.read_csv(table, dtype=str).dropna(subset="image")
    cases = cases[~cases["case_id"].isin(without)].drop_duplicates("patient_id")
    paths = [table.parent / cell for cell in cases["image"]]
    return [path for path in paths if path.is_file()]


def main(n_copies: int = 20) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, paths in collections(Path(folder)):
            print(name)
            everything = thumbnails_of(paths)
            times(everything, paths)
            measure(everything[: SIZES[0]], paths[: SIZES[0]], n_copies, Path(folder))


def thumbnails_of(paths: list[Path]) -> NDArray[np.uint8]:
    return np.stack(
        [grey_square(picture_of(path, 2, at_least=2 * THUMBNAIL), THUMBNAIL) for path in paths]
    )


def times(thumbnails: NDArray[np.uint8], paths: list[Path]) -> None:
    near_duplicates(thumbnails[:60], paths[:60], 2, np.arange(60))  # imports
    for n in sorted({min(size, len(paths)) for size in SIZES}):
        start = time.process_time()
        near_duplicates(thumbnails[:n], paths[:n], 2, np.arange(n))
        print(f"  {n} pictures: {time.process_time() - start:.1f} s of CPU", flush=True)


def measure(thumbnails: NDArray[np.uint8], paths: list[Path], n_copies: int, folder: Path) -> None:
    n = len(paths)
    rng = np.random.default_rng(0)
    copied: list[tuple[int, str]] = []
    copies: list[Path] = []
    for change in CHANGES:
        for row in rng.choice(n, min(n_copies, n), replace=False):
            file = folder / f"copy{len(copies)}.png"
            change(grey(paths[row]), rng).convert("L").save(file)
            copies.append(file)
            copied.append((int(row), change.__name__))
    before = near_duplicates(thumbnails, paths, 2, np.arange(n))
    own = set(zip(before.first.tolist(), before.second.tolist(), strict=True))
    files = paths + copies
    everything = np.concatenate([thumbnails, thumbnails_of(copies)])
    found = near_duplicates(everything, files, 2, np.arange(len(files)))
    source = [*range(n), *(row for row, _ in copied)]
    linked, false = set(), 0
    for one, other in zip(found.first.tolist(), found.second.tolist(), strict=True):
        if source[one] == source[other]:
            linked |= {one, other}
        elif not {(source[one], source[other]), (source[other], source[one])} & own:
            false += 1
    for change in CHANGES:
        rows = [n + k for k, (_, made) in enumerate(copied) if made == change.__name__]
        hits = len(linked & set(rows))
        low, high = wilson(hits / len(rows), len(rows), normal_quantile())
        print(f"  {change.__name__:13s} {hits} of {len(rows)}: {low:.2f} to {high:.2f}")
    n_pairs = len(files) * (len(files) - 1) // 2
    most = wilson(false / n_pairs, n_pairs, normal_quantile())[1] * 1e6
    print(f"  false links   {false} of {n_pairs} pairs: at most {most:.0f} in a million")
    print(f"  without any copy {len(own)} links, to be looked at", flush=True)


def grey(path: Path) -> Image.Image:
    """At most 1024 pixels wide, grey."""
    picture = read_image(path)
    return Image.fromarray(grey_square(picture, min(1024, *picture.pixels.shape[1:])))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
