"""The report writes down what the tables hold, and nothing else."""

import pandas as pd
import pytest

from clinmm.report.material import Material
from clinmm.report.opening import lead
from clinmm.report.page import page
from clinmm.report.wording import class_label, estimate, interval, number, signed
from clinmm.summary import fusion_verdict

ARMS = {"fused": "fused", "image": "image alone", "note": "note alone", "record": "record alone"}


@pytest.fixture(scope="module")
def html(finished):
    return page(finished)


def pooled(run, metric):
    table = run.read("metrics")
    table = table[(table["metric"] == metric) & (table["probability"] == "calibrated")]
    return table[(table["group_by"] == "all") & (table["pattern"] == "any")]


def test_auroc_of_every_arm_and_class_is_that_of_the_metrics(finished, html, read):
    found = read(html)
    rows = pooled(finished, "auroc")
    macro = rows[rows["class_name"] == "macro"]
    assert len(rows) == 20
    for row in macro.itertuples():
        line = found.row("AUROC by arm, mean over classes", ARMS[row.arm])
        assert line[1] == str(row.n_patients)
        assert line[-1] == f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
    said = [cell for of in found.tables.values() for row in of for cell in row]
    for row in rows.itertuples():
        assert f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})" in said


def test_a_changed_number_in_the_table_is_the_number_of_the_page(own_run, read):
    table = own_run.read("metrics")
    at = table.index[(table["arm"] == "note") & (table["class_name"] == "nodule")][0]
    table.loc[at, ["value", "low", "high"]] = [0.1234, 0.0119, 0.2345]
    own_run.write("metrics", table)
    line = "0.123 (0.012 to 0.234)"
    assert line in read(page(own_run)).text


def test_operating_point_has_threshold_and_rates(finished, html, read):
    for row in pooled(finished, "sensitivity").itertuples():
        line = read(html).row("Operating point “high sensitivity”, fused", row.class_name)
        assert line[1] == "0.600"
        assert line[2] == "300 / 260 / 84"
        assert line[3] == estimate(row)


def test_patterns_and_groups_are_those_of_the_metrics(finished, html, read):
    table, found = finished.read("metrics"), read(html)
    for row in table[table["pattern"] != "any"].itertuples():
        line = found.row("AUROC (95 %) by the inputs present", row.pattern.replace("+", ", "))
        assert line[1] == f"{row.n_cases} / {row.n_patients}"
        assert line[2] == estimate(row)
    groups = table[(table["group_by"] != "all") & (table["metric"] == "auroc")]
    assert "suppressed" in set(groups["status"])
    for row in groups.itertuples():
        caption = f"AUROC by group: {class_label(row.class_name)}"
        line = found.row(caption, f"{row.group_by} {row.group}")
        assert line[1] == str(row.n_patients)
        assert line[-1] == estimate(row)


def test_worst_gap_is_named_first_with_its_interval_and_verdict(finished, html, read):
    table = finished.read("comparisons")
    worst = table[table["verdict"] == "worse"].iloc[0]
    assert (worst["class_name"], worst["group"]) == ("effusion", "F")
    found = read(html)
    said = (
        f"Served worse: sex F, AUROC of effusion {signed(worst['difference'])} against everyone "
        f"else (95 % {interval(worst['low'], worst['high'])}, 260 patients), "
        f"p {number(worst['p_holm'])} after Holm."
    )
    assert said in found.text
    assert "sex not recorded (6 patients)" in found.text


def test_without_a_verdict_the_largest_gap_is_named_and_not_called_a_failure(own_run, read):
    table = own_run.read("comparisons")
    table.loc[table["family"] == "gaps", "verdict"] = "not_shown"
    own_run.write("comparisons", table)
    text = read(page(own_run)).text
    assert (
        "No group is shown to be served worse, after Holm. The largest gap seen: "
        "sex F, AUROC of effusion" in text
    )
    assert "Served worse" not in text


def test_a_higher_miss_rate_is_the_disadvantage(own_run, read):
    table = own_run.read("comparisons")
    gaps = table["family"] == "gaps"
    table.loc[gaps, ["metric", "verdict"]] = ["fnr", "not_shown"]
    table.loc[gaps & (table["class_name"] == "nodule") & (table["group"] == "M"), "difference"] = (
        0.3
    )
    table.loc[
        gaps & (table["class_name"] == "nodule") & (table["group"] == "F"), "difference"
    ] = -0.3
    own_run.write("comparisons", table)
    text = read(page(own_run)).text
    assert "The largest gap seen: sex M, miss rate (FNR) of nodule +0.300 against" in text


def test_fusion_verdict_and_calibration_are_said_in_words(finished, html, read):
    text = read(html).text
    assert fusion_verdict(finished) in text
    rows = finished.read("metrics").query("metric == 'log_loss' and class_name == 'macro'")
    value = rows.set_index("probability")["value"]
    said = f"Log loss {value['raw']:.3f} before calibration, {value['calibrated']:.3f} after; ECE"
    assert said in text
    assert "nodule no difference shown" in text


def test_accepted_errors_are_told_with_their_reason(html, read):
    found = read(html)
    assert "1 error, all accepted with a reason; 1 warning." in found.text
    assert "Reason given: planted on purpose." in found.text
    row = found.row("What the check of the data found", "error", "stated label", "note")
    assert row[3] == "23"
    assert row[4] == "0.940"
    assert row[-1] == "accepted: planted on purpose"


def test_first_lines_say_what_for_whom_when_and_from_what(finished, html, read):
    text = read(html).text
    opening = text[: text.index("Plain answers")]
    for words in (
        "For research and review use only",
        "cardiomegaly, effusion, consolidation and nodule",
        "40 cases of 36 patients",
        finished.facts["predicted_when"][1:] + ".",
        "image (pictures), note (text) and record",
        "AUROC 0.871 (95 % 0.831 to 0.911)",
    ):
        assert words in opening


@pytest.mark.parametrize(
    ("facts", "config", "said"),
    [
        (
            {"n_folds": 5, "n_repeats": 3},
            "split: {by: patient, folds: 5, repeats: 3}",
            "5 folds by patient, 3 repeats; each case is judged only by models that never saw",
        ),
        (
            {},
            "split: {fractions: {train: .5, validate: .1, calibrate: .2, test: .2}}",
            "One division by patient (50 % train, 10 % validate, 20 % calibrate and 20 % test)",
        ),
        ({"n_folds": 4}, "split: {by: site}", "Each of 4 sites is held out in turn"),
    ],
)
def test_how_it_was_tested_is_said(own_run, facts, config, said):
    own_run.add_facts(**facts)
    own_run.write_text("config.yaml", config + "\n")
    assert said in dict(lead(Material.of(own_run)))["How tested"]


def test_patterns_of_too_few_patients_are_counted_and_not_listed(own_run, read):
    table = own_run.read("metrics")
    few = table[(table["pattern"] == "note+record") & (table["metric"] == "auroc")]
    few = few.assign(n_patients=9, pattern="note", status="suppressed")
    own_run.write("metrics", pd.concat([table, few], ignore_index=True))
    found = read(page(own_run))
    assert "And 1 pattern of fewer than 10 patients." in found.text
    with pytest.raises(ValueError, match="not enough values"):
        found.row("AUROC (95 %) by the inputs present", "note")
