"""Where the gaps of a finished run come from: every source, opened once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm import schema
from clinmm.arms import FUSED
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.targets import label_arrays
from clinmm.config import load_config
from clinmm.errors import InputError
from clinmm.fairness.embedded import first_folds, fold_embeddings
from clinmm.fairness.sources import arm as arms
from clinmm.fairness.sources import (
    image_quality,
    label_noise,
    missing_inputs,
    quality_fixed,
    revealed,
    training_share,
)
from clinmm.fairness.sources.hidden import hidden_inputs
from clinmm.fairness.sources.pictures import measured
from clinmm.fairness.sources.row import CANNOT_TELL, Row, source_row
from clinmm.folds import Preparer
from clinmm.progress import Tell, silent
from clinmm.runs import Run
from clinmm.study import SITE, Study, audited_groups, open_study, stored_cohort
from clinmm.subgroups import grouping

MOST_PICTURES = 2000
"""Pictures that are measured; of more a random choice."""

OF_HEADER = ("view", "modality", "manufacturer", "model", "bits")
"""Columns of schema.IMAGES that say how a picture was taken, in words."""

FROM_MODELS = ("revealed", "revealed_label_fixed", "missing_inputs")


def gap_sources(
    run: Run,
    *,
    arm: str = FUSED,
    seed: int = 0,
    tell: Tell = silent,
    group_by: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Every source of gaps of a study's test cases.

    Args:
        run: of kind study, with predictions. The cohort's files are read again for what the models
            make of the cases; where they have moved, those sources are `cannot_tell`.
        arm: whose gaps they are: `fused`.
        seed: of draws.
        tell: told how far it is.
        group_by: attributes, and intersections such as `sex*age`; None: as the run's config says,
            which is every sensitive column and the site where it says nothing.

    Returns:
        schema.GAP_SOURCES. Of a continuous target no rows of sources that rank classes (`arm`,
        `image_quality_fixed`, `missing_inputs`); what is revealed with the label held fixed is then
        by its sides of the median.

    Raises:
        InputError: the run is no study, another arm, or an attribute that the run lacks.
        NotMadeYet: it has no predictions.
    """
    if problems := _refused(run, arm):
        raise InputError(problems)
    config = load_config(run.path("config.yaml"))
    cohort = stored_cohort(run)
    groups = grouping(audited_groups(run), config.audit.group_by if group_by is None else group_by)
    if not len(groups.columns):
        return schema.GAP_SOURCES.empty()
    predictions, splits = run.read("predictions"), run.read("splits")
    patients = cohort.table["patient_id"].to_numpy(dtype=object)
    classes = cohort.class_names if cohort.task != "continuous" else []
    targets = pd.DataFrame(cohort.targets()[:, : len(classes)], index=groups.index, columns=classes)
    tell("sources of gaps", 0, 2)
    rows = _from_models(run, groups, tell, seed)
    tell("sources of gaps", 1, 2)
    tested = groups.index.isin(predictions.loc[predictions["split"] == "test", "case_id"])
    quality = _quality(run, cohort, np.flatnonzero(tested), seed)
    differs = image_quality.measure(quality, groups, pd.Series(patients, index=groups.index))
    if classes:
        thresholds = run.read("thresholds") if run.has("thresholds") else None
        given = predictions, thresholds, groups
        asked: dict[str, Any] = {"primary": config.audit.primary, "seed": seed}
        rows += arms.measure(*given, **asked)
        rows += quality_fixed.measure(quality, differs, *given, **asked)
    rows += differs
    rows += training_share.measure(splits, groups, targets)
    labels = label_arrays(cohort.table, cohort.spec.target)
    rows += label_noise.measure(labels, groups, patients, seed=seed)
    tell("sources of gaps", 2, 2)
    return schema.GAP_SOURCES.fill(pd.DataFrame(rows, columns=schema.GAP_SOURCES.names))


def _refused(run: Run, arm: str) -> list[str]:
    problems = []
    if run.facts["kind"] != "study":
        problems.append(
            f"{run.folder} is a run of kind {run.facts['kind']}: where gaps come from is asked of "
            "a study, which has the models. Name the study."
        )
    if arm != FUSED:
        problems.append(f"sources are those of the arm 'fused', got '{arm}'. Leave it out.")
    return problems


def _from_models(run: Run, groups: pd.DataFrame, tell: Tell, seed: int) -> list[Row]:
    """What needs the stored models and the cohort's files."""
    try:
        study = open_study(run.folder)
    except (InputError, OSError):
        return [_not_at_hand(source, str(name)) for source in FROM_MODELS for name in groups]
    cohort = study.cohort
    groups = groups.reindex(cohort.table["case_id"])
    patients = cohort.table["patient_id"].to_numpy(dtype=object)
    preparer = Preparer(cohort, study.config.encoders)
    folds = fold_embeddings(study, preparer, tell)
    given = {str(name): _inputs_with(cohort, str(name)) for name in groups}
    rows = revealed.measure(folds, groups, patients, cohort.sides(), given=given)
    if cohort.task == "continuous" or preparer.present.all():
        return rows
    return rows + _missing(study, preparer, groups, patients, seed)


def _inputs_with(cohort: Cohort, attribute: str) -> list[str]:
    """Records that hold the column of an attribute, or of all parts of an intersection."""
    known = {name: one.column for name, one in cohort.spec.sensitive.items()}
    columns = {known.get(part, cohort.spec.site) for part in attribute.split("*")}
    return [
        name
        for name in cohort.spec.input_names("record")
        if columns <= set(cohort.record(name).columns)
    ]


def _missing(
    study: Study,
    preparer: Preparer,
    groups: pd.DataFrame,
    patients: NDArray[np.object_],
    seed: int,
) -> list[Row]:
    cases = hidden_inputs(study, preparer, first_folds(study))
    return missing_inputs.measure(
        cases,
        groups.iloc[cases.rows],
        patients[cases.rows],
        study.cohort.targets()[cases.rows],
        study.cohort.class_names,
        seed=seed,
    )


def _not_at_hand(source: str, attribute: str) -> Row:
    return source_row(
        source,
        "models",
        "none",
        arm=FUSED,
        group_by=attribute,
        verdict=CANNOT_TELL,
        sentence="The models could not be asked again, because the cohort's table or files are not "
        "as they were.",
    )


def _quality(
    run: Run, cohort: Cohort, tested: NDArray[np.int_], seed: int
) -> dict[str, pd.DataFrame]:
    """Image input -> how the pictures of test cases were taken, index case_id."""
    if not run.has("images"):
        return {}
    images, cases = run.read("images"), run.read("cases").set_index("case_id")
    if cohort.spec.site:
        cases[SITE] = cases[cohort.spec.site]
    # the site is there under its own name, and whom a picture shows is not how it was taken
    of_patients = {one.column for one in cohort.spec.sensitive.values()} | {cohort.spec.site}
    kept = [column for column in cohort.spec.keep if column not in of_patients]
    found = {}
    for name in cohort.spec.input_names("image"):
        here = tested[cohort.present(name)[tested]]
        if here.size > MOST_PICTURES:
            here = np.sort(np.random.default_rng(seed).choice(here, MOST_PICTURES, replace=False))
        case_ids = cohort.table["case_id"].to_numpy(dtype=object)[here]
        header = images[images["input"] == name].set_index("case_id").reindex(case_ids)
        shown = cases[f"{name}_display"].reindex(case_ids)
        table = measured([Path(run.folder / file) if file else None for file in shown.fillna("")])
        table.index = pd.Index(case_ids, name="case_id")
        sides = [pd.to_numeric(header[side], errors="coerce") for side in ("height", "width")]
        table["pixels"] = (sides[0] * sides[1]).astype("float64")
        spacing = header["spacing"].astype("string").str.extract(r"^([\d.]+)", expand=False)
        table["mm a pixel"] = pd.to_numeric(spacing, errors="coerce").astype("float64")
        for column in dict.fromkeys([*OF_HEADER, *kept, SITE]):
            in_header = column in header and header[column].notna().any()
            cells = header if in_header else cases.reindex(case_ids)
            if column in cells:
                table[column] = cells[column].astype("string")
        found[name] = table
    return found
