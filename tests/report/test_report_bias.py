"""The audit of bias in the report: the verdict first, then who is there, slices, sources and
mitigation."""

import pytest
from made_bias import GAP, NO_GAP, SLICE, with_bias
from test_report_safety import HOSTILE, assert_harmless

from clinmm.fairness import told
from clinmm.report.page import page

TABLES = ("groups", "bias_verdicts", "slices", "gap_sources", "mitigation")


@pytest.fixture
def audited(own_run):
    return with_bias(own_run)


def test_the_answer_opens_with_the_verdict_of_each_attribute(audited, read):
    text = read(page(audited)).text
    answer = text[text.index("Whom does it fail?") :]
    assert answer.index("Gap shown: sex. No gap shown: age.") < answer.index("First, who is there")
    assert answer.index("First, who is there") < answer.index(GAP) < answer.index(NO_GAP)
    assert "Where it may come from: The image is missing more often in sex F." in answer
    assert "Cases that illustrate it: case_000, case_010." in answer
    assert told.NOT_ABSENT in answer


def test_every_verdict_is_drawn_with_its_figures(audited, read):
    found = read(page(audited))
    caption = "What the audit concludes of each attribute"
    shown = found.row(caption, "AUROC, mean over classes: sex: F")
    assert shown[-1] == "−0.051 (−0.079 to −0.023), gap shown"
    none = found.row(caption, "AUROC, mean over classes: age: [65, 120)")
    assert none[-1] == "−0.051 (−0.079 to −0.023), no gap shown (could have seen 0.062)"
    assert found.row(caption, "AUROC, mean over classes")[-1] == "cannot tell"


def test_who_is_there_names_gaps_and_groups_that_are_too_few(audited, read):
    found = read(page(audited))
    assert "sex: F has the input image in 66.0 of 100, 14.0 fewer" in found.text
    row = found.row("Who has the input, everyone", "sex: F")
    assert row == ["sex: F", "131", "▲ 66 % (62 to 70)", "50 % (46 to 54)"]
    assert found.row("Who has the input, everyone", "sex: not recorded")[2:] == ["too few"] * 2


def test_a_slice_has_the_verdict_of_the_other_half(audited, read):
    found = read(page(audited))
    rows = found.tables["Slices that were proposed"]
    heading = next(i for i, row in enumerate(rows) if row[0].startswith(SLICE))
    assert rows[heading + 1][-1] == "−0.170 (−0.210 to −0.130)"
    assert rows[heading + 2][-1] == "−0.120 (−0.160 to −0.080), served worse, confirmed"
    assert "1 of 2 proposed slices" in found.text


def test_sources_in_words_those_found_first_and_the_others_folded(audited, read):
    found = read(page(audited))
    # the folded table, which comes last, has the same caption
    assert found.row("Sex", "Noise in the labels")[1:] == ["No second label.", "", "cannot tell"]
    assert "None of it proves a cause" in found.text


def test_mitigation_gives_values_differences_and_what_is_recommended(audited, read):
    found = read(page(audited))
    assert "Plain training is recommended: of group_dro, chosen on validate" in found.text
    rows = found.tables["AUROC, mean over classes"]
    heading = next(i for i, row in enumerate(rows) if row[0] == "group DRO, 3 seeds: chosen")
    assert rows[heading + 1][-1] == "0.850; −0.010 (−0.060 to 0.040)"
    assert rows[heading + 2][0] == "the worst group, sex: F"


def test_a_report_of_a_run_before_the_audit_names_the_commands(own_run, read):
    text = read(page(own_run)).text
    for name in TABLES:
        stage = "mitigate" if name == "mitigation" else "audit"
        assert f"No {name} table yet. Make it with: clinmm {stage} made" in text


def test_hostile_groups_and_slices_are_shown_as_text(own_run, read):
    run = with_bias(own_run, group=HOSTILE, slice_name=HOSTILE)
    for name in ("bias_verdicts", "gap_sources"):
        table = run.read(name)
        table["sentence"] = table["sentence"] + HOSTILE
        run.write(name, table)
    found = read(page(run))
    assert_harmless(found)
    assert found.text.count(HOSTILE) >= 15


def test_no_flattering_words(audited, read):
    text = read(page(audited)).text.lower()
    for word in ("unbiased", "fair model", "is fair"):
        assert word not in text


def test_without_slices_the_report_says_why(audited, read):
    audited.write("slices", audited.read("slices").iloc[:0])
    audited.add_facts(audit={"left_out": {"slices": "none promised to be served worse"}})
    text = read(page(audited)).text
    assert "There is nothing here: none promised to be served worse." in text
    assert "of 0 proposed slices" not in text
