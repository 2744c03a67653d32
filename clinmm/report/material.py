"""What a report is made of: the run's facts and those of its tables that are there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from clinmm import schema
from clinmm.cohort.manifest import read_spec
from clinmm.cohort.spec import CohortSpec
from clinmm.cohort.split_config import SplitConfig
from clinmm.fairness.told import left_out
from clinmm.rivals import headline_arm
from clinmm.runs import MADE_BY, Run
from clinmm.settings_file import read_settings

MACRO = "macro"
_POOLED: dict[str, str | None] = {"split": "test", "repeat": "all", "fold": "all"}


@dataclass(frozen=True, eq=False)
class Material:
    """facts: run.json. tables: by name, only those that are there and hold rows. cohort, split:
    None where the run has no cohort.yaml or config.yaml."""

    run: Run
    facts: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    cohort: CohortSpec | None
    split: SplitConfig | None

    @classmethod
    def of(cls, run: Run) -> "Material":
        """Reads a run of any kind."""
        found = {name: _complete(name, run.read(name)) for name in schema.TABLES if run.has(name)}
        folder, cohort, split = run.folder, None, None
        if (folder / "cohort.yaml").is_file():
            cohort = read_spec(folder / "cohort.yaml")
        if (folder / "config.yaml").is_file():
            settings = read_settings(folder / "config.yaml")
            split = SplitConfig.model_validate(settings.get("split") or {})
        tables = {name: table for name, table in found.items() if len(table)}
        return cls(run, run.facts, tables, cohort, split)

    @property
    def kind(self) -> str:
        return str(self.facts["kind"])

    @property
    def unit(self) -> str:
        return str(self.facts.get("unit_name", "patient"))

    def absent(self, name: str) -> str:
        """What to say in place of a table that is not there: the command that makes it."""
        if why := left_out(self.facts, name):
            return why
        stage = MADE_BY[name]
        if self.kind == "audit" and stage not in ("evaluate", "audit"):
            return (
                f"No {name} table: this run was made from a predictions file alone. "
                "A study has one: clinmm run CONFIG.yaml"
            )
        if self.kind == "prediction" and stage in ("check", "train", "calibrate"):
            return (
                f"No {name} table: these cases were predicted by a study made before. "
                "See the report of that study."
            )
        if (self.run.folder / f"{name}.parquet").is_file():
            return f"The {name} table holds no rows."
        return f"No {name} table yet. Make it with: clinmm {stage} {self.run.folder.name}"

    # --- rows ----------------------------------------------------------------------------
    def metrics(self, **where: str | None) -> pd.DataFrame:
        """Test rows pooled over repeats and folds; what is not named is calibrated, of all."""
        asked: dict[str, str | None] = {
            "group_by": "all",
            "pattern": "any",
            "probability": "calibrated",
        }
        return matching(self.tables["metrics"], _POOLED | asked | where)

    @cached_property
    def arms(self) -> list[str]:
        """Arms of the metrics, the headline first."""
        names = list(self.tables["metrics"]["arm"].unique()) if self.scored else []
        return sorted(names, key=lambda name: name != headline_arm(names))

    @property
    def arm(self) -> str:
        """The headline arm."""
        return self.arms[0] if self.arms else "fused"

    @property
    def scored(self) -> bool:
        return "metrics" in self.tables

    @property
    def classes(self) -> list[str]:
        """Classes in the cohort's order, or as the tables name them; never `macro`."""
        target = self.facts.get("target")
        if target:
            return [target["name"]] if target["kind"] == "binary" else list(target["classes"])
        table = self.tables.get("metrics", self.tables.get("predictions"))
        names = [] if table is None else list(dict.fromkeys(table["class_name"]))
        return [name for name in names if name != MACRO]

    def in_order(self, names: Iterable[Any]) -> list[str]:
        """The classes among the names: macro, then the cohort's order."""
        there = set(names)
        return [name for name in [MACRO, *self.classes] if name in there]

    @property
    def headline_class(self) -> str:
        """`macro` where there are several classes and it was estimated."""
        there = set(self.tables["metrics"]["class_name"]) if self.scored else set()
        return MACRO if MACRO in there else self.classes[0]


def _complete(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """A table of a run made before a column existed is read as one that left it empty."""
    missing = {
        column.name: float("nan") if column.kind == "real" else None
        for column in schema.TABLES[name].columns
        if column.may_be_empty and column.name not in table.columns
    }
    return table.assign(**missing) if missing else table


def matching(frame: pd.DataFrame, where: Mapping[str, str | int | None]) -> pd.DataFrame:
    """Rows in which every named column equals its value; None matches anything."""
    for column, value in where.items():
        if value is not None:
            frame = frame[frame[column] == value]
    return frame
