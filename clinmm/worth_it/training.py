"""How far each input trained within the fused arm."""

import pandas as pd

from clinmm.arms import FUSED

MODEL = ["repeat", "fold", "member"]
STILL = 0.005
"""Heads whose losses moved and differ by no more than this answer the same for everyone."""


def over_epochs(training_inputs: pd.DataFrame) -> pd.DataFrame:
    """Loss on `validate` of the head on each input alone, over the models of the fused arm.

    A model that stopped keeps its last loss, so that every epoch is a mean of all models.

    Args:
        training_inputs: schema.TRAINING_INPUTS.

    Returns:
        Columns input, epoch, value (mean), low and high (the middle 80 % of the models).
    """
    rows = _of_fused(training_inputs)
    wide = rows.pivot(index="epoch", columns=["input", *MODEL], values="validate_loss").ffill()
    of_input = wide.T.groupby(level="input")
    parts = {
        "value": of_input.mean(),
        "low": of_input.quantile(0.1),
        "high": of_input.quantile(0.9),
    }
    return pd.concat({name: part.stack() for name, part in parts.items()}, axis=1).reset_index()


def dominant(training_inputs: pd.DataFrame) -> str:
    """Which input was ahead at the end, in a sentence; empty where there are not two.

    An input is ahead in a model if its own head has the lowest loss on `validate`, and dominant if
    it is ahead in more than half of the models. Where no loss moved and all are alike, the heads
    answer a constant.

    training_inputs: schema.TRAINING_INPUTS.
    """
    rows = _of_fused(training_inputs).sort_values("epoch", kind="stable")
    last = rows.drop_duplicates([*MODEL, "input"], keep="last")
    losses = last.pivot(index=MODEL, columns="input", values="validate_loss")
    if losses.empty or losses.shape[1] < 2:
        return ""
    ahead = losses.idxmin(axis=1).value_counts()
    name, n = str(ahead.index[0]), int(ahead.iloc[0])
    means = ", ".join(f"{of} {loss:.3f}" for of, loss in losses.mean().sort_values().items())
    said = f"No input was dominant: mean loss on validate at the end {means}."
    start = rows.drop_duplicates([*MODEL, "input"]).groupby("input")["validate_loss"].mean()
    end = losses.mean()
    if (end - start).abs().max() <= STILL and end.max() - end.min() <= STILL:
        said = (
            "No input's own head learned more than a constant, such as the prevalence: mean loss "
            f"on validate stayed within {STILL} of where it began ({means} at the end)."
        )
    elif 2 * n > len(losses):
        said = (
            f"Dominant: {name}, whose own head had the lowest loss on validate at the end in {n} "
            f"of {len(losses)} models (mean {means})."
        )
    step = rows.groupby("input")["step"].mean()
    slowed = [f"{of} to {share:.2f}" for of, share in step.items() if share < 0.995]
    return said + (f" Steps were turned down: {', '.join(slowed)} of full." if slowed else "")


def _of_fused(training_inputs: pd.DataFrame) -> pd.DataFrame:
    rows = training_inputs[training_inputs["arm"] == FUSED]
    return rows.dropna(subset=["validate_loss"])
