"""cohort.yaml and its table -> Cohort, or every reason why not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.column_patterns import expanded
from clinmm.cohort.files import outside
from clinmm.cohort.read_notes import read_notes
from clinmm.cohort.spec import CohortSpec
from clinmm.cohort.table import read_table, resolve_files, resolve_table, without_missing
from clinmm.cohort.targets import soft_target_array, unknown_values
from clinmm.errors import InputError, did_you_mean
from clinmm.settings_errors import as_input_error
from clinmm.settings_file import read_settings


def read_spec(path: Path) -> CohortSpec:
    """The cohort file alone, without its table. Raises InputError with every problem."""
    return spec_from(read_settings(path), str(path))


def spec_from(settings: dict[str, Any], source: str) -> CohortSpec:
    """The cohort file from its content. Raises InputError with every problem."""
    try:
        return CohortSpec.model_validate(settings)
    except ValidationError as error:
        raise as_input_error(error, source, CohortSpec) from None


def load_cohort(path: Path | str, *, for_prediction: bool = False) -> Cohort:
    """The cases that belong, after: missing values, keep, require, cases without a target,
    duplicates, sample (in this order).

    Args:
        path: the cohort file.
        for_prediction: the target is not needed: its columns may be absent, and cases without
            one stay.

    Raises:
        InputError: unknown keys, absent columns, ids that are missing or come twice, target
            values that mean nothing, paths out of the table's folder, or no case left. Files
            that are absent or unreadable do not raise: the check `files` finds them.
    """
    path = Path(path)
    source = str(path)
    spec = read_spec(path)
    table_path = resolve_table(spec.table, path.parent, source)
    raw = read_table(table_path)
    written, spec = spec, expanded(spec, map(str, raw.columns), source)
    if problems := _absent_columns(spec, raw, source, table_path, for_prediction):
        raise InputError(problems)
    table = without_missing(raw, spec.missing)
    for key, column in spec.table_columns():
        if key == "target" and column not in table:
            table[column] = None
    problems = _bad_ids(spec, table, source)
    table = table.assign(case_id=table[spec.case_id], patient_id=table[spec.patient_id])
    lines = dict(zip(table["case_id"], range(2, len(table) + 2), strict=True))
    folder = resolve_files(spec.files, path.parent, table_path, source)
    cohort = Cohort(spec, folder, table, {}, {}, lines, written, table_path.parent)
    for column, allowed in spec.keep.items():
        cohort = _keep(cohort, cohort.table[column].isin(list(allowed)), "keep")
    try:
        if not problems:
            cohort = _with_notes(cohort, source)
            for name in spec.require:
                cohort = _keep(cohort, cohort.present(name), "require")
    except InputError as error:
        problems += error.problems
    if spec.target.columns[0] in raw or not for_prediction:
        problems += [f"{source}.target: {p}" for p in unknown_values(cohort.table, spec.target)]
    problems += _paths_out(cohort, source) + _bad_mask_folders(cohort, source)
    if problems:
        raise InputError(problems)
    if not for_prediction:
        labelled = ~pd.isna(soft_target_array(cohort.table, spec.target)).all(axis=1)
        cohort = _keep(cohort, labelled, "no target")
    if spec.drop_duplicates_of:
        hashes = pd.Series(cohort.image_sha256(spec.drop_duplicates_of), dtype=object)
        cohort = _keep(cohort, ~(hashes.notna() & hashes.duplicated()), "duplicates")
    cohort = _sampled(cohort, source)
    if not cohort.n_cases:
        raise InputError(f"{source}: no case is left of {len(raw)} rows; dropped {cohort.dropped}.")
    return cohort


def resolved_settings(cohort: Cohort) -> dict[str, Any]:
    """The cohort file with its defaults, its table found from anywhere, for a run's copy; patterns
    of columns stay as they are written."""
    settings = (cohort.written or cohort.spec).model_dump(mode="json", exclude_none=True)
    tables = cohort.table_folder or cohort.folder
    if not cohort.spec.table.startswith("${"):
        settings["table"] = str(tables.resolve() / Path(cohort.spec.table).name)
    if cohort.spec.files and not cohort.spec.files.startswith("${"):
        settings["files"] = str(cohort.folder.resolve())
    return settings


def _with_notes(cohort: Cohort, source: str) -> Cohort:
    table, read = read_notes(cohort.spec, cohort.folder, cohort.table, source)
    return replace(cohort, table=table, notes_read=read)


def _keep(cohort: Cohort, belongs: Any, step: str) -> Cohort:
    rows = [i for i, stays in enumerate(belongs) if stays]
    n_gone = cohort.n_cases - len(rows)
    dropped = {**cohort.dropped, step: cohort.dropped.get(step, 0) + n_gone}
    part = cohort.subset(rows)
    return replace(part, dropped=dropped)


def _sampled(cohort: Cohort, source: str) -> Cohort:
    sample = cohort.spec.sample
    if sample is None:
        return cohort
    if sample.rows > cohort.n_cases:
        raise InputError(
            f"{source}.sample.rows: wanted {sample.rows} of {cohort.n_cases} cases. Ask for fewer."
        )
    chosen = cohort.table.sample(sample.rows, random_state=sample.seed).index
    dropped = {**cohort.dropped, "sample": cohort.n_cases - sample.rows}
    part = cohort.subset(list(chosen))
    return replace(part, dropped=dropped)


def _absent_columns(
    spec: CohortSpec, raw: pd.DataFrame, source: str, table: Path, for_prediction: bool
) -> list[str]:
    known = [str(name) for name in raw.columns]
    return [
        f"{source}.{key}: no column '{column}' in {table.name}. {did_you_mean(column, known)}"
        for key, column in spec.table_columns()
        if column not in raw and not (for_prediction and key == "target")
    ]


def _bad_ids(spec: CohortSpec, table: pd.DataFrame, source: str) -> list[str]:
    problems = []
    for key, column in (("case_id", spec.case_id), ("patient_id", spec.patient_id)):
        empty = table.index[table[column].isna()]
        if len(empty):
            first = ", ".join(str(i + 2) for i in empty[:5])
            problems.append(
                f"{source}.{key}: {len(empty)} rows have no '{column}', first in line {first} of "
                "the table. Every row needs one."
            )
    ids = table[spec.case_id].dropna()
    twice = ids[ids.duplicated()].unique()
    if len(twice):
        problems.append(
            f"{source}.case_id: {len(twice)} values of '{spec.case_id}' come more than once, such "
            f"as {', '.join(map(str, twice[:5]))}. Each row needs its own."
        )
    return problems


def _paths_out(cohort: Cohort, source: str) -> list[str]:
    problems = []
    for name in cohort.spec.file_inputs:
        (column, *_) = cohort.spec.inputs[name].columns
        out = cohort.table["case_id"][outside(cohort.folder, cohort.table[column])]
        if len(out):
            problems.append(
                f"{source}.inputs.{name}: {len(out)} paths lead out of {cohort.spec.files_place} "
                f"(cases {', '.join(map(str, out[:5]))}), by '..' or a link. Write them relative "
                "to it, and put the files there."
            )
    return problems


def _bad_mask_folders(cohort: Cohort, source: str) -> list[str]:
    problems = []
    for name in cohort.spec.input_names("image"):
        masks = getattr(cohort.spec.inputs[name], "masks", None)
        if masks is None:
            continue
        key = f"{source}.inputs.{name}.masks"
        if outside(cohort.folder, [masks])[0]:
            problems.append(
                f"{key}: '{masks}' leads out of {cohort.spec.files_place}, by '..' or a link. Put "
                "the masks into it."
            )
        elif not (cohort.folder / masks).is_dir():
            problems.append(
                f"{key}: there is no folder '{masks}' in {cohort.spec.files_place}. Put the masks "
                "there, or leave the key out."
            )
    return problems
