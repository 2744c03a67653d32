"""The Fairness page: the verdict first, who is there before performance, and no part without how
to read it."""

import html
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from made_bias import GAP, NO_GAP, SLICE, with_bias
from made_run import CLASSES
from streamlit.testing.v1 import AppTest

from clinmm.fairness import told
from clinmm.runs import Run
from dashboards.words import number

APP = Path(__file__).parents[2] / "dashboards" / "app.py"
Screen = Callable[[Run, str], AppTest]
PARTS = (
    "Who is there",
    "Gaps",
    "By finding",
    "Reliability",
    "Intersections",
    "Criteria",
    "Groups nobody named",
    "Sources",
    "Mitigation",
)
OF_GROUPS = ("Gaps", "By finding", "Reliability", "Intersections", "Criteria")
HOSTILE = "<b onclick=alert(1)>F</b> [a](javascript:1) **x**"


def shown(app: AppTest) -> str:
    """Everything written on the page, without tags."""
    assert not app.exception, app.exception
    parts = [re.sub(r"<[^>]+>", " ", e.body) for e in app.get("html")]
    for kind in ("markdown", "caption", "info", "warning", "title", "header"):
        parts += [e.value for e in app.get(kind)]
    return re.sub(r"\s+", " ", html.unescape(" ".join(parts)))


@pytest.fixture
def audited(own_run: Run) -> Run:
    """The made run with every table of the audit, and an intersection."""
    metrics = own_run.read("metrics")
    of = (metrics["metric"] == "auroc") & (metrics["group"] == "F")
    pairs = []
    for sex, age, value in (("F", "[0, 40)", 0.7), ("M", "[0, 40)", 0.9), ("F", "[40, 65)", None)):
        row = metrics[of].assign(group_by="sex*age", group=f"{sex}*{age}", value=value)
        status = "suppressed" if value is None else "ok"
        pairs.append(row.assign(status=status, reason="8 patients, needs 10", n_patients=18))
    own_run.write("metrics", pd.concat([metrics, *pairs], ignore_index=True))
    curves = own_run.read("curves")
    of_sex = curves[curves["kind"] == "reliability"].assign(group_by="sex", group="F")
    own_run.write("curves", pd.concat([curves, of_sex], ignore_index=True))
    return with_bias(own_run)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run, str], AppTest]:
    """Opens a part of the page, on a direct link."""
    monkeypatch.delenv("CLINMM_DATABASE", raising=False)

    def open_part(run: Run, part: str) -> AppTest:
        monkeypatch.setenv("CLINMM_RUN", str(run.folder))
        app = AppTest.from_file(str(APP), default_timeout=120)
        app.session_state["part"] = part
        return app.switch_page("screens/fairness.py").run()

    return open_part


def test_the_page_opens_with_the_verdict_of_each_attribute(audited: Run, screen: Screen) -> None:
    said = shown(screen(audited, "fairness"))
    assert "Gap shown: sex. No gap shown: age. Cannot tell: sex × age." in said
    assert f"{told.SYMBOLS['gap_shown']} gap shown" in said
    assert "no gap shown (could have seen 0.062)" in said
    assert said.index(GAP) < said.index(NO_GAP)
    assert "Where it may come from: The image is missing more often in sex F." in said
    assert told.NOT_ABSENT in said


def test_a_gap_in_who_is_there_is_named_once_and_before_any_in_performance(
    audited: Run, screen: Screen
) -> None:
    cards = [e.body for e in screen(audited, "fairness").get("html") if "concluded" in e.body]
    named = "sex: F has the input image in 66.0 of 100, 14.0 fewer than everyone else"
    (card,) = [card for card in cards if GAP in card]
    assert card.count(named) == 1
    assert card.index(named) < card.index(GAP)


def test_cases_that_illustrate_a_verdict_are_links(audited: Run, screen: Screen) -> None:
    links = screen(audited, "fairness").get("page_link")
    assert [link.proto.label for link in links] == [r"case\_000", r"case\_010"]
    assert [link.proto.query_string for link in links] == ["case=0", "case=10"]


@pytest.mark.parametrize("part", PARTS)
def test_every_part_says_how_to_read_it_and_gives_its_table(
    audited: Run, opened: Callable[[Run, str], AppTest], part: str
) -> None:
    app = opened(audited, part)
    said = shown(app)
    read = {
        "Who is there": "there",
        "Gaps": "gaps",
        "By finding": "multiples",
        "Reliability": "reliability",
        "Intersections": "heat",
        "Criteria": "criteria",
        "Groups nobody named": "slices",
        "Mitigation": "mitigation",
    }
    how = told.HOW[read[part]] if part in read else told.SOURCES["revealed"][1]
    assert how in said
    n_buttons = len(app.get("download_button"))
    assert n_buttons >= (1 if part == "Criteria" else 2)
    for flattering in ("unbiased", "is fair", "no bias"):
        assert flattering not in said.lower()


def test_a_suppressed_group_stays_with_its_number(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    said = shown(opened(audited, "Gaps"))
    assert "sex: not recorded 6 suppressed: 6 patients; an estimate needs at least 10" in said
    assert "sex: F 131 0.842" in said
    assert "effusion, sex: F, worse 260 −0.051" in said
    assert "False negative rate, sex 0.083 (effusion)" in said


def test_gaps_without_a_verdict_are_told_apart(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    table = audited.read("comparisons")
    age = (table["rival"] == "complement") & (table["group_by"] == "age")
    table.loc[age, "family"] = None
    table.loc[age, "verdict"] = "exploratory"
    audited.write("comparisons", table)
    app = opened(audited, "Gaps")
    assert "8 more gaps, exploratory: seen, and without a verdict" in [
        e.label for e in app.expander
    ]


def test_ratios_and_the_best_group_are_a_description(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    table = audited.read("comparisons")
    of = (table["rival"] == "complement") & (table["group"] == "F")
    table.loc[of, ["ratio", "ratio_low", "ratio_high"]] = [0.94, 0.9, 0.98]
    best = table[of].assign(
        rival="best_group", difference=-0.07, family=None, verdict="exploratory"
    )
    audited.write("comparisons", pd.concat([table, best], ignore_index=True))
    said = shown(opened(audited, "Gaps"))
    assert "0.940 (95 % 0.900 to 0.980) −0.070" in said
    assert "a description, never a test" in said


def test_an_intersection_is_a_cell_with_its_number_and_a_suppressed_one_is_hatched(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    app = opened(audited, "Intersections")
    (table,) = [e.body for e in app.get("html") if 'class="heat"' in e.body]
    assert '<td class="hatched">suppressed<div class="small">n 18</div></td>' in table
    assert f"<b>{number(0.7)}</b>" in table
    # served worse is orange, better is sky blue, and what nobody belongs to is empty
    assert re.search(r"rgba\(230,159,0,0\.55\)[^/]*0\.700", table)
    assert re.search(r"rgba\(86,180,233[^/]*0\.900", table)
    assert "nobody" in table


def test_a_slice_has_the_verdict_of_the_other_half_and_its_cases(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    app = opened(audited, "Groups nobody named")
    said = shown(app)
    assert "1 of 2 proposed slices, the worst of 1127 that were looked at, was shown" in said
    assert said.index(SLICE) < said.index("note speaks of cough")
    assert "on the other half: served worse, confirmed 130 −0.120" in said
    assert "on the other half: not confirmed (could have seen 0.083)" in said
    assert [one.proto.query_string for one in app.get("page_link")][2:] == ["case=4"]


def test_sources_give_what_was_found_first(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    said = shown(opened(audited, "Sources"))
    assert said.index("all inputs together (found)") < said.index("the labels alone (not shown)")
    assert "No second label." in said
    assert "None of it proves a cause" in said


def test_mitigation_opens_with_what_is_recommended_and_what_may_be_unlawful(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    said = shown(opened(audited, "Mitigation"))
    assert "Plain training is recommended: of group_dro, chosen on validate" in said
    assert "group DRO, 3 seeds: chosen everyone 130 −0.010 −0.060 to 0.040" in said
    assert "the worst group, sex: F 130 0.030 −0.020 to 0.080" in said
    assert "Predictions by group thresholds need the patient's group." in said
    assert "Training follows the group with the largest loss" in said


def test_hostile_names_are_shown_as_text(
    own_run: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    run = with_bias(own_run, group=HOSTILE, slice_name=HOSTILE)
    for name in ("metrics", "comparisons"):
        table = run.read(name)
        run.write(name, table.assign(group=table["group"].replace("F", HOSTILE)))
    seen = 0
    for part in PARTS:
        app = opened(run, part)
        assert not app.exception
        bodies = [e.body for e in app.get("html")]
        assert not any("<b onclick" in body for body in bodies)
        seen += sum(html.escape(HOSTILE) in body for body in bodies)
        for kind in ("markdown", "caption", "info", "warning"):
            assert not any("javascript:1" in e.value for e in app.get(kind))
    assert seen >= 10


@pytest.mark.parametrize(
    ("part", "table", "command"),
    [
        ("Who is there", "groups", "audit"),
        ("Groups nobody named", "slices", "audit"),
        ("Sources", "gap_sources", "audit"),
        ("Mitigation", "mitigation", "mitigate"),
        ("Gaps", "comparisons", "evaluate"),
        ("Reliability", "curves", "evaluate"),
    ],
)
def test_a_part_without_its_table_names_the_command(
    audited: Run, opened: Callable[[Run, str], AppTest], part: str, table: str, command: str
) -> None:
    (audited.folder / f"{table}.parquet").unlink()
    assert f"clinmm {command} {audited.folder}" in shown(opened(audited, part))


def test_a_run_before_the_audit_of_bias_still_shows_its_groups(
    finished: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    said = shown(opened(finished, "Gaps"))
    assert f"clinmm audit {finished.folder}" in said
    assert "sex: F 131" in said
    assert "depth: 2" in shown(opened(finished, "Intersections"))


def test_without_sensitive_columns_the_parts_that_need_none_remain(
    audited: Run, screen: Screen
) -> None:
    metrics = audited.read("metrics")
    audited.write("metrics", metrics[metrics["group_by"] == "all"])
    app = screen(audited, "fairness")
    assert "Name the columns under `sensitive`" in shown(app)
    assert [tab.label for tab in app.tabs] == [name for name in PARTS if name not in OF_GROUPS]


def test_a_run_of_a_predictions_file_has_no_links_and_no_mitigation(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    known = audited.facts
    for name in ("cohort", "target", "inputs", "predicted_when", "seed"):
        known.pop(name)
    audited.write_json("run.json", {**known, "kind": "audit"})
    for name in ("cohort.yaml", "cases.parquet", "mitigation.parquet"):
        (audited.folder / name).unlink()
    app = opened(audited, "Mitigation")
    assert "has no model to train again" in shown(app)
    assert not app.get("page_link")
    assert "Cases that illustrate it: case_000, case_010." in shown(app)


def test_what_the_audit_left_out_is_said_with_its_reason(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    audited.write("slices", audited.read("slices").iloc[:0])
    audited.add_facts(audit={"left_out": {"slices": "audit.slices is false"}})
    said = shown(opened(audited, "Groups nobody named"))
    assert "There is nothing here: audit.slices is false." in said


def test_by_finding_draws_a_panel_for_each_class_on_one_scale(
    audited: Run, opened: Callable[[Run, str], AppTest]
) -> None:
    app = opened(audited, "By finding")
    (panels,) = [e.body for e in app.get("html") if 'class="twins"' in e.body]
    assert panels.count("<table") == len(CLASSES) + 1
    ends = re.findall(r'class="ends"><span>([^<]+)</span><span>([^<]+)', panels)
    assert len(set(ends)) == 1


def test_the_overview_says_of_each_attribute_what_the_audit_concludes(
    audited: Run, screen: Screen
) -> None:
    table = audited.read("comparisons")
    one = table[(table["rival"] == "complement") & (table["metric"] == "auroc")].head(1)
    one = one.assign(family="gaps", verdict="worse", group_by="age", group="[0, 40)")
    audited.write("comparisons", pd.concat([table, one], ignore_index=True))
    said = shown(screen(audited, "overview"))
    verdicts = told.by_attribute(audited.read("bias_verdicts"), "fused")
    assert f"Whom does it serve worst? {told.lead(verdicts)}" in said
    assert "Gap shown: sex." in said
    assert "AUROC, sex: F" in said
    assert "age: [0, 40)" not in said, "a comparison that the verdict does not bear out"
