"""The sections on reading studies, against the tables they are drawn from."""

import numpy as np
import pandas as pd
import pytest

from clinmm.report.material import Material
from clinmm.report.page import page
from clinmm.report.readers import readers
from clinmm.report.wording import interval, number
from clinmm.review.results.agreement_rows import agreement_rows
from clinmm.review.results.result_rows import result_rows
from clinmm.runs import Run

READERS = ("Ann", "Bo", "Cy")
ARMS = ("blind_first", "without_model")


def answered(classes: tuple[str, ...], arms: tuple[str, ...], n: int = 60) -> pd.DataFrame:
    """The table `readings`: each reader reads every case, half of them in each of two arms."""
    rng = np.random.default_rng(2)
    rows = []
    for class_name in classes:
        target = (np.arange(n) % 2).astype(float)
        risk = np.clip(0.5 + 0.3 * (target - 0.5) + rng.normal(0, 0.2, n), 0.01, 0.99)
        for reader in READERS:
            arm = rng.permuted(np.arange(n) % len(arms))
            for step in ("alone", "with_model"):
                seen = target - 0.5 + rng.normal(0, 0.7, n) + (step == "with_model") * (risk - 0.5)
                saw = np.array([step == "alone" or arms[i] != "without_model" for i in arm])
                rows.append(
                    pd.DataFrame(
                        {
                            "study": "trial <b>",
                            "reader": reader,
                            "case_id": [f"c{i:03d}" for i in range(n)],
                            "patient_id": [f"p{i:03d}" for i in range(n)],
                            "reading": 1,
                            "arm": [arms[i] for i in arm],
                            "step": step,
                            "class_name": class_name,
                            "answer": np.digitize(seen, [-0.6, -0.1, 0.1, 0.6]) + 1.0,
                            "confidence": 3.0,
                            "seconds": 10.0,
                            "target": target,
                            "risk": risk,
                            "model_call": (risk > 0.5).astype(float),
                            "weight": 1.0,
                        }
                    )[saw]
                )
    return pd.concat(rows, ignore_index=True)


def with_results(run: Run, classes: tuple[str, ...], arms: tuple[str, ...]) -> pd.DataFrame:
    """Writes both tables; gives the results."""
    said = answered(classes, arms)
    sex = pd.DataFrame({"sex": ["F", "F", "M", "M"] * 14 + ["X"] * 4})
    sex.index = pd.Index([f"c{i:03d}" for i in range(60)], name="case_id")
    table = result_rows("trial <b>", said, "multilabel", sex)
    run.write("reading_results", table)
    run.write("reading_agreement", agreement_rows("trial <b>", said, "multilabel"))
    return table


def test_without_a_reading_study_there_is_no_section(finished: Run) -> None:
    assert readers(Material.of(finished)) == []
    assert "What readers do with the model" not in page(finished)


def test_the_figures_are_those_of_the_table(own_run: Run, made, read) -> None:
    table = with_results(own_run, made.CLASSES[:1], ("blind_first",))
    found = read(page(own_run))
    assert "What readers do with the model: trial <b>" in found.text
    whole = table.query("arm == 'all' and group_by == 'all'").set_index(
        ["reader", "step", "metric"]
    )
    for who, label in (("alone", "readers alone"), ("with_model", "with the model")):
        row = whole.loc[("all", who, "auroc")]
        said = f"{number(row['value'])} ({interval(row['low'], row['high'])})"
        assert found.row("AUROC, mean over readers", label)[-1] == said
        assert f"{label} {said}" in found.text
    helped, harmed, net = (
        whole.loc[("all", "gain", name)] for name in ("helped", "harmed", "helped_less_harmed")
    )
    assert (
        f"{helped['value']:.0f} readings became right and {harmed['value']:.0f} became wrong "
        "(60 cases, 3 readers)" in found.text
    )
    cells = found.row("Once the model was shown", made.CLASSES[0].replace("_", " "))
    assert cells[1] == "60 / 60 / 3"
    assert cells[2:4] == [f"{helped['value']:.0f}", f"{harmed['value']:.0f}"]
    assert cells[5].endswith(f"exact p {net['p']:.3f}")
    assert any(
        row[0] == "Fleiss' kappa of the call" for row in found.tables["Agreement of all readers"]
    )
    gain = whole.loc[("all", "gain", "auroc")]
    (line,) = found.tables["AUROC: with the model less alone, the same readings"][1:]
    assert line[-1].endswith(f"p {gain['p']:.3f}")


def test_readers_are_numbered_and_small_groups_named_without_figures(own_run: Run, made) -> None:
    with_results(own_run, made.CLASSES[:1], ("blind_first",))
    html = page(own_run)
    assert not [name for name in READERS if f">{name}<" in html]
    (shown,) = readers(Material.of(own_run))
    each = next(one for one in shown.folded if one.caption == "AUROC of each reader")
    assert [row[1] for row in each.rows] == ["reader 1", "reader 2", "reader 3"]
    groups = next(one for one in shown.folded if "by group" in one.caption)
    assert [row[0] for row in groups.rows] == ["sex F", "sex M"]
    assert groups.caption.endswith("; too few patients: sex X")


def test_arms_say_that_they_compare_other_cases(own_run: Run, made) -> None:
    table = with_results(own_run, made.CLASSES[:1], ARMS)
    (shown,) = readers(Material.of(own_run))
    row = table[(table["step"] == "arms") & (table["metric"] == "auroc")].iloc[0]
    assert "Of the arms, blind first less without model: " in shown.said
    assert shown.said.endswith("same readers on other cases.")
    assert "different cases" in shown.reading
    (line,) = next(one for one in shown.forests if "one arm less another" in one.caption).marks
    found = (line.line.value, line.line.low, line.line.high)
    assert found == pytest.approx((row["value"], row["low"], row["high"]))


def test_several_findings_are_told_in_mean(own_run: Run, made) -> None:
    table = with_results(own_run, made.CLASSES, ("blind_first",))
    (shown,) = readers(Material.of(own_run))
    assert "AUROC (mean over classes)" in shown.said
    gains = next(one for one in shown.forests if "less alone" in one.caption)
    assert gains.marks[0].line.label == "mean over classes"
    n = len(made.CLASSES) + 1
    assert all(f"adjusted for {n} tests" in mark.line.said for mark in gains.marks)
    helped = table.query("reader == 'all' and arm == 'all' and group_by == 'all'")
    total = helped.loc[helped["metric"] == "helped", "value"].sum()
    assert f"{total:.0f} answers about a finding became right" in shown.said


def test_results_made_before_there_was_a_p_are_drawn(own_run: Run, made) -> None:
    table = with_results(own_run, made.CLASSES[:1], ("blind_first",))
    old = table[table["metric"] != "helped_less_harmed"]
    old = old.drop(columns=["p", "p_holm", "family", "test"])
    old.to_parquet(own_run.folder / "reading_results.parquet", index=False)
    (shown,) = readers(Material.of(own_run))
    assert "readers alone" in shown.said
    assert shown.sheets[0].rows[0][5] == "–"
