"""What describes the cases of a run, and the slices of one of its arms."""

from collections.abc import Sequence

import pandas as pd

from clinmm.arms import FUSED
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import RecordInput
from clinmm.fairness.slices.finder import find_slices
from clinmm.fairness.slices.pictures import looks, thumbnails
from clinmm.runs import Run
from clinmm.study import stored_cohort

OF_IMAGES = ("view", "manufacturer", "model", "photometric")
"""Columns of the table `images` that may describe a case."""


def slices_of_run(
    run: Run,
    *,
    arm: str = FUSED,
    seed: int,
    decisions: pd.DataFrame | None = None,
    metrics: Sequence[str] = ("auroc", "fnr"),
    exclude: Sequence[str] = (),
) -> pd.DataFrame:
    """`find_slices` on a run of any kind that has predictions.

    What describes a case: of a cohort `about_of_cohort`, topics of its notes as the models read
    them, and clusters of its pictures; of a predictions file the columns that it was grouped by.
    Embeddings of the run's own models are not used: they hold what the models think, so that a
    cluster would be the cases that they miss, and models of two folds have spaces of their own.

    Args:
        run: with predictions, calibrated.
        arm, seed, decisions, metrics, exclude: as for `find_slices`.

    Returns:
        schema.SLICES.

    Raises:
        NotMadeYet: no predictions. InputError: as `find_slices`.
    """
    predictions = run.read("predictions")
    thresholds = run.read("thresholds") if run.has("thresholds") else None
    about, notes, embeddings = described(run, predictions, seed)
    return find_slices(
        predictions,
        thresholds,
        about,
        notes,
        embeddings,
        arm=arm,
        seed=seed,
        decisions=decisions,
        metrics=metrics,
        exclude=exclude,
    )


def described(
    run: Run, predictions: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, pd.Series | None, pd.DataFrame | None]:
    """(columns, notes, thumbnails) of a run's cases, each with index case_id."""
    if not (run.folder / "cohort.yaml").is_file():
        columns = run.read("cases").set_index("case_id").drop(columns="patient_id")
        return columns.apply(_as_numbers), None, None
    cohort = stored_cohort(run)
    about = about_of_cohort(cohort)
    if run.has("images"):
        about = about.join(_of_images(run.read("images")))
    tested = predictions.loc[predictions["split"] == "test", "case_id"]
    pictures = thumbnails(run, cohort, set(tested), seed)
    if pictures is not None:
        about = about.join(looks(pictures))
    return about, _notes(run, cohort, predictions), pictures


def about_of_cohort(cohort: Cohort) -> pd.DataFrame:
    """Columns that may describe a case: those of records, sensitive ones, the site, those of
    `keep`, and which inputs there are.

    Never an id, a time, the target, or a column of either that is declared as something else too.

    Returns:
        Index case_id; numbers, or text.
    """
    spec, table = cohort.spec, cohort.table.set_index("case_id")
    sources = list(spec.inputs.values())
    numeric = [c for s in sources if isinstance(s, RecordInput) for c in s.numeric]
    numeric += [s.column for s in spec.sensitive.values() if s.bins]
    text = [c for s in sources if isinstance(s, RecordInput) for c in s.categorical]
    text += [s.column for s in spec.sensitive.values() if not s.bins]
    text += [*spec.keep, *([spec.site] if spec.site else [])]
    target = spec.target
    never = {*target.columns, *target.second_columns, target.time}
    never |= {spec.case_id, spec.patient_id, spec.split}
    never |= {spec.index_time.column if spec.index_time else None, *(s.time for s in sources)}
    columns: dict[str, pd.Series] = {}
    for column in dict.fromkeys([*numeric, *text]):
        if column not in never:
            cells = table[column]
            columns[column] = pd.to_numeric(cells, errors="coerce") if column in numeric else cells
    for name in sorted(spec.inputs):
        there = table["pattern"].str.split("+").map(lambda names, name=name: name in names)
        columns[f"input {name}"] = there.map({True: "present", False: "absent"})
    return pd.DataFrame(columns, index=table.index)


def _of_images(images: pd.DataFrame) -> pd.DataFrame:
    """What the headers of each image input say of how it was taken.

    >>> _of_images(pd.DataFrame({"case_id": [], "input": []})).columns.tolist()  # a study without
    []
    """
    if images.empty:
        return pd.DataFrame()
    of_input = images.set_index("case_id").groupby("input")
    wide = pd.concat(
        [part[list(OF_IMAGES)].add_prefix(f"{name} ") for name, part in of_input], axis=1
    )
    return wide.dropna(axis=1, how="all")


def _notes(run: Run, cohort: Cohort, predictions: pd.DataFrame) -> pd.Series | None:
    """All notes of each case as they were read by the model that tested it."""
    names = cohort.spec.input_names("note")
    if not names:
        return None
    case_ids = cohort.table["case_id"]
    if run.has("notes"):
        tested = predictions[(predictions["repeat"] == 0) & (predictions["split"] == "test")]
        places = tested[["repeat", "fold", "case_id"]].drop_duplicates()
        read = run.read("notes").merge(places, on=["repeat", "fold", "case_id"])
        texts = read.dropna(subset=["note"]).groupby("case_id")["note"].agg(" ".join)
        return texts.reindex(case_ids)
    each = pd.DataFrame({name: cohort.notes(name) for name in names}, index=case_ids)
    return each.fillna("").agg(" ".join, axis=1)


def _as_numbers(cells: pd.Series) -> pd.Series:
    """A column of text as numbers, where every cell that is recorded is one."""
    numbers = pd.to_numeric(cells, errors="coerce")
    same = numbers.notna().equals(cells.notna())
    return numbers if same else cells
