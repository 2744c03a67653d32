"""Valid picture and volume files, and what damage makes of them."""

import gzip
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset

Input = dict[str, bytes]
"""Name of each file -> its bytes. Several files are a folder."""

SEED_BYTES = 300_000
"""Seed files above this length are left out, so that many inputs are tried."""

PERSON = "Secret^Name"
"""What no message may repeat."""

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"

_ELEMENTS = (
    *("Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "SamplesPerPixel", "PlanarConfiguration", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "RedPaletteColorLookupTableDescriptor"),
)
_TEXTS = (
    *("PhotometricInterpretation", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("RescaleSlope", "RescaleIntercept", "PixelSpacing", "PixelAspectRatio", "ViewPosition"),
    *("ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "SeriesInstanceUID"),
    *("SpacingBetweenSlices", "ImageType", "Modality"),
)
_NUMBERS = (0, 1, 2, 3, 7, 8, 9, 12, 16, 17, 31, 32, 64, 255, 1000, 8192, 32768, 60000, 65535)
_WORDS = (
    *("", "0", "-1", "1e30", "-1e308", "nan", "inf", "1\\0", "0\\0", "1e-9\\1e9", "abc"),
    *("MONOCHROME1", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "YBR_RCT"),
    *("SIGMOID", "LINEAR_EXACT", "LOCALIZER", "CT", "0\\0\\0", "1e30\\-1e30\\0", "0\\0\\1e-30"),
    *("1\\0\\0\\0\\1\\0", "0\\1\\0\\1\\0\\0", "1\\0\\0\\1\\0\\0", "nan\\0\\0\\0\\1\\0"),
)


def pictures() -> list[Input]:
    """pydicom's test files in every transfer syntax; of each other format a few, drawn here."""
    found = [
        file.read_bytes()
        for file in sorted(TEST_FILES.glob("*.dcm"))
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
        (image.convert(mode) if mode else image).save(held, kind, **options)
        found.append(held.getvalue())
    return [{"input": data} for data in found]


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def volumes() -> list[Input]:
    """Series of three slices in every transfer syntax, enhanced multi-frame, and NIfTI."""
    found = [
        {f"slice{k}": _slice(TEST_FILES / f"MR_small{kind}.dcm", k) for k in range(3)}
        for kind in (
            *("", "_RLE", "_jp2klossless", "_jpeg_ls_lossless", "_bigendian", "_implicit"),
            "_padded",
        )
    ]
    found.append({name: _as_jpeg(data) for name, data in found[0].items()})
    whole = _multi_frame()
    found += [{"input": whole}, {"input": _as_jpeg(whole)}]
    return found + [{"input.nii": data} for data in _nifti()] * 2


def _slice(file: Path, k: int) -> bytes:
    dataset = pydicom.dcmread(file)
    dataset.PatientName = PERSON
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [-10, -10, 2 * k]
    if k == 0:
        dataset.add_new("PixelPaddingValue", "SS", 0)
    return _saved(dataset)


def _multi_frame() -> bytes:
    dataset = pydicom.dcmread(TEST_FILES / "MR_small.dcm")
    dataset.PatientName = PERSON
    dataset.PixelData = dataset.PixelData * 3
    dataset.NumberOfFrames = 3
    plane, measures, shared = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.5], 2
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [plane], [measures]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for k in range(3):
        place, value, frame = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [-10, -10, 2 * k]
        value.RescaleSlope, value.RescaleIntercept = 1 + k, -1024
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [place], [value]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    return _saved(dataset)


def _saved(dataset: Dataset) -> bytes:
    held = io.BytesIO()
    dataset.save_as(held)
    return held.getvalue()


def _as_jpeg(data: bytes) -> bytes:
    """As lossless JPEG, which pydicom cannot write."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_bytes(data)
        converter = Path(sys.executable).with_name("gdcmconv")
        subprocess.run([converter, "--jpeg", file, file], check=True, capture_output=True)
        return file.read_bytes()


def _nifti() -> Iterator[bytes]:
    import nibabel

    rng = np.random.default_rng(0)
    for kind in (np.int16, np.uint8, np.float32, np.float64):
        values = rng.integers(0, 200, (12, 10, 8)).astype(kind)
        yield nibabel.Nifti1Image(values, np.diag([-1.0, 1, 2, 1])).to_bytes()
        yield nibabel.Nifti2Image(values, np.diag([-1.0, 1, 2, 1])).to_bytes()


def damaged(seeds: list[Input], seed: int, index: int) -> Input:
    """Input `index`: one seed, of which one file is changed, or now and then two."""
    rng = np.random.default_rng((seed, index))
    files = dict(seeds[int(rng.integers(len(seeds)))])
    for _ in range(int(rng.integers(1, 3))):
        name = list(files)[int(rng.integers(len(files)))]
        files[name] = _damaged(files[name], rng)
    if "input.nii" in files and rng.random() < 0.5:
        packed = gzip.compress(files.pop("input.nii"), mtime=0)
        files["input.nii.gz"] = _damaged(packed, rng) if rng.random() < 0.1 else packed
    if len(files) > 1 and rng.random() < 0.05:
        files.pop(list(files)[int(rng.integers(len(files)))])
    return files


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """One file, changed in a few places."""
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
            level = _any_level(dataset, rng)
            if rng.random() < 0.1 and keyword in level:
                delattr(level, keyword)
            else:
                setattr(level, keyword, value)
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


def _any_level(dataset: Dataset, rng: np.random.Generator) -> Dataset:
    """The data set, or one of those that lie in its sequences."""
    nested = [element.value for element in dataset if element.VR == "SQ" and element.value]
    if not nested or rng.random() < 0.5:
        return dataset
    items = nested[int(rng.integers(len(nested)))]
    return _any_level(items[int(rng.integers(len(items)))], rng)
