"""What `explain` reads of an earlier call, and how it puts its own beside it."""

import shutil
from typing import Any

import pandas as pd

from clinmm import schema
from clinmm.explain.cases import Cases
from clinmm.explain.kept import Kept
from clinmm.runs import Run

SAME = ["case_id", "class_name", "method", "rather_than"]
"""What tells one explanation from another."""

Rows = list[dict[str, Any]]


def stored_verdicts(cases: Cases) -> pd.DataFrame | None:
    """The audit of the study whose models explain the cases; None where there is none, or where
    something that it stands on was done again since."""
    run = cases.models_run
    holds = run.finished("explain") and run.has("explanation_audit")
    return run.read("explanation_audit") if holds else None


def not_audited(cases: Cases, audit: pd.DataFrame | None) -> str:
    """Why there is no verdict on a method, input and class."""
    if audit is None:
        made = cases.models_run.has("explanation_audit")
        since = " since something before it was done again" if made else " yet"
        return f"not audited{since}: clinmm explain {cases.models_run.folder.name}"
    if not len(audit):
        return "not audited: explain.audit.cases is 0"
    return "not audited: not among explain.methods, or in no case of the sample"


def write_all(run: Run, explained: Rows, otherwise: Rows, kept: Kept) -> None:
    """Both tables and the arrays in place of earlier ones."""
    with run.writing_folder("attributions") as folder:
        shutil.copytree(kept.arrays, folder, dirs_exist_ok=True)
    run.write("explanations", as_table(schema.EXPLANATIONS, explained))
    run.write("what_if", as_table(schema.WHAT_IF, otherwise))


def write_beside(run: Run, explained: Rows, otherwise: Rows, kept: Kept) -> None:
    """The same, with what there is of other cases, classes and methods left where it is."""
    for file in kept.arrays.iterdir():
        with run.writing(f"attributions/{file.name}") as temporary:
            shutil.copyfile(file, temporary)
    for table, rows, same in (
        (schema.EXPLANATIONS, explained, SAME),
        (schema.WHAT_IF, otherwise, ["case_id"]),
    ):
        new = table.fill(as_table(table, rows))
        if run.has(table.name):
            old = run.read(table.name).reindex(columns=table.names)
            keys = pd.MultiIndex.from_frame(new[same].fillna(""))
            kept_rows = ~pd.MultiIndex.from_frame(old[same].fillna("")).isin(keys)
            new = pd.concat([old[kept_rows], new], ignore_index=True)
        run.write(table.name, new)


def as_table(table: schema.Table, rows: Rows) -> pd.DataFrame:
    """Rows as the table takes them, none at all as well."""
    return pd.DataFrame(rows) if rows else table.empty()
