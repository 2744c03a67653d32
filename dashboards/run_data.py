"""What the pages read of a run: its facts, its cohort and its tables, kept until a file changes.

Every session is given the same frame, not a copy: no page writes into what it gets from here.
"""

import os
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import streamlit as st
import yaml

from clinmm.errors import InputError, NotMadeYet
from clinmm.runs import MADE_BY, Run
from clinmm.schema import TABLES
from dashboards.language import t

if TYPE_CHECKING:
    from clinmm.review.room import ReadingRoom
    from dashboards.by_case import ByCase

LARGE = 10_000_000
"""Bytes of a file that takes long to read."""


def run() -> Run:
    """The run named by CLINMM_RUN. Raises InputError when none is named or there is none."""
    folder = os.environ.get("CLINMM_RUN", "")
    if not folder:
        raise InputError(t("no run was named. Open the reading room with: clinmm review RUN"))
    return Run.open(folder)


def facts() -> dict[str, Any]:
    """run.json. A run of kind audit knows no cohort: its classes are those of its predictions."""
    here = run()
    said = here.facts
    if "target" in said:
        return said
    names = _class_names(_file("predictions"))
    kind = "binary" if len(names) == 1 else "multilabel"
    target = {"name": names[0] if len(names) == 1 else "class", "kind": kind, "classes": names}
    return {"cohort": {"name": here.folder.name}, "inputs": {}, "target": target, **said}


def table(name: str) -> pd.DataFrame:
    """A table of the run, one frame for everybody: do not write into it.

    Raises NotMadeYet, naming the command that makes it.
    """
    return _read(*_file(name))


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
    command = f"clinmm {made_by} {run().folder}"
    st.info(t("Not made in this run; run: {command}", command=command))
    return None


def stop(error: Exception) -> NoReturn:
    """Ends the page with the error's own words."""
    st.info(str(error))
    st.stop()


def cohort() -> dict[str, Any]:
    """cohort.yaml of the run, or what run.json says of inputs and target where it is absent."""
    content = _yaml("cohort.yaml")
    if content:
        return content
    said = facts()
    kinds = said.get("inputs") or {}
    inputs = {name: {"kind": kind, "column": name} for name, kind in kinds.items()}
    return {"inputs": inputs, "target": said.get("target", {})}


def config() -> dict[str, Any]:
    """config.yaml of the run; empty where it has none."""
    return _yaml("config.yaml")


# --- cases -----------------------------------------------------------------------------------
def case_ids() -> "pd.Index[str]":
    """Every case of the run, in the order of cases.parquet."""
    return _case_ids(*_file("cases"))


def case_row(case_id: str) -> "pd.Series[Any]":
    """The case's row of cases.parquet. Raises InputError where the run has no such case."""
    return table("cases").iloc[case_number(case_id)]


def case_number(case_id: str) -> int:
    """The case's row in cases.parquet, from 0: what addresses carry in place of its id.

    Raises InputError where the run has no such case.
    """
    try:
        return int(case_ids().get_loc(case_id))  # type: ignore[arg-type]
    except KeyError:
        raise InputError(t("the run has no such case")) from None


def case_at(number: object) -> str | None:
    """The case of a number as an address gives it; None for anything else."""
    said = str(number)
    if not (said.isascii() and said.isdigit()) or int(said) >= len(case_ids()):
        return None
    return str(case_ids()[int(said)])


def patients_come_again() -> bool:
    """Whether any patient of the run has more than one case."""
    return _come_again(*_file("cases"))


def rows_of(name: str, case_id: str) -> pd.DataFrame:
    """The rows of a table that are about one case, found without reading the others."""
    return _filled(name, _by_case(*_file(name)).rows(case_id))


def test_case_ids() -> list[str]:
    """The cases to read: held-out ones, all where the run has no test part; explained ones first,
    else in the order of the run."""
    explained = _file("explanations") if run().has("explanations") else None
    return _test_case_ids(_file("cases"), _file("predictions"), explained)


def worklist_frame() -> pd.DataFrame:
    """What a reader may know of every case before reading it, one row each, as in cases.parquet:
    case_id, number, inputs (`image, note`), and its group for each sensitive attribute."""
    return _worklist_frame(*_file("cases"))


def spread() -> dict[str, tuple[float, float]]:
    """`case_data.cohort_spread` of every column of a record."""
    return _spread(_file("cases"))


def warm() -> None:
    """Begins to read a large table of predictions, so that the first case need not wait for it.

    Asked for by the pages that lead to a case, not when the server starts: the overview shows
    nothing of it and would be drawn more slowly beside it.
    """
    if run().has("predictions"):
        _warm(_file("predictions"))


def reading_list() -> pd.DataFrame:
    """`worklist_frame` of the cases to read, in the order of `test_case_ids`, as it is before
    anybody has read one: reading 1, status new. Index case_id."""
    explained = _file("explanations") if run().has("explanations") else None
    return _reading_list(_file("cases"), _file("predictions"), explained)


# --- the reading room ------------------------------------------------------------------------
def room() -> "ReadingRoom":
    """The reading studies of this run, in CLINMM_DATABASE or the run folder's own file."""
    # SQLAlchemy is loaded with the first page that needs it
    from clinmm.review.database import default_url
    from clinmm.review.room import run_id

    here = run()
    return _room(os.environ.get("CLINMM_DATABASE") or default_url(here.folder), run_id(here.facts))


class CachedOutput:
    """The model's output for desks, from the tables that all pages share."""

    def risks(self, case_id: str) -> pd.DataFrame:
        """Rows of predictions.parquet of the case."""
        return self._rows("predictions", case_id)

    def explanations(self, case_id: str) -> pd.DataFrame:
        """Rows of explanations.parquet of the case; none where none was made."""
        return self._rows("explanations", case_id)

    def _rows(self, name: str, case_id: str) -> pd.DataFrame:
        return rows_of(name, case_id) if run().has(name) else pd.DataFrame({"case_id": []})


def output() -> CachedOutput:
    """What a desk asks for the model's output of a case."""
    return CachedOutput()


# --- kept until a file changes ---------------------------------------------------------------
_File = tuple[str, str, int]
"""What a table is kept by: folder, name and time of its last change."""


def _file(name: str) -> _File:
    """Raises NotMadeYet where the table was not made."""
    here = run()
    return str(here.folder), name, here.path(f"{name}.parquet").stat().st_mtime_ns


def _yaml(name: str) -> dict[str, Any]:
    path = run().folder / name
    return _read_yaml(str(path), path.stat().st_mtime_ns) if path.is_file() else {}


@st.cache_resource(show_spinner=False, max_entries=8)
def _read_yaml(path: str, changed_ns: int) -> dict[str, Any]:
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


@st.cache_resource(show_spinner=False, max_entries=64)
def _read(folder: str, name: str, changed_ns: int) -> pd.DataFrame:
    return _filled(name, Run(Path(folder)).read(name))


def _filled(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A run made before a column existed is read as one that left it empty."""
    for known in TABLES[name].columns:
        if known.may_be_empty and known.name not in frame.columns:
            frame[known.name] = float("nan") if known.kind == "real" else None
    return frame


@st.cache_resource(show_spinner=False, max_entries=16)
def _by_case(folder: str, name: str, changed_ns: int) -> "ByCase":
    from dashboards.by_case import ByCase

    return ByCase(Path(folder) / f"{name}.parquet")


@st.cache_resource(show_spinner=False, max_entries=4)
def _case_ids(folder: str, name: str, changed_ns: int) -> "pd.Index[str]":
    # of Python's own texts: looking one up is twenty times faster than in an Arrow array
    ids: pd.Index[str] = pd.Index(_read(folder, name, changed_ns)["case_id"].astype(object))
    return ids


@st.cache_resource(show_spinner=False, max_entries=4)
def _come_again(folder: str, name: str, changed_ns: int) -> bool:
    return bool(_read(folder, name, changed_ns)["patient_id"].duplicated().any())


@st.cache_resource(show_spinner=False, max_entries=4)
def _test_case_ids(cases: _File, predictions: _File, explanations: _File | None) -> list[str]:
    ids = _case_ids(*cases)
    foretold = _texts(predictions, ["case_id", "split"])
    held_out = foretold["case_id"][foretold["split"] == "test"]
    there = (held_out if len(held_out) else foretold["case_id"]).unique()
    kept = ids[ids.isin(there)]
    if explanations is None:
        return kept.tolist()
    first = kept.isin(_texts(explanations, ["case_id"])["case_id"].unique())
    return [*kept[first], *kept[~first]]


@st.cache_resource(show_spinner=False, max_entries=4)
def _class_names(predictions: _File) -> list[str]:
    return [str(name) for name in _texts(predictions, ["class_name"])["class_name"].unique()]


def _texts(file: _File, columns: list[str]) -> pd.DataFrame:
    """Columns of text as categories, without reading the others."""
    path = Path(file[0]) / f"{file[1]}.parquet"
    return pd.read_parquet(path, columns=columns, read_dictionary=columns)


@st.cache_resource(show_spinner=False, max_entries=4)
def _worklist_frame(folder: str, name: str, changed_ns: int) -> pd.DataFrame:
    from clinmm.study import groups_of

    cases = _read(folder, name, changed_ns)
    inputs = cases["pattern"] if "pattern" in cases.columns else pd.Series("", cases.index)
    said = inputs.fillna("").replace("none", "").str.replace("+", ", ", regex=False)
    known = pd.DataFrame(
        {
            "case_id": cases["case_id"].astype(object),
            "number": pd.Series(range(len(cases)), cases.index),
            "inputs": said,
        }
    )
    return known.join(groups_of(Run(Path(folder))).set_axis(cases.index))


@st.cache_resource(show_spinner=False, max_entries=4)
def _reading_list(cases: _File, predictions: _File, explanations: _File | None) -> pd.DataFrame:
    known = _worklist_frame(*cases).set_index("case_id", drop=False)
    listed = known.loc[_test_case_ids(cases, predictions, explanations)]
    later = pd.Series(pd.NaT, listed.index)
    return listed.assign(reading=1, why="", status="new", available_from=later)


@st.cache_resource(show_spinner=False, max_entries=4)
def _warm(predictions: _File) -> Thread | None:
    if (Path(predictions[0]) / "predictions.parquet").stat().st_size < LARGE:
        return None
    reading = Thread(target=_by_case, args=predictions, daemon=True)
    reading.start()
    return reading


@st.cache_resource(show_spinner=False, max_entries=4)
def _spread(cases: _File) -> dict[str, tuple[float, float]]:
    from clinmm.cohort.column_patterns import record_columns
    from clinmm.cohort.inputs import RecordInput
    from dashboards.case_data import cohort_spread

    frame = _read(*cases)
    one_case = {str(name): None for name in frame.columns}
    sources = [one for one in cohort()["inputs"].values() if one.get("kind") == "record"]
    columns = [
        str(name)
        for source in sources
        for name in record_columns(RecordInput.model_validate(source), one_case)
    ]
    return cohort_spread(frame, dict.fromkeys(columns))


@st.cache_resource(show_spinner=False, max_entries=4)
def _room(url: str, run_name: str) -> "ReadingRoom":
    from clinmm.review.room import ReadingRoom

    return ReadingRoom(url, run_name)
