"""Display copies of a cohort's images and signals, for a run that is readable without the data."""

import re
from pathlib import Path

import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import SignalInput
from clinmm.errors import InputError
from clinmm.progress import Tell, silent
from clinmm.readers import curve
from clinmm.readers.resize import display_copy
from clinmm.runs import Run


def cases_with_copies(run: Run, cohort: Cohort, copy: bool, tell: Tell = silent) -> pd.DataFrame:
    """The run's case table, after the copies were put into `images/`.

    copy: whether to copy; without, the column `{input}_display` is empty.
    """
    cases = cohort.for_run()
    with run.writing_folder("images") as folder:
        for name in cohort.spec.file_inputs:
            nothing = [""] * cohort.n_cases
            cases[f"{name}_display"] = write_copies(cohort, name, folder, tell) if copy else nothing
    return cases


def write_copies(cohort: Cohort, name: str, folder: Path, tell: Tell = silent) -> list[str]:
    """Writes a PNG per case that has the image input, of a volume its slices in one PNG; of a
    signal the curve to draw (`clinmm.readers.curve`).

    Args:
        cohort: the cases.
        name: of an image or signal input.
        folder: where the copies go.
        tell: told how far it is, in cases.

    Returns:
        Per case `images/FILE`, as the run's case table names it; "" where there is no readable
        file (the check `files` says so).
    """
    shown: list[str] = []
    ids, digests = cohort.table["case_id"], cohort.file_sha256(name)
    source = cohort.spec.inputs[name]
    ending = "npz" if isinstance(source, SignalInput) else "png"
    for number, path in enumerate(cohort.file_paths(name)):
        file = f"{_file_name(str(ids[number]), digests[number])}_{name}.{ending}"
        try:
            if path is None:
                pass
            elif isinstance(source, SignalInput):
                curve.save(path, source, folder / file)
            else:
                _copy(path, folder / file, cohort.dimensions(name))
        except InputError:
            path = None
        shown.append(f"images/{file}" if path is not None else "")
        tell(f"copy {name}", number + 1, cohort.n_cases)
    return shown


def _copy(path: Path, out_png: Path, dimensions: int) -> None:
    if dimensions == 2:
        display_copy(path, out_png)
        return
    from clinmm.readers import read_volume, stack

    stack.save(read_volume(path), out_png)


def _file_name(case_id: str, digest: str | None) -> str:
    """The case's id where a file may be called so, else the start of its file's hash."""
    if re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", case_id, re.ASCII):
        return case_id
    return (digest or "absent")[:16]
