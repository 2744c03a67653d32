"""The DICOM readers under atheris, which looks for inputs that reach new lines of them.

    python benchmarks/fuzz_with_atheris.py SECONDS        (pip install atheris)

Begins with the small DICOM files of `fuzz_inputs`. Each input is read as a picture and as a volume;
anything but an InputError, an input over 10 s and one that takes 6 GB ends it, and is kept.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

with atheris.instrument_imports(include=["clinmm.readers", "pydicom"]):  # before others import them
    from fuzz_inputs import pictures, volumes

    from clinmm.errors import InputError
    from clinmm.readers import dicom, dicom_series, read_image, read_volume  # noqa: F401

LONGEST_SEED = 20_000


def main() -> None:
    seconds = int(sys.argv[1])
    folder = Path(tempfile.mkdtemp())
    seeds = [data for files in (*pictures(), *volumes()) for data in files.values()]
    for number, data in enumerate(seeds):
        if data[128:132] == b"DICM" and len(data) < LONGEST_SEED:
            (folder / f"seed{number}").write_bytes(data)
    path = folder.with_name(f"{folder.name}.input")

    def one(data: bytes) -> None:
        path.write_bytes(data)
        for read in (read_image, read_volume):
            with contextlib.suppress(InputError):
                read(path)

    arguments = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=6000"]
    atheris.Setup([sys.argv[0], *arguments, str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
