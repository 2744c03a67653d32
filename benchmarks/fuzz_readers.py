"""Damaged image files by the thousand: only a Picture, a Volume or an InputError may come out.

    python benchmarks/fuzz_readers.py [--kind picture|volume] [--n 20000] [--seconds 600] [--seed 0]
                                      [--keep FOLDER]

Small valid files (`fuzz_inputs`: pictures of every format and DICOM in every transfer syntax;
series, enhanced multi-frame and NIfTI) are changed: bytes flipped, cut, repeated or put to
extremes, files cut short; of DICOM also the values and VRs of elements that set sizes, types,
tables, windows and places. Input i of a seed is always the same. A worker process reads them
through `read_image` and `read_square`, or `read_volume` and what is made of it; the parent counts
crashes of the process, inputs over 10 s, exceptions other than InputError, messages that name the
person, and the peak memory. Inputs that went wrong are kept with `--keep`.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_inputs import PERSON, Input, damaged, pictures, volumes

from clinmm.errors import InputError
from clinmm.readers import read_image, read_volume
from clinmm.readers.resize import read_square
from clinmm.readers.volume import cube, middle_picture

SLOW = 10.0
"""Seconds after which an input counts as a hang."""

MOST_MEMORY = 6 * 2**30
"""Address space of a worker: more is refused by the system and counts as a wrong exception."""

SEEDS = {"picture": pictures, "volume": volumes}


def attempt(path: Path, kind: str) -> str:
    """`read`, `refused`, or what should not have come out."""
    try:
        return _picture(path) if kind == "picture" else _volume(path)
    except InputError as error:
        return "names the person" if PERSON.split("^")[0] in str(error) else "refused"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:80]}"


def _picture(path: Path) -> str:
    pixels = read_image(path).pixels
    if pixels.dtype != np.float32 or not (pixels.min() >= 0 and pixels.max() <= 1):
        return "pixels beyond [0, 1]"
    read_square(path, 32, 3)
    return "read"


def _volume(path: Path) -> str:
    volume = read_volume(path)
    if volume.voxels.dtype != np.float32 or not np.isfinite(volume.voxels).all():
        return "voxels that are no number"
    if not all(0 < mm < np.inf for mm in volume.spacing_mm):
        return "spacing that is none"
    for shown in (middle_picture(volume).pixels, cube(volume, 8)):
        if not (shown.min() >= 0 and shown.max() <= 1):
            return "pixels beyond [0, 1]"
    return "names the person" if PERSON.split("^")[0] in str(volume.facts) else "read"


def write(files: Input, folder: Path) -> Path:
    """The path to read: the file, or the folder of several."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder if len(files) > 1 else folder / next(iter(files))


def _work(kind: str, first: int, n: int, seed: int, at: Any, began: Any, results: Any) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1), os.dup2(quiet, 2)  # the decoders' C code writes to both
    warnings.simplefilter("ignore")
    seeds = SEEDS[kind]()
    for index in range(first, n):
        with tempfile.TemporaryDirectory() as folder:
            path = write(damaged(seeds, seed, index), Path(folder) / "input")
            began.value, at.value = time.monotonic(), index
            outcome = attempt(path, kind)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            results.put((index, outcome, time.monotonic() - began.value, peak))


def marathon(
    kind: str, n: int, seconds: float, seed: int
) -> tuple[Counter[str], list[int], tuple[float, int], int]:
    """Counts of outcomes, inputs that went wrong, the slowest (seconds, number), peak MiB."""
    context = multiprocessing.get_context("spawn")
    counts: Counter[str] = Counter()
    wrong: list[int] = []
    slowest, peak, next_index = (0.0, 0), 0, 0
    stop = time.monotonic() + seconds
    while next_index < n and time.monotonic() < stop:
        at, began, results = context.Value("q", -1), context.Value("d", 0.0), context.SimpleQueue()
        worker = context.Process(target=_work, args=(kind, next_index, n, seed, at, began, results))
        worker.start()
        hung = False
        while True:
            while not results.empty():
                index, outcome, took, mib = results.get()
                counts[outcome] += 1
                slowest, peak, next_index = max(slowest, (took, index)), max(peak, mib), index + 1
                if outcome not in ("read", "refused"):
                    wrong.append(index)
            if not worker.is_alive() and results.empty():
                break
            if at.value >= next_index and time.monotonic() - began.value > SLOW:
                hung = True
            if hung or time.monotonic() > stop:
                worker.kill()
                worker.join()
                break
            time.sleep(0.02)
        if at.value < 0 and worker.exitcode not in (0, None) and time.monotonic() <= stop:
            raise RuntimeError("the worker ended before its first input")
        if hung or (worker.exitcode not in (0, None) and time.monotonic() <= stop):
            counts["hang" if hung else f"crash ({worker.exitcode})"] += 1
            wrong.append(int(at.value))
            next_index = int(at.value) + 1
    return counts, wrong, slowest, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=list(SEEDS), default="picture")
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the inputs that went wrong")
    chosen = parser.parse_args()
    began = time.monotonic()
    counts, wrong, slowest, peak = marathon(chosen.kind, chosen.n, chosen.seconds, chosen.seed)
    took = time.monotonic() - began
    print(f"{sum(counts.values())} {chosen.kind}s in {took:.0f} s, seed {chosen.seed}")
    for outcome, count in counts.most_common():
        print(f"  {count:7d}  {outcome}")
    print(f"slowest {slowest[0]:.2f} s ({slowest[1]}), peak memory {peak} MiB; wrong: {wrong[:20]}")
    if chosen.keep:
        for index in wrong:
            files = damaged(SEEDS[chosen.kind](), chosen.seed, index)
            write(files, chosen.keep / f"{chosen.kind}_{chosen.seed}_{index}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
