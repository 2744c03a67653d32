"""A study: a run folder together with its config and its cohort."""

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from clinmm.cohort.cohort import NOT_RECORDED, Cohort
from clinmm.cohort.column_patterns import expanded
from clinmm.cohort.manifest import load_cohort, read_spec, resolved_settings
from clinmm.cohort.split_size import count_folds
from clinmm.cohort.target_spec import AnyTarget, ContinuousTarget
from clinmm.config import StudyConfig, load_config
from clinmm.errors import InputError
from clinmm.intake.images_read import readable
from clinmm.intervals import MIN_PATIENTS
from clinmm.readers import READER_VERSION
from clinmm.rules import FittedRules
from clinmm.runs import Run

PACKAGES = (
    "torch",
    "monai",
    "transformers",
    "captum",
    "scikit-learn",
    "numpy",
    "pandas",
    "pydicom",
)
SITE, SMALL_SITES = "site", "small sites"
"""The attribute that a cohort's site is audited as, and those of its sites with few patients."""


@dataclass(frozen=True, eq=False)
class Study:
    """run: where everything is written; config and cohort: as resolved in it."""

    run: Run
    config: StudyConfig
    cohort: Cohort

    def model_places(self) -> list[tuple[int, int]]:
        """Every (repeat, fold) that has models of its own; (0, 0) where there are no folds."""
        repeats, folds = self.run.facts["n_repeats"], self.run.facts["n_folds"]
        return [(r, f) for r in range(max(1, repeats)) for f in range(max(1, folds))]


def start_study(config: StudyConfig, cohort: Cohort, folder: Path) -> Study:
    """A new run folder, or the one that the same study left unfinished.

    Raises:
        InputError: the folder holds another study, or the data have changed since.
    """
    digest = hashlib.sha256(config.model_copy(update={"cohort": ""}).as_yaml().encode()).hexdigest()
    run = Run.create(folder, "study", _facts(config, cohort, digest))
    made = run.facts
    problems = []
    if made.get("config_hash") != digest:
        problems.append(f"{folder} holds a study with another config.")
    if made.get("cohort", {}).get("fingerprint") != cohort.fingerprint:
        problems.append(f"{folder} holds a study of other data: the cohort's fingerprint differs.")
    if problems:
        raise InputError([*problems, "Name a new folder with --out, or remove this one."])
    if not (run.folder / "config.yaml").is_file():
        run.write_text("cohort.yaml", cohort_yaml(cohort))
        run.write_text("config.yaml", config.model_copy(update={"cohort": "cohort.yaml"}).as_yaml())
    return Study(run, config, cohort)


def open_study(folder: Path, *, whole: bool = False) -> Study:
    """The study of an existing run folder.

    whole: with the image files that an earlier check could not read, for the check itself.

    Raises:
        InputError: no study is there, or its data have changed since it was made.
    """
    run = Run.open(folder)
    if run.facts["kind"] != "study":
        raise InputError(f"{folder} is a run of kind {run.facts['kind']}, wanted a study.")
    config = load_config(run.path("config.yaml"))
    cohort = load_cohort(Path(config.cohort))
    if cohort.fingerprint != run.facts["cohort"]["fingerprint"]:
        raise InputError(
            f"{folder}: the table or the files of its cohort have changed since the study was "
            "made. Put them back, or make a new study with: clinmm run CONFIG.yaml --out NEW"
        )
    return Study(run, config, cohort if whole else without_unreadable(run, cohort))


def without_unreadable(run: Run, cohort: Cohort) -> Cohort:
    """The cohort without the image files that the check could not read; where it was not stopped by
    them the config accepts that they count as absent."""
    return readable(cohort, run.read("images")) if run.has("images") else cohort


def open_explainable(folder: Path) -> tuple[Study, Run, list[tuple[int, int]]]:
    """What explains a run's predictions: (its cohort and config, the run that holds the models,
    the (repeat, fold) whose models explain every case; none if each fold predicted its own cases).

    New cases are predicted by every fold of every repeat and explained by those of repeat 0.

    Raises:
        InputError: the run has no models, or what they were made of has changed or moved.
    """
    run = Run.open(folder)
    kind = run.facts["kind"]
    if kind == "study":
        study = open_study(folder)
        return study, run, []
    if kind != "prediction":
        raise InputError(f"{folder} is a run of kind {kind}: it has no model to explain.")
    models = Run.open(run.facts["study"]["folder"])
    if models.facts["config_hash"] != run.facts["study"]["config_hash"]:
        raise InputError(f"{models.folder} no longer holds the study that made {folder}.")
    cohort = load_cohort(run.path("cohort.yaml"), for_prediction=True)
    if cohort.fingerprint != run.facts["cohort"]["fingerprint"]:
        raise InputError(f"{folder}: the table or the files of its cohort have changed since.")
    config = load_config(run.path("config.yaml"))
    folds = range(max(1, models.facts["n_folds"]))
    study = Study(run, config, without_unreadable(run, cohort))
    return study, models, [(0, fold) for fold in folds]


def stored_rules(run: Run) -> FittedRules | None:
    """Sets and deferral as they were fitted; None where a run has none, such as one of values."""
    names = ("thresholds", "prediction_sets", "deferral")
    return FittedRules(*map(run.read, names)) if all(map(run.has, names)) else None


def groups_of(run: Run) -> pd.DataFrame:
    """Who is looked at apart: index case_id, one text column per sensitive attribute.

    The cohort's `sensitive` columns; of a run without a cohort, the columns it was grouped by.
    """
    if not (run.folder / "cohort.yaml").is_file():
        return run.read("cases").drop(columns="patient_id").set_index("case_id")
    return stored_cohort(run).groups()


def audited_groups(run: Run) -> pd.DataFrame:
    """Whom the bias audit looks at apart: `groups_of`, and the site where the cohort names one.

    Sites of fewer than 10 patients, of whom nothing could be said, are one group, `small sites`.
    """
    groups = groups_of(run)
    if not (run.folder / "cohort.yaml").is_file():
        return groups
    cohort = stored_cohort(run)
    column = cohort.spec.site
    sensitive = {name: one.column for name, one in cohort.spec.sensitive.items()}
    if column is None or SITE in sensitive or column in sensitive.values():
        return groups
    sites = cohort.table.set_index("case_id")[column]
    patients = cohort.table.groupby(column)["patient_id"].nunique()
    small = sites.isin(patients.index[patients < MIN_PATIENTS])
    named = sites.astype(object).mask(small, SMALL_SITES).where(sites.notna(), NOT_RECORDED)
    return groups.assign(**{SITE: named.reindex(groups.index)})


def stored_cohort(run: Run) -> Cohort:
    """The cohort as the run keeps it: its tables are whole, its image files are not there."""
    cases = run.read("cases")
    spec = expanded(read_spec(run.path("cohort.yaml")), map(str, cases.columns), "cohort.yaml")
    return Cohort(spec, run.folder, cases, {})


def cohort_facts(cohort: Cohort) -> dict[str, Any]:
    """What run.json says of a cohort."""
    spec = cohort.spec
    return {
        "cohort": {"name": spec.name, "fingerprint": cohort.fingerprint, "dropped": cohort.dropped},
        "n_cases": cohort.n_cases,
        "n_patients": cohort.n_patients,
        "unit_name": spec.unit_name,
        "predicted_when": _predicted_when(cohort),
        "target": {
            "name": spec.target.name,
            "kind": spec.target.kind,
            "classes": spec.target.class_names,
            "ordered": getattr(spec.target, "ordered", False),
            **_value_facts(spec.target),
        },
        "inputs": {name: source.kind for name, source in spec.inputs.items()},
    }


def _value_facts(target: AnyTarget) -> dict[str, Any]:
    """What a value is measured in, and the range it can have."""
    if not isinstance(target, ContinuousTarget):
        return {}
    return {"unit": target.unit, "range": list(target.range) if target.range else None}


def environment_facts() -> dict[str, Any]:
    """Versions of what numbers depend on."""
    packages = {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}}
    return {"reader": READER_VERSION, "packages": packages}


def _facts(config: StudyConfig, cohort: Cohort, digest: str) -> dict[str, Any]:
    n_folds = count_folds(cohort, config.split)
    return {
        "seed": config.seed,
        **cohort_facts(cohort),
        "config_hash": digest,
        "n_folds": n_folds,
        "n_repeats": config.split.repeats if n_folds else 0,
        "encoders": {name: c.model_dump() for name, c in sorted(config.encoders.items())},
        "calibrated_on": _calibrated_on(config),
        "device": config.train.device,
        **environment_facts(),
    }


def _calibrated_on(config: StudyConfig) -> str:
    """Which predictions calibrators and thresholds are fitted on, in a sentence."""
    if not config.split.with_folds:
        return "the calibrate part"
    if config.split.inner_folds > 1:
        return (
            f"cross-fitted predictions on the training patients of each fold "
            f"({config.split.inner_folds} models a fold, each judged on patients it stopped on)"
        )
    return "the validate part of each fold"


def _predicted_when(cohort: Cohort) -> str:
    when = cohort.spec.index_time
    if when is None:
        return "not stated: the cohort file has no index_time"
    return f"at the time in column '{when.column}'"


def cohort_yaml(cohort: Cohort) -> str:
    """The cohort file as resolved, for a run."""
    return yaml.safe_dump(resolved_settings(cohort), sort_keys=False, allow_unicode=True)
