"""Damaged image files by the thousand: only a Picture or an InputError may come out.

    python benchmarks/fuzz_readers.py [--n 20000] [--seconds 600] [--seed 0] [--keep FOLDER]
    python benchmarks/fuzz_readers.py --atheris SECONDS

Small valid files (pydicom's own test files in every transfer syntax, and PNG, JPEG, TIFF, BMP, GIF,
WebP and JPEG 2000 drawn here) are changed: bytes flipped, cut, repeated or put to extremes, files
cut short; of DICOM also the values and VRs of elements that set sizes, types, tables and windows.
Input i of a seed is always the same. A worker process reads them through `read_image` and
`read_square`; the parent counts crashes of the process, inputs over 10 s, exceptions other than
InputError, and the peak memory. Inputs that went wrong are kept with `--keep`.

`--atheris` lets the coverage-guided fuzzer atheris (if installed) drive the DICOM path instead.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset

from clinmm.errors import InputError
from clinmm.readers import read_image
from clinmm.readers.resize import read_square

SLOW = 10.0
"""Seconds after which an input counts as a hang."""

MOST_MEMORY = 6 * 2**30
"""Address space of a worker: more is refused by the system and counts as a wrong exception."""

SEED_BYTES = 300_000
"""Seed files above this length are left out, so that many inputs are tried."""

_ELEMENTS = (
    *("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "SamplesPerPixel", "PlanarConfiguration", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "RedPaletteColorLookupTableDescriptor"),
)
_TEXTS = (
    *("PhotometricInterpretation", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("RescaleSlope", "RescaleIntercept", "PixelSpacing", "PixelAspectRatio", "ViewPosition"),
)
_NUMBERS = (0, 1, 2, 3, 7, 8, 9, 12, 16, 17, 31, 32, 64, 255, 1000, 8192, 32768, 60000, 65535)
_WORDS = (
    *("", "0", "-1", "1e30", "-1e308", "nan", "inf", "1\\0", "0\\0", "1e-9\\1e9", "abc"),
    *("MONOCHROME1", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "YBR_RCT"),
    *("SIGMOID", "LINEAR_EXACT"),
)


def seeds() -> list[bytes]:
    """Valid files to damage."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    found = [
        file.read_bytes()
        for file in sorted(folder.glob("*.dcm"))
        if file.stat().st_size <= SEED_BYTES
    ]
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
    deep = rng.integers(0, 65536, (40, 56)).astype(np.uint16)
    for array, mode, kind, options in (
        (colour, None, "PNG", {}),
        (colour, "P", "PNG", {"transparency": 3}),
        (deep, None, "PNG", {}),
        (colour, None, "JPEG", {"quality": 80}),
        (colour, None, "JPEG", {"progressive": True, "exif": _turned()}),
        (colour, "CMYK", "JPEG", {}),
        (colour, None, "TIFF", {}),
        (colour, None, "TIFF", {"compression": "tiff_lzw"}),
        (colour, None, "TIFF", {"compression": "tiff_adobe_deflate"}),
        (deep.astype(np.float32), None, "TIFF", {}),
        (colour[..., 0], "1", "TIFF", {"compression": "group4"}),
        (deep, None, "TIFF", {}),
        (colour, None, "BMP", {}),
        (colour, "P", "GIF", {}),
        (colour, None, "WEBP", {}),
        (colour, None, "JPEG2000", {}),
        (deep, None, "JPEG2000", {"no_jp2": True}),
    ):
        image = Image.fromarray(array)
        held = io.BytesIO()
        (image.convert(mode) if mode else image).save(held, kind, **options)  # type: ignore[arg-type]
        found.append(held.getvalue())
    return found


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def damaged(files: list[bytes], seed: int, index: int) -> bytes:
    """Input `index`: one file, changed in a few places."""
    rng = np.random.default_rng((seed, index))
    data = files[int(rng.integers(len(files)))]
    if data[128:132] == b"DICM" and rng.random() < 0.5:
        data = _restructured(data, rng)
    if rng.random() < 0.1 and len(data) > 200:  # as when a copy stopped
        data = data[: int(rng.integers(1, len(data)))]
    changed = bytearray(data)
    early = rng.random() < 0.7  # headers decide most
    for _ in range(int(rng.geometric(0.5)) - 1):
        reach = min(len(changed), 3000) if early else len(changed)
        if reach < 8:
            break
        at = int(rng.integers(reach - 4))
        kind = rng.integers(5)
        if kind == 0:
            changed[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            changed[at] = int(rng.integers(256))
        elif kind == 2:
            changed[at : at + 4] = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f")[
                int(rng.integers(3))
            ]
        elif kind == 3:
            del changed[at : at + int(rng.integers(1, 40))]
        else:
            changed[at:at] = changed[at : at + int(rng.integers(1, 200))]
    return bytes(changed)


def _restructured(data: bytes, rng: np.random.Generator) -> bytes:
    """The file written again with other values in a few elements, or itself where it cannot be."""
    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        for _ in range(int(rng.integers(1, 4))):
            if rng.random() < 0.6:
                keyword = _ELEMENTS[int(rng.integers(len(_ELEMENTS)))]
                value: Any = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
                if keyword.endswith("Descriptor"):
                    value = [int(v) for v in rng.choice(_NUMBERS, 3)]
            else:
                keyword = _TEXTS[int(rng.integers(len(_TEXTS)))]
                value = _WORDS[int(rng.integers(len(_WORDS)))]
            if rng.random() < 0.1 and keyword in dataset:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        if rng.random() < 0.2:
            table = Dataset()
            table.LUTDescriptor = [int(v) for v in rng.choice(_NUMBERS, 3)]
            table.LUTData = rng.bytes(2 * int(rng.integers(1, 300)))
            name = ("VOILUTSequence", "ModalityLUTSequence")[int(rng.integers(2))]
            setattr(dataset, name, [table])
        held = io.BytesIO()
        dataset.save_as(held, enforce_file_format=True)
        return held.getvalue()
    except Exception:  # not every change can be written
        return data


def attempt(path: Path) -> str:
    """`read`, `refused`, or the name of an exception that should not have come out."""
    try:
        pixels = read_image(path).pixels
        if pixels.dtype != np.float32 or not (pixels.min() >= 0 and pixels.max() <= 1):
            return "pixels beyond [0, 1]"
        read_square(path, 32, 3)
        return "read"
    except InputError:
        return "refused"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:80]}"


def _work(
    first: int, last: int, seed: int, at: Synchronized, began: Synchronized, results: Any
) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1), os.dup2(quiet, 2)  # the decoders' C code writes to both
    warnings.simplefilter("ignore")
    files = seeds()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        for index in range(first, last):
            path.write_bytes(damaged(files, seed, index))
            began.value, at.value = time.monotonic(), index
            outcome = attempt(path)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            results.put((index, outcome, time.monotonic() - began.value, peak))


def marathon(n: int, seconds: float, seed: int) -> tuple[Counter[str], list[int], float, int]:
    """Counts of outcomes, the inputs that went wrong, the slowest in seconds, peak MiB."""
    context = multiprocessing.get_context("spawn")
    counts: Counter[str] = Counter()
    wrong: list[int] = []
    slowest, peak, next_index = 0.0, 0, 0
    stop = time.monotonic() + seconds
    while next_index < n and time.monotonic() < stop:
        at, began, results = context.Value("q", -1), context.Value("d", 0.0), context.SimpleQueue()
        worker = context.Process(target=_work, args=(next_index, n, seed, at, began, results))
        worker.start()
        hung = False
        while True:
            while not results.empty():
                index, outcome, took, mib = results.get()
                counts[outcome] += 1
                slowest, peak, next_index = max(slowest, took), max(peak, mib), index + 1
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
        if hung or (worker.exitcode not in (0, None) and time.monotonic() <= stop):
            counts["hang" if hung else f"crash ({worker.exitcode})"] += 1
            wrong.append(int(at.value))
            next_index = int(at.value) + 1
    return counts, wrong, slowest, peak


def with_atheris(seconds: int) -> None:
    """Coverage-guided, over pydicom and the DICOM reader; atheris itself reports and exits."""
    import atheris

    with atheris.instrument_imports(include=["clinmm.readers", "pydicom"]):
        from clinmm.readers import read_image as read
    folder = Path(tempfile.mkdtemp())
    for number, data in enumerate(seeds()):
        if data[128:132] == b"DICM" and len(data) < 50_000:
            (folder / f"seed{number}").write_bytes(data)
    path = folder.parent / f"{folder.name}.input"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        with contextlib.suppress(InputError):
            read(path)

    arguments = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=6000", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *arguments, str(folder)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the inputs that went wrong")
    parser.add_argument("--atheris", type=int, metavar="SECONDS")
    chosen = parser.parse_args()
    if chosen.atheris:
        with_atheris(chosen.atheris)
        return
    began = time.monotonic()
    counts, wrong, slowest, peak = marathon(chosen.n, chosen.seconds, chosen.seed)
    print(f"{sum(counts.values())} inputs in {time.monotonic() - began:.0f} s, seed {chosen.seed}")
    for outcome, count in counts.most_common():
        print(f"  {count:7d}  {outcome}")
    print(f"slowest {slowest:.2f} s, peak memory {peak} MiB; wrong: {wrong[:20]}")
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
        for index in wrong:
            (chosen.keep / f"{chosen.seed}_{index}").write_bytes(
                damaged(seeds(), chosen.seed, index)
            )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
