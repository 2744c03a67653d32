"""Who is there in a run."""

from collections.abc import Sequence

import pandas as pd

from clinmm.fairness.who import who_is_there
from clinmm.runs import Run
from clinmm.study import stored_cohort


def who_of_run(run: Run, groups: pd.DataFrame, group_by: Sequence[str]) -> pd.DataFrame:
    """`who_is_there` of a run of any kind that has predictions.

    The training part are the cases that some model of repeat 0 learned from: with folds, as the
    test part, all of them. A run made from a predictions file has no training part and no inputs. A
    value counts as a finding where it is above its median.

    Args:
        groups: index case_id, one text column per attribute. group_by: as for `grouping`.

    Returns:
        schema.GROUPS.
    """
    cases, predictions = run.read("cases"), run.read("predictions")
    parts = {"cohort": cases["case_id"].tolist()}
    if run.has("splits"):
        splits = run.read("splits")
        learned = (splits["repeat"] == 0) & (splits["split"] == "train")
        parts["train"] = splits.loc[learned, "case_id"].unique().tolist()
    parts["test"] = predictions.loc[predictions["split"] == "test", "case_id"].unique().tolist()
    if not (run.folder / "cohort.yaml").is_file():
        once = predictions.drop_duplicates(["case_id", "class_name"])
        targets = once.pivot(index="case_id", columns="class_name", values="target")
        return who_is_there(cases, targets, groups, parts, group_by=group_by)
    cohort = stored_cohort(run)
    above = " above its median" if cohort.task == "continuous" else ""
    names = [f"{name}{above}" for name in cohort.class_names]
    targets = pd.DataFrame(cohort.sides(), index=cohort.table["case_id"], columns=names)
    inputs = sorted(cohort.spec.inputs)
    return who_is_there(cases, targets, groups, parts, inputs=inputs, group_by=group_by)
