"""What the pages read of a run: its facts, its cohort and its tables, kept until a file changes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import streamlit as st
import yaml

from clinmm.errors import InputError, NotMadeYet
from clinmm.runs import MADE_BY, Run
from clinmm.schema import TABLES

if TYPE_CHECKING:
    from clinmm.review.store import ReviewStore


def run() -> Run:
    """The run named by CLINMM_RUN. Raises InputError when none is named or there is none."""
    folder = os.environ.get("CLINMM_RUN", "")
    if not folder:
        raise InputError("no run was named. Open the reading room with: clinmm review RUN")
    return Run.open(folder)


def facts() -> dict[str, Any]:
    """run.json. A run of kind audit knows no cohort: its classes are those of its predictions."""
    here = run()
    said = here.facts
    if "target" in said:
        return said
    names = [str(name) for name in table("predictions")["class_name"].unique()]
    kind = "binary" if len(names) == 1 else "multilabel"
    target = {"name": names[0] if len(names) == 1 else "class", "kind": kind, "classes": names}
    return {"cohort": {"name": here.folder.name}, "inputs": {}, "target": target, **said}


def table(name: str) -> pd.DataFrame:
    """A table of the run. Raises NotMadeYet, naming the command that makes it."""
    here = run()
    path = here.path(f"{name}.parquet")
    return _read(str(here.folder), name, path.stat().st_mtime_ns)


def table_or_stop(name: str) -> pd.DataFrame:
    """The table; or, where it was not made, the page says how to make it and ends."""
    try:
        return table(name)
    except NotMadeYet as missing:
        stop(missing)


def table_if_made(name: str) -> pd.DataFrame | None:
    """The table, or None."""
    return table(name) if run().has(name) else None


def table_or_say(name: str) -> pd.DataFrame | None:
    """The table; or None, and the section says how to make it."""
    if run().has(name):
        return table(name)
    made_by = MADE_BY.get(name, "calibrate")
    st.info(f"Not made in this run; run: clinmm {made_by} {run().folder}")
    return None


def stop(error: Exception) -> NoReturn:
    """Ends the page with the error's own words."""
    st.info(str(error))
    st.stop()


def cohort() -> dict[str, Any]:
    """cohort.yaml of the run, or what run.json says of inputs and target where it is absent."""
    path = run().folder / "cohort.yaml"
    if path.is_file():
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            return content
    said = facts()
    kinds = said.get("inputs") or {}
    inputs = {name: {"kind": kind, "column": name} for name, kind in kinds.items()}
    return {"inputs": inputs, "target": said.get("target", {})}


def config() -> dict[str, Any]:
    """config.yaml of the run; empty where it has none."""
    path = run().folder / "config.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return content if isinstance(content, dict) else {}


def store() -> "ReviewStore":
    """The readings of this run, in CLINMM_DATABASE or the run folder's own file."""
    # SQLAlchemy is loaded with the first case, not with the first page
    from clinmm.review.store import default_url, run_id

    here = run()
    url = os.environ.get("CLINMM_DATABASE") or default_url(here.folder)
    return _open_store(url, run_id(here.facts))


@st.cache_data(show_spinner=False, max_entries=64)
def _read(folder: str, name: str, changed_ns: int) -> pd.DataFrame:
    frame = Run(Path(folder)).read(name)
    # a run made before a column existed is read as one that left it empty
    for column in TABLES[name].columns:
        if column.may_be_empty and column.name not in frame.columns:
            frame[column.name] = float("nan") if column.kind == "real" else None
    return frame


@st.cache_resource(show_spinner=False, max_entries=4)
def _open_store(url: str, run_name: str) -> "ReviewStore":
    from clinmm.review.store import ReviewStore

    return ReviewStore(url, run_name)
