"""How fast a large radiograph becomes a 224 x 224 tensor, and how near to the exact one.

    python benchmarks/reading_speed.py [--rounds 7]

One core. The radiograph is drawn here: 2500 x 2048, 16 bits allocated, 12 stored, smooth anatomy
with 12-bit noise; once uncompressed, once as lossless JPEG 2000. Two ratios, each with both ways
timed in turn within every round:

- uncompressed: the usual MONAI chain (LoadImaged, ScaleIntensityRangePercentilesd, Resized with
  anti_aliasing=True) to `read_square`;
- JPEG 2000: the full decode (`resize(read_image(...))`) to `read_square`, which decodes at a
  reduced resolution.

Differences are mean absolute, in percent of the displayed range. References: `exact area` is the
mean over the exact pixel footprints of the fully decoded picture as displayed, in float64; `full`
is `resize(read_image(...))`, the anti-aliased triangle filter.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

from clinmm.readers import read_image
from clinmm.readers.resize import read_square, resize

HEIGHT, WIDTH, SIZE = 2500, 2048, 224
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def radiograph(
    height: int = HEIGHT, width: int = WIDTH, noise: float = 25.0, seed: int = 0
) -> NDArray[np.uint16]:
    """(height, width), 12 bits: lungs, ribs and a heart on a body, with noise in every pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    body = 2600 * np.exp(-((x / 0.9) ** 4) - (y / 1.1) ** 8)
    for side in (-0.42, 0.42):
        lung = np.exp(-(((x - side) / 0.27) ** 4) - ((y + 0.1) / 0.55) ** 4)
        ribs = 1 + 0.18 * np.sin(40 * (y + 0.6 * (x - side) ** 2))
        body -= 1300 * lung * ribs
    body += 700 * np.exp(-(((x - 0.12) / 0.25) ** 2) - ((y - 0.25) / 0.28) ** 2)
    values = body + 400 + rng.normal(0, noise, (height, width))
    clipped: NDArray[np.uint16] = np.clip(np.round(values), 0, 4095).astype(np.uint16)
    return clipped


def write(path: Path, stored: NDArray[np.uint16], syntax: str, **more: Any) -> Path:
    """A DX file of these 12-bit values in this transfer syntax."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = DX
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = stored.tobytes()
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    if syntax != ExplicitVRLittleEndian:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)
    return path


def exact_area(pixels: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """(H, W) -> (size, size): the mean of each output pixel's exact footprint, in float64."""

    def shares(n: int) -> NDArray[np.float64]:
        edges = np.arange(size + 1) * n / size
        lows = np.maximum(edges[:-1, None], np.arange(n)[None])
        highs = np.minimum(edges[1:, None], np.arange(1, n + 1)[None])
        return np.clip(highs - lows, 0, None) * size / n

    height, width = pixels.shape
    return shares(height) @ pixels.astype(np.float64) @ shares(width).T


def monai_chain() -> Callable[[Path], Any]:
    from monai.transforms import (
        Compose,
        EnsureChannelFirstd,
        LoadImaged,
        Resized,
        ScaleIntensityRangePercentilesd,
    )

    keys = ["image"]
    chain = Compose(
        [
            LoadImaged(keys, reader="PydicomReader", swap_ij=False),
            EnsureChannelFirstd(keys, channel_dim="no_channel"),
            ScaleIntensityRangePercentilesd(keys, 0.5, 99.5, 0.0, 1.0, clip=True),
            Resized(keys, (SIZE, SIZE), anti_aliasing=True),
        ]
    )
    return lambda path: chain({"image": str(path)})["image"]


def in_turn(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, NDArray[np.float64]]:
    """Milliseconds of each way, (rounds,); the ways alternate; a first round is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if round_number:
                taken[name].append(1000 * (time.perf_counter() - began))
    return {name: np.array(values) for name, values in taken.items()}


def show(title: str, taken: dict[str, NDArray[np.float64]]) -> None:
    print(f"\n{title}")
    for name, ms in taken.items():
        print(f"  {name:34} median {np.median(ms):7.1f} ms   range {ms.min():.1f} - {ms.max():.1f}")
    slow, fast = taken.values()
    ratios = slow / fast
    print(
        f"  ratio                              median {np.median(ratios):7.1f}      "
        f"range {ratios.min():.1f} - {ratios.max():.1f}"
    )


def differences(path: Path) -> None:
    pixels = read_image(path)
    fast = read_square(path, SIZE, 1)[0].astype(np.float64)
    full = resize(pixels, SIZE, 1)[0]
    area = exact_area(pixels.pixels[0], SIZE)
    print(
        f"  mean absolute difference: to full {100 * np.abs(fast - full).mean():.3f} %, "
        f"to exact area {100 * np.abs(fast - area).mean():.3f} % "
        f"(full to exact area {100 * np.abs(full - area).mean():.3f} %)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # MONAI on a file without orientation
    stored = radiograph()
    with tempfile.TemporaryDirectory() as folder:
        plain = write(Path(folder) / "plain.dcm", stored, ExplicitVRLittleEndian)
        packed = write(Path(folder) / "packed.dcm", stored, JPEG2000Lossless)
        print(f"{HEIGHT} x {WIDTH}, 12 bits in 16, to {SIZE} x {SIZE}; one core, {rounds} rounds")
        print(f"pydicom {pydicom.__version__}, torch {torch.__version__}, seed 0")
        chain = monai_chain()
        taken = in_turn(
            {
                "MONAI chain": lambda: chain(plain),
                "read_square": lambda: read_square(plain, SIZE, 1),
            },
            rounds,
        )
        show("uncompressed", taken)
        differences(plain)
        taken = in_turn(
            {
                "full decode, then resize": lambda: resize(read_image(packed), SIZE, 1),
                "read_square": lambda: read_square(packed, SIZE, 1),
            },
            rounds,
        )
        show(f"JPEG 2000 lossless, {packed.stat().st_size / 2**20:.1f} MiB", taken)
        differences(packed)


if __name__ == "__main__":
    main()
