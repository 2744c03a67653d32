"""Write a copy of a cohort without what identifies a person, and check it.

Reads   a cohort file, its table and files
Writes  a new folder with cohort.yaml, cases.csv, the files and evidence.json; a key file beside it
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.cohort.manifest import load_cohort
from clinmm.deidentification.copy_cohort import write_copy
from clinmm.deidentification.keys import Keys, new_keys, read_keys, write_keys
from clinmm.errors import InputError
from clinmm.intake.checks import deidentification
from clinmm.intake.context import Context
from clinmm.intake.finding import as_table
from clinmm.progress import Tell, silent


def main(
    cohort_file: Path | str,
    out: Path,
    key_file: Path | None = None,
    *,
    look_at_pixels: bool = True,
    tell: Tell = silent,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Writes the copy; it appears whole or not at all.

    Args:
        cohort_file: a cohort file.
        out: a new or empty folder.
        key_file: old and new ids, date shifts and the secret they follow from; OUT.key.json by
            default. An existing key file gives the same ids and dates again.
        look_at_pixels: look for text in the pixels and make it black, if the extra `ocr` is there.
        tell: told how far it is.

    Returns:
        The evidence, and the findings of our own gate on the copy (`schema.INTAKE`).

    Raises:
        InputError: everything that is wrong with the arguments, or with files that cannot be
            cleaned.
    """
    out = Path(out)
    key_file = Path(key_file) if key_file else out.parent / f"{out.name}.key.json"
    keys = _keys(out, key_file)
    cohort = load_cohort(cohort_file)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        evidence = write_copy(cohort, partial, keys, look_at_pixels=look_at_pixels, tell=tell)
        findings = as_table(deidentification.check(load_cohort(partial / "cohort.yaml"), Context()))
        evidence["gate"] = findings["severity"].value_counts().to_dict()
        text = json.dumps(evidence, indent=1) + "\n"
        (partial / "evidence.json").write_text(text, encoding="utf-8")
        partial.chmod(0o755)  # mkdtemp gives 0700
        # The key first: a copy without its key could never be traced back or made again.
        write_keys(keys, key_file)
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return evidence, findings


def _keys(out: Path, key_file: Path) -> Keys:
    problems = []
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        problems.append(f"{out} is there already and not empty. Name a new folder with --out.")
    if key_file.resolve().is_relative_to(out.resolve()):
        problems.append(f"{key_file} lies in the copy. Keep the key file elsewhere: --key FILE.")
    keys = None
    if key_file.is_file():
        try:
            keys = read_keys(key_file)
        except InputError as error:
            problems += error.problems
    elif (
        not key_file.resolve().parent.is_dir() and key_file.resolve().parent != out.resolve().parent
    ):
        problems.append(f"{key_file}: there is no such folder. Make it, or name another file.")
    if problems:
        raise InputError(problems)
    return keys or new_keys()
