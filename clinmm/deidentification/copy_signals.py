"""Signal files as bare samples: what a header or a comment said of the patient stays behind."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from clinmm.cohort.cohort import Cohort
from clinmm.deidentification.clean_table import Cells
from clinmm.errors import InputError
from clinmm.progress import Tell
from clinmm.readers.signal import read_signal


def copy_signals(
    cohort: Cohort,
    name: str,
    folder: Path,
    new_cases: list[str],
    counts: Counter[str],
    problems: list[str],
    tell: Tell,
) -> Cells:
    """Writes the samples of each case, and their rate where the file states it, as .npz.

    Returns:
        The new cells, relative to the copy's table. What cannot be read goes to `problems`. A
        recorded voice stays a voice: it may be known by its sound, which nothing here changes.
    """
    (folder / name).mkdir()
    cells: Cells = []
    files = cohort.signals(name)
    for row, (file, new) in enumerate(zip(files, new_cases, strict=True)):
        tell(f"clean {name}", row, len(files))
        if file is None:
            cells.append(None)
            continue
        target = f"{name}/{new}.npz"
        try:
            signal = read_signal(file.path, file.clock)
        except InputError as error:
            case = cohort.table["case_id"].iloc[row]
            said = [one.replace(str(file.path), "").lstrip(": ") for one in error.problems]
            problems += [f"{name}, case {case}: {one}" for one in said]
            cells.append(None)
            continue
        arrays: dict[str, Any] = {"signal": signal.values.T}
        if signal.rate is not None:
            arrays["rate"] = np.float64(signal.rate)
        with (folder / target).open("wb") as out:
            np.savez_compressed(out, **arrays)
        counts["files copied as samples alone"] += 1
        cells.append(target)
    tell(f"clean {name}", len(files), len(files))
    return cells
