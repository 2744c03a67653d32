"""The final labels of a reading study as new columns of a copy of the run's cohort."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import load_cohort, resolved_settings
from clinmm.cohort.spec import CohortSpec
from clinmm.cohort.table import read_table, resolve_table
from clinmm.cohort.target_spec import AnyTarget, BinaryTarget, MulticlassTarget, MultilabelTarget
from clinmm.cohort.targets import numeric
from clinmm.errors import InputError
from clinmm.review.desk import Desk
from clinmm.review.labels import final_labels, judged
from clinmm.review.room import ReadingRoom
from clinmm.runs import Run

Others = Literal["keep", "drop"]
RECORDED = "recorded"


@dataclass(frozen=True)
class LabelledCohort:
    """A cohort with reviewed labels, as it was written.

    file: its cohort.yaml.
    columns: the new columns of labels.
    counts: where labels are from -> how many.
    changed: labels that were recorded and are reviewed differently.
    seen_model: answers that make labels were given by readers who had seen the model.
    """

    file: Path
    columns: list[str]
    counts: dict[str, int]
    changed: int
    seen_model: bool


def export_labels(
    run: Run, room: ReadingRoom, desk: Desk, out: Path, others: Others = "keep"
) -> LabelledCohort:
    """Writes the run's cohort anew, with a column `reviewed_CLASS` for each label that was read and
    `reviewed_CLASS_from` that says where each cell is from; the original is not touched.

    Beside `cohort.yaml` and its table, whose key `files` leads to the images where they are, stand
    `labels.csv` and `history.csv`: what `final_labels` gives.

    Args:
        run: of the study; its data must be where they were.
        room, desk: as of `final_labels`.
        out: a new or empty folder.
        others: cases that are not in the reading study keep the label as recorded, or are dropped.

    Raises:
        InputError: `out` holds something, the run has no cohort, its data have changed, or no label
            is settled.
        NotAllowed: the desk is not an administrator's.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} holds something already. Name a new or empty folder with --out.")
    target = run.facts.get("target")
    if target is None or not (run.folder / "cohort.yaml").is_file():
        raise InputError(f"{run.folder} has no cohort: labels need a study, or its predictions.")
    labels, history = final_labels(room, desk, target)
    if labels["label"].isna().all():
        raise InputError(
            f"no label of the reading study '{desk.study.name}' is settled yet: of "
            f"{labels['case_id'].nunique()} cases, none is agreed on or adjudicated."
        )
    cohort = _cohort(run)
    names = list(judged(target, desk.study.protocol.classes).values())
    table, columns, changed = _with_labels(cohort, _raw(run, cohort), names, labels)
    if others == "drop":
        table = table[table[cohort.spec.case_id].isin(set(labels["case_id"]))]
    file = f"cases{Path(cohort.spec.table).suffix.lower()}"
    out.mkdir(parents=True, exist_ok=True)
    if file.endswith(".csv"):
        table.to_csv(out / file, index=False, lineterminator="\n", encoding="utf-8")
    else:
        table.to_parquet(out / file, index=False)
    labels.to_csv(out / "labels.csv", index=False, lineterminator="\n")
    history.to_csv(out / "history.csv", index=False, lineterminator="\n")
    settings = _settings(cohort, file, columns)
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    (out / "cohort.yaml").write_text(text, encoding="utf-8")
    counts = Counter(cell for column in columns.values() for cell in table[f"{column}_from"])
    arms = desk.study.protocol.arms.values()
    return LabelledCohort(
        out / "cohort.yaml",
        list(columns.values()),
        {name: counts[name] for name in ("adjudicated", "agreed", "single", RECORDED, "none")},
        changed,
        any(arm.mode != "without_model" for arm in arms),
    )


def _cohort(run: Run) -> Cohort:
    of_new_cases = run.facts["kind"] == "prediction"
    cohort = load_cohort(run.folder / "cohort.yaml", for_prediction=of_new_cases)
    if cohort.fingerprint != run.facts["cohort"]["fingerprint"]:
        raise InputError(
            f"{run.folder}: the table or the files of its cohort have changed since the study was "
            "made, so labels would be put on other cases. Put them back."
        )
    return cohort


def _raw(run: Run, cohort: Cohort) -> pd.DataFrame:
    """The rows of the run's cases as they were written, in the order of the run."""
    source = run.folder / "cohort.yaml"
    raw = read_table(resolve_table(cohort.spec.table, run.folder, str(source)))
    return raw.set_index(cohort.spec.case_id, drop=False).loc[list(cohort.table["case_id"])]


def _with_labels(
    cohort: Cohort, raw: pd.DataFrame, names: list[str], labels: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, str], int]:
    """(table, name of the label -> its new column, number of labels that changed)."""
    target = cohort.spec.target
    recorded = _recorded(cohort)
    prefix = _free_prefix(names, raw)
    found = labels.set_index(["class_name", "case_id"])
    table, columns, changed = raw.copy(), {}, 0
    for name in names:
        own = found.loc[name].reindex(raw.index)
        read = own["label_from"].notna()
        reviewed = own["label"].map(lambda label: _cell(label, target), na_action="ignore")
        was = pd.Series(recorded[name], index=raw.index, dtype=object)
        columns[name] = f"{prefix}_{name}"
        cells = reviewed.astype(object).where(read, was)
        table[columns[name]] = cells.where(cells.notna(), None)
        whence = own["label_from"].where(read, was.notna().map({True: RECORDED, False: "none"}))
        table[f"{columns[name]}_from"] = whence
        changed += int((read & was.notna() & reviewed.notna() & (reviewed != was)).sum())
    return table, columns, changed


def _recorded(cohort: Cohort) -> dict[str, list[str | None]]:
    """Name of a label -> per case the cell that means what is recorded; of several readers, the
    majority; None where nothing is."""
    target = cohort.spec.target
    values = cohort.training_targets() if numeric(target) else cohort.targets()
    if isinstance(target, MulticlassTarget):
        chosen = [
            None if np.isnan(row).any() else target.classes[int(row.argmax())] for row in values
        ]
        return {target.name: chosen}
    cells = [[None if np.isnan(v) else _cell(float(v), target) for v in row] for row in values]
    return {name: [row[k] for row in cells] for k, name in enumerate(target.class_names)}


def _cell(label: object, target: AnyTarget) -> str:
    """A label as a cell that the target understands."""
    if isinstance(label, str):
        return label
    number = float(label)  # type: ignore[arg-type]
    if isinstance(target, BinaryTarget) and target.positive and target.negative:
        return target.positive[0] if number == 1 else target.negative[0]
    return f"{number:.12g}"


def _free_prefix(names: list[str], table: pd.DataFrame) -> str:
    """`reviewed`; where the table has labels of an earlier study, `reviewed_2` and so on."""
    number = 1
    while True:
        prefix = "reviewed" if number == 1 else f"reviewed_{number}"
        if not {f"{prefix}_{name}{end}" for name in names for end in ("", "_from")} & {*table}:
            return prefix
        number += 1


def _settings(cohort: Cohort, file: str, columns: dict[str, str]) -> dict[str, Any]:
    """The new cohort file. Its patterns are written out, so that no label slips into the inputs,
    and its sample has been drawn."""
    spec = cohort.spec
    settings = spec.model_dump(mode="json", exclude_defaults=True, exclude={"sample"})
    settings |= {"name": f"{spec.name.removesuffix('-reviewed')}-reviewed", "table": file}
    settings["files"] = _files(cohort)
    target = settings["target"]
    if isinstance(spec.target, MultilabelTarget):
        target["names"] = spec.target.class_names
        old = dict(zip(spec.target.class_names, spec.target.columns, strict=True))
        target["columns"] = [columns.get(name, old[name]) for name in old]
    else:
        target.pop("readers", None)
        (target["column"],) = columns.values()
    order = [key for key in CohortSpec.model_fields if key in settings]
    return {key: settings[key] for key in order}


def _files(cohort: Cohort) -> str:
    """The folder of the original's files, found from anywhere."""
    said = resolved_settings(cohort)
    if "files" in said:
        return str(said["files"])
    return str(Path(said["table"]).parent)
