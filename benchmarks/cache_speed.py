"""Cases a second from the pixel cache, beside the first reading and MONAI's PersistentDataset.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/cache_speed.py [--cases 300] [--rounds 7]

Every case is an uncompressed 1024 x 1024 DX of 16 bits, wanted as a 224 x 224 float tensor. In each
round, in turn: `cold` is this project's reader with nothing on disk; `new process` finds the cache
full but has to hash every source file; `warm` is each pass after it; `persistent` is
PersistentDataset with its cache full. One core, operating system's file cache warm.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "readers"))

SIZE = 224


def write_cases(folder: Path, n: int) -> list[Path]:
    from dicom_files import write_dicom

    rng = np.random.default_rng(0)
    base = rng.integers(0, 4096, (1024, 1024), dtype=np.uint16)
    return [write_dicom(folder / f"{i:04d}.dcm", np.roll(base, i, axis=0)) for i in range(n)]


def ways(paths: list[Path], folder: Path) -> dict[str, Callable[[], None]]:
    from monai.data import PersistentDataset
    from monai.transforms import (
        Compose,
        EnsureChannelFirstd,
        LoadImaged,
        Resized,
        ScaleIntensityRangePercentilesd,
    )

    from clinmm.encoders.parts.pictures import pixels_of
    from clinmm.readers import cache

    chain = Compose(
        [
            LoadImaged("image", reader="PydicomReader", image_only=True),
            EnsureChannelFirstd("image"),
            ScaleIntensityRangePercentilesd("image", 0.5, 99.5, 0, 1, clip=True),
            Resized("image", (SIZE, SIZE), anti_aliasing=True),
        ]
    )
    items = [{"image": str(path)} for path in paths]
    persistent = PersistentDataset(items, chain, cache_dir=folder / "monai")
    for i in range(len(items)):  # fill it
        persistent[i]

    def cold() -> None:
        pixels_of(paths, SIZE, 1, keep=False)

    def new_process() -> None:
        cache._known.clear()
        pixels_of(paths, SIZE, 1)

    def warm() -> None:
        pixels_of(paths, SIZE, 1)

    def monai() -> None:
        for i in range(len(items)):
            persistent[i]

    return {"cold": cold, "new process": new_process, "warm": warm, "persistent": monai}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CLINMM_CACHE"] = str(folder / "cache")
        (folder / "cases").mkdir()
        paths = write_cases(folder / "cases", options.cases)
        every = ways(paths, folder)
        every["warm"]()  # fill ours
        time.sleep(2.1)  # files younger than two seconds are hashed every time
        every["warm"]()
        rates: dict[str, list[float]] = {name: [] for name in every}
        for _ in range(options.rounds):
            for name, way in every.items():
                start = time.perf_counter()
                way()
                rates[name].append(options.cases / (time.perf_counter() - start))
    print(
        f"{options.cases} cases, {options.rounds} rounds: cases a second, median (lowest-highest)"
    )
    for name, got in rates.items():
        print(f"{name:12} {np.median(got):8.0f} ({min(got):.0f}-{max(got):.0f})")
    ratio = np.array(rates["warm"]) / np.array(rates["persistent"])
    print(f"warm / persistent {np.median(ratio):.1f} ({ratio.min():.1f}-{ratio.max():.1f})")


if __name__ == "__main__":
    main()
