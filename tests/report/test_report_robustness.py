"""The section on inputs that fail, against the tables it is drawn from."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clinmm.report.figures import LEFT, SIDE, TOP
from clinmm.report.inputs_fail import inputs_fail, panels
from clinmm.report.material import Material
from clinmm.report.page import page
from clinmm.robustness.lines import by_input
from clinmm.runs import Run

SHARES = np.arange(11) / 10


def curves(class_name: str = "macro") -> pd.DataFrame:
    """A note whose loss costs .2, .3 where it is another's; a record that costs nothing."""
    rows = [
        (f"{name} {change}", x, 0.9 - cost * x)
        for name, change, cost in (
            ("note", "dropped", 0.2),
            ("note", "swapped", 0.3),
            ("record", "dropped", 0.0),
        )
        for x in SHARES
    ]
    frame = pd.DataFrame(rows, columns=["group", "x", "y"])
    return frame.assign(
        kind="robustness",
        arm="fused",
        class_name=class_name,
        group_by="input",
        pattern="any",
        low=frame["y"] - 0.05,
        high=frame["y"] + 0.05,
        n_cases=100.0,
    )


@pytest.fixture
def changed(finished: Run, tmp_path: Path) -> Run:
    run = Run(Path(shutil.copytree(finished.folder, tmp_path / "made")))
    before = run.read("curves")
    run.write("curves", pd.concat([before, curves()], ignore_index=True))
    return run


def test_the_section_says_what_is_lost_and_draws_each_input(changed: Run) -> None:
    found = inputs_fail(Material.of(changed))
    assert found.said == (
        "AUROC 0.900 as it is. If an input fails for everyone: note 0.700 dropped, 0.600 swapped; "
        "record 0.900 dropped."
    )
    assert [one.title for one in found.panels] == ["note", "record"]
    assert [line.label for line in found.panels[0].curves] == ["dropped", "swapped"]
    html = page(changed)
    assert "If inputs fail" in html
    assert "0.600 swapped" in html


def test_the_best_single_input_is_the_level_of_the_dashed_line(changed: Run) -> None:
    metrics = changed.read("metrics")
    own = metrics[(metrics["arm"] == "image") & (metrics["metric"] == "auroc")]
    raw = own.assign(probability="raw", value=0.75)
    changed.write("metrics", pd.concat([metrics, raw], ignore_index=True))
    found = inputs_fail(Material.of(changed))
    middle = f"{TOP + SIDE / 2:.1f}"
    assert found.panels[0].reference == f"{LEFT:.1f},{middle} {LEFT + SIDE:.1f},{middle}"
    assert found.reading.endswith(
        "image alone, the best single input over all findings, on the cases that have it (0.750)."
    )
    changed.add_facts(best_single_arm=None)
    without = inputs_fail(Material.of(changed))
    assert without.panels[0].reference == ""
    assert "Dashed" not in without.reading


def test_lines_lie_where_they_should() -> None:
    note = by_input(curves())["note"]
    (panel,) = panels({"note": note}, 0.75)
    # from .5 (the lowest limit is .55) to 1 (the highest is .95)
    assert [text for _, text in panel.y_ticks] == ["1.00", "0.88", "0.75", "0.62", "0.50"]
    first, *_, last = panel.curves[0].path.split()
    assert first == f"{LEFT:.1f},{TOP + SIDE * 0.2:.1f}"
    assert last == f"{LEFT + SIDE:.1f},{TOP + SIDE * 0.6:.1f}"
    middle = f"{TOP + SIDE / 2:.1f}"
    assert panel.reference == f"{LEFT:.1f},{middle} {LEFT + SIDE:.1f},{middle}"
    assert panel.curves[0].band
    assert not panel.curves[1].band


def test_a_perfect_score_has_a_scale_of_its_own() -> None:
    rows = curves().assign(y=1.0, low=1.0, high=1.0)
    (panel, _) = panels(by_input(rows), float("nan"))
    assert panel.y_ticks[0][1] == "1.00"
    assert panel.y_ticks[-1][1] == "0.90"


def test_without_curves_it_says_what_makes_them(finished: Run, changed: Run) -> None:
    assert "clinmm train" in inputs_fail(Material.of(finished)).absent
    only = changed.read("curves")
    changed.write("curves", only[only["kind"] == "roc"])
    assert "clinmm train" in inputs_fail(Material.of(changed)).absent
    (changed.folder / "curves.parquet").unlink()
    assert "clinmm evaluate" in inputs_fail(Material.of(changed)).absent


def test_a_class_stands_in_where_there_is_no_mean(changed: Run) -> None:
    before = changed.read("curves")
    rest = before[before["kind"] != "robustness"]
    changed.write("curves", pd.concat([rest, curves("effusion")], ignore_index=True))
    assert "(effusion)" in inputs_fail(Material.of(changed)).reading
