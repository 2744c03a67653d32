"""Among whom the arms are compared: patients who have the rival's inputs, and everyone."""

from collections.abc import Sequence

import pandas as pd

from clinmm.arms import FUSED

HAVE_RIVAL, EVERYONE = "have_rival", "everyone"

CASE = ["repeat", "fold", "case_id", "class_name"]
"""What one answer of an arm is about."""


def training_prevalence(splits: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """The share of each class among the training cases of each fold whose target is known; of a
    value its mean.

    Args:
        splits: schema.SPLITS.
        targets: index case_id, one column per class: 0, 1 or NaN, or a value.

    Returns:
        Columns repeat, fold, class_name, prevalence.
    """
    learned = splits[splits["split"] == "train"].join(targets, on="case_id")
    shares = learned.groupby(["repeat", "fold"])[list(targets.columns)].mean()
    return shares.melt(
        var_name="class_name", value_name="prevalence", ignore_index=False
    ).reset_index()


def everyone(
    predictions: pd.DataFrame, prevalence: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    """Every arm's answer for every test case; the training prevalence where an arm has none.

    Args:
        predictions: schema.PREDICTIONS, calibrated. The cases are those of the fused arm.
        prevalence: as `training_prevalence`.
        columns: what an arm answers, of which the first says whether it does.

    Returns:
        schema.PREDICTIONS; `pattern` is what the case had, whatever the arm reads. Two columns
        more: answered (the answer is the arm's own) and has_input (it saw an input).
    """
    test = predictions[predictions["split"] == "test"]
    fused = test["arm"] == FUSED
    cases = test.loc[fused, [*CASE, "patient_id", "split", "target", "pattern"]]
    cases = cases.merge(prevalence, on=["repeat", "fold", "class_name"], how="left")
    said = test[[*CASE, *columns]].assign(has_input=test["pattern"] != "none")
    parts = []
    for arm in dict.fromkeys(predictions["arm"]):  # also one without an input in any test case
        own = cases.merge(said[test["arm"] == arm], on=CASE, how="left")
        guess = own.pop("prevalence")
        parts.append(
            own.assign(
                arm=arm,
                answered=own[columns[0]].notna(),
                has_input=own["has_input"].eq(True),
                **{column: own[column].fillna(guess) for column in columns},
            )
        )
    return pd.concat(parts, ignore_index=True)


def have_rival(answers: pd.DataFrame, rival: str) -> pd.DataFrame:
    """The cases of which the rival saw an input, with the arms' own answers alone.

    answers: as `everyone`.
    """
    theirs = answers.loc[(answers["arm"] == rival) & answers["has_input"], CASE]
    return answers[answers["answered"]].merge(theirs, on=CASE)
