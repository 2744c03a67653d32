"""The report opens with whether fusion was worth it, in the figures of the tables."""

import pandas as pd
import pytest

from clinmm.report.page import page
from clinmm.report.wording import arm, estimate, interval, signed
from clinmm.schema import TRAINING_INPUTS
from clinmm.worth_it.training import dominant, over_epochs

WHO = {
    "have_rival": "Patients who have the inputs of the best other",
    "everyone": "Every test patient; an arm without its inputs answers the training prevalence",
}


def test_the_first_section_is_the_sentence_and_every_arm(finished, read):
    html = page(finished)
    found = read(html)
    sections = [tag[1]["id"] for tag in found.tags if tag[0] == "section" and "id" in tag[1]]
    assert sections[:3] == ["fusion", "trained", "answers"]
    assert finished.facts["worth_it"]["sentence"] in found.text
    caption = (
        "AUROC of every arm, mean over classes, patients who have the inputs of the best other"
    )
    rows = finished.read("worth_it").query(
        "population == 'have_rival' and metric == 'auroc' and pattern == 'any'"
    )
    assert len(found.tables[caption]) == 1 + 7 + 4  # head, arms, headings of the groups
    for row in rows[rows["class_name"] == "macro"].itertuples():
        label = arm(row.arm) + (", the best other" if row.arm == "image" else "")
        assert found.row(caption, label)[1:] == [str(row.n_patients), "", estimate(row)]


def test_both_tables_hold_value_and_difference_of_every_arm(finished, read):
    found, table = read(page(finished)), finished.read("worth_it")
    whole = table[(table["pattern"] == "any") & (table["class_name"] == "macro")]
    for population, caption in WHO.items():
        part = whole[whole["population"] == population]
        for row in part[part["metric"] == "auroc"].itertuples():
            line = found.row(caption, arm(row.arm))
            assert line[1] == f"{row.n_cases} / {row.n_patients}"
            assert line[2] == estimate(row)
            if row.arm == "fused":
                assert line[3:] == ["", "", ""]
                continue
            ends = interval(row.difference_low, row.difference_high)
            assert line[3] == f"{signed(row.difference)} ({ends})"
            judged = row.arm == "image"
            assert line[4:] == (["0.008 (Holm)", "better"] if judged else ["0.004", ""])


def test_other_measures_classes_and_patterns_are_folded_away(finished, read):
    found = read(page(finished))
    assert [tag for tag, _ in found.tags].count("details") == 1
    others = found.tables[f"By other measures, {WHO['everyone'].replace('E', 'e', 1)}"]
    assert others[1] == ["Brier score"]
    assert len(others) == 2 + 7
    by_class = found.tables[f"By class, {WHO['have_rival'].replace('P', 'p', 1)}"]
    assert [row for row in by_class if row == ["nodule"]]
    present = f"By the inputs present, {WHO['everyone'].replace('E', 'e', 1)}"
    assert [row[0] for row in found.tables[present] if len(row) == 1] == [
        "image, note, record",
        "note, record",
    ]


def test_too_few_is_said_and_not_drawn(own_run, read):
    table = own_run.read("worth_it")
    few = table["arm"] == "note"
    numbers = ["value", "low", "high", "difference", "difference_low", "difference_high", "p"]
    table.loc[few, numbers] = float("nan")
    table.loc[few, ["status", "reason"]] = ["suppressed", "9 patients, needs 10"]
    own_run.write("worth_it", table)
    row = read(page(own_run)).row(WHO["have_rival"], "note alone")
    assert row[2] == "suppressed: 9 patients, needs 10"
    assert row[3:] == ["–", "–", "too few to tell"]


def test_one_input_has_nothing_to_fuse(own_run, read):
    (own_run.folder / "worth_it.parquet").unlink()
    own_run.add_facts(worth_it=None)
    assert "Not judged yet. Make it with: clinmm evaluate made" in read(page(own_run)).text
    own_run.add_facts(rival=None)
    assert "No other arm was trained, so there is no fusion" in read(page(own_run)).text
    own_run.add_facts(inputs={"image": "image"})
    assert "There is one input, so there is no fusion to judge." in read(page(own_run)).text


def test_how_far_each_input_trained_is_drawn_on_one_scale(finished, read):
    found, table = read(page(finished)), finished.read("training_inputs")
    assert dominant(table) in found.text
    said = [
        attrs["aria-label"] for tag, attrs in found.tags if tag == "svg" and "aria-label" in attrs
    ]
    points = over_epochs(table).set_index("input")
    for name in ("image", "note", "record"):
        value = points.loc[name, "value"]
        assert (
            f"Loss on validate of {name}: {value.iloc[0]:.3f} at first, {value.iloc[-1]:.3f} at "
            "the end."
        ) in said


def inputs_table(losses):
    """One model a list; input -> loss after each epoch."""
    return pd.DataFrame(
        [
            ("fused", 0, fold, 0, epoch, name, loss, loss, 0.7, 1.0)
            for fold, model in enumerate(losses)
            for name, series in model.items()
            for epoch, loss in enumerate(series, start=1)
        ],
        columns=TRAINING_INPUTS.names,
    )


def test_a_model_that_stopped_keeps_its_last_loss():
    table = inputs_table([{"a": [0.6, 0.4, 0.2]}, {"a": [0.8, 0.6]}])
    found = over_epochs(pd.concat([table, table.assign(arm="a+b", validate_loss=9.0)]))
    assert found["value"].tolist() == pytest.approx([0.7, 0.5, 0.4])
    assert found["low"].tolist() == pytest.approx([0.62, 0.42, 0.24])


def test_dominant_is_what_is_ahead_in_most_models():
    ahead = [{"a": [0.9, 0.3], "b": [0.5, 0.5]}] * 2 + [{"a": [0.6], "b": [0.5]}]
    assert dominant(inputs_table(ahead)) == (
        "Dominant: a, whose own head had the lowest loss on validate at the end in 2 of 3 models "
        "(mean a 0.400, b 0.500)."
    )
    assert dominant(inputs_table(ahead[1:])).startswith("No input was dominant: mean loss on")
    flat = [{"a": [0.6931, 0.6930], "b": [0.6932, 0.6925]}] * 2
    assert dominant(inputs_table(flat)) == (
        "No input's own head learned more than a constant, such as the prevalence: mean loss on "
        "validate stayed within 0.005 of where it began (b 0.693, a 0.693 at the end)."
    )
    learned_at_once = [{"a": [0.3, 0.3], "b": [0.6, 0.6]}]
    assert dominant(inputs_table(learned_at_once)).startswith("Dominant: a")
    slowed = inputs_table(ahead)
    slowed.loc[slowed["input"] == "a", "step"] = 0.5
    assert dominant(slowed).endswith("Steps were turned down: a to 0.50 of full.")
    assert dominant(inputs_table([{"a": [0.5]}])) == ""
