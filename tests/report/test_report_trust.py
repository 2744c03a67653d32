"""Size, detectable differences, calibration, sets, deferral and decision curves in the report."""

import pandas as pd
import pytest

from clinmm import schema
from clinmm.report import decisions
from clinmm.report.figures import LEFT, SIDE, TOP
from clinmm.report.page import page

PATIENTS = {"n_cases": 300, "n_patients": 260, "n_positive": 84}
SLICE = {"class_name": "nodule", "group_by": "all", "group": "all", "pattern": "any"}


def filled(table, rows):
    return table.fill(pd.DataFrame(rows))


def add_metrics(run, *rows):
    begin = {"arm": "fused", "split": "test", "repeat": "all", "fold": "all", "status": "ok"}
    begin |= {"probability": "calibrated", "interval": "made", "low": 0.4, "high": 0.6}
    new = [begin | SLICE | PATIENTS | row for row in rows]
    old = run.read("metrics")
    run.write("metrics", filled(schema.METRICS, [*old.to_dict("records"), *new]))


def add_sets(run):
    begin = {"arm": "fused", "repeat": 0, "method": "recall", "coverage": 0.9, "limit": 0.5}
    begin |= {"n_patients": 80, "low": 0.8, "high": 0.95, "status": "ok"}
    none = {"by": "class", "cell": "nodule", "status": "no_promise", "reason": "8 are too few"}
    rows = [begin | {"by": "all", "cell": "all", "fold": fold} for fold in (0, 1)]
    rows += [begin | none | {"fold": 0}, begin | {"by": "class", "cell": "nodule", "fold": 1}]
    run.write("prediction_sets", filled(schema.PREDICTION_SETS, rows))
    of = {"class_name": "all", "metric": "set_recall", "low": 0.81, "high": 0.89}
    add_metrics(
        run,
        of | {"value": 0.85, "flag": "below the promise made for all"},
        of | {"value": 0.83, "group_by": "class", "group": "nodule"},
        of | {"value": 0.87, "group_by": "sex", "group": "F"},
        of | {"metric": "set_size", "value": 1.7},
    )


def test_enough_to_validate_and_transfer_are_said_before_the_answers(own_run, read):
    begin = {"arm": "fused", "class_name": "nodule", "needed": 100.0, "met": "no"}
    begin |= {"source": "made", "detail": "made"}
    rows = [
        begin | {"criterion": "events", "available": 12.0},
        begin | {"criterion": "non-events", "available": 130.0},
    ]
    own_run.write("validation_size", filled(schema.VALIDATION_SIZE, rows))
    own_run.add_facts(transfer={"sentence": "The model does not transfer <here>."})
    text = read(page(own_run)).text
    opening = text[: text.index("Plain answers", text.index("Plain answers") + 1)]
    assert "12 patients had nodule and 130 did not; 100 of each are wanted" in opening
    assert "The model does not transfer <here>." in opening


def test_a_difference_not_shown_says_what_could_have_been(own_run, read):
    table = own_run.read("worth_it")
    table.loc[table["p_holm"].notna(), ["verdict", "detectable"]] = ["not_shown", 0.0584]
    own_run.write("worth_it", table)
    row = read(page(own_run)).row("Patients who have the inputs of the best other", "image alone")
    assert row[-1] == "no difference shown (these data could have shown 0.058)"


def test_calibration_has_flags_figures_and_calibrators(own_run, read):
    flagged = {"metric": "calibration_slope", "value": 0.512, "flag": "risks too extreme"}
    add_metrics(
        own_run,
        flagged,
        flagged | {"group_by": "sex", "group": "F"},
        {"metric": "ece_if_calibrated", "value": 0.0371},
    )
    found = read(page(own_run))
    assert "Risks too extreme: nodule." in found.text
    line = found.row("Calibration after calibrating", "nodule")
    assert line[1] == "0.512 (0.400 to 0.600)"
    assert line[3] == "0.037 (0.400 to 0.600)"
    parts = found.row("Flags in groups, and by the inputs present", "sex F")
    assert parts[1:] == ["nodule", "260", "risks too extreme"]


def test_sets_stand_beside_their_promise(own_run, read):
    add_sets(own_run)
    found = read(page(own_run))
    caption = "Findings that sets hold"
    assert found.row(caption, "everyone")[-1] == "0.850 (0.810 to 0.890); promised 0.90"
    assert found.row(caption, "nodule")[-1].endswith("; promised 0.90 in 1 of 2 models")
    assert found.row(caption, "sex F")[-1].endswith("; no promise of its own")
    assert "promised 0.90: below the promise made for all." in found.text
    assert "Classes in a set: 1.700" in found.text
    assert "No promise for nodule (8 are too few; 1 of 2 models)." in found.text


def test_where_exchangeability_fails_no_set_is_shown(own_run, read):
    add_sets(own_run)
    row = {"arm": "fused", "test": "inputs", "n_calibration": 90, "n_new": 80, "p": 0.001}
    row |= {"evidence": 1000.0, "verdict": "fails", "reason": "other scanners."}
    own_run.write("exchangeability", filled(schema.EXCHANGEABILITY, [row]))
    found = read(page(own_run))
    assert "differ from those the sets were made on, so no set: other scanners." in found.text
    assert "Findings that sets hold" not in found.tables


def test_deferral_says_in_how_many_models_and_why(own_run, read):
    begin = {"arm": "fused", "repeat": 0, "class_name": "nodule", "operating_point": "youden"}
    begin |= {"rule": "share", "n_patients": 80, "kept": "no"}
    reasons = [
        "too little to tell: 3 patients",
        "too little to tell: 4 patients",
        "more wrong calls among the kept in sex M (handing back 9%, interval [+1, +2])",
    ]
    rows = [begin | {"fold": i, "reason": reason} for i, reason in enumerate(reasons)]
    rows.append(begin | {"fold": 3, "kept": "yes", "reason": "fewer wrong calls: 9%"})
    own_run.write("deferral", filled(schema.DEFERRAL, rows))
    add_metrics(own_run, {"metric": "retained_risk", "value": 0.5, "operating_point": "youden"})
    found = read(page(own_run))
    assert "On in 1 of 4 models: nodule." in found.text
    line = found.row("What the rule decided", "nodule, youden")
    assert line[2].startswith("too little to tell, 2 of 4; ")
    assert "more wrong calls among the kept in sex M, 1 of 4" in line[2]
    assert line[-1] == "0.500 (0.400 to 0.600)"


def curve(y, low=float("nan"), high=float("nan")):
    x = [0.1, 0.2, 0.3]
    return pd.DataFrame({"x": x, "y": y, "low": low, "high": high, "n_cases": 9.0})


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ([0.1, 0.1, 0.1], "at thresholds 0.20 to 0.30"),
        ([0.2, 0.0, 0.1], "at 2 of 3 thresholds from 0.10 to 0.30"),
        ([0.1, 0.0, -0.1], "at no threshold"),
    ],
)
def test_worth_is_above_both_alternatives(model, said):
    assert decisions.worth(curve(model), curve([0.15, 0.0, -2.0])) == said


def test_decision_panel_has_treat_no_one_at_zero_and_leaves_out_what_is_far_below():
    drawn = decisions.panel("t", curve([0.3, 0.2, 0.1], 0.0, 0.4), curve([0.3, 0.1, -9.0]), "fused")
    zero = TOP + SIDE * 0.75
    assert drawn.reference == f"{LEFT},{zero:.1f} {LEFT + SIDE},{zero:.1f}"
    model, everyone = drawn.curves
    assert len(model.path.split()) == 3
    assert len(everyone.path.split()) == 2
    assert model.path.split()[1] == f"{LEFT + SIDE * 0.2:.1f},{TOP + SIDE * 0.2 / (0.4 / 0.75):.1f}"
    assert len(model.band.split()) == 6


def test_without_the_tables_the_sections_say_so(own_run, read):
    text = read(page(own_run)).text
    assert "No prediction_sets table yet. Make it with: clinmm calibrate made" in text
    assert "No deferral table yet. Make it with: clinmm calibrate made" in text
    assert "No decision curve in this run." in text
    assert "Enough to validate?" not in text
