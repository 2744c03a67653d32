"""The section on inputs that fail, on the page and in its figure."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from clinmm.robustness.lines import by_input
from clinmm.runs import Run
from dashboards import charts

Screen = Callable[[Run, str], AppTest]


def curves() -> pd.DataFrame:
    x = np.arange(11) / 10
    one = pd.DataFrame({"x": x, "y": 0.9 - 0.2 * x, "low": 0.8 - 0.2 * x, "high": 0.95 - 0.2 * x})
    one = one.assign(kind="robustness", arm="fused", class_name="effusion", group_by="input")
    one = one.assign(pattern="any", n_cases=100.0)
    groups = ("image dropped", "image swapped", "note dropped", "note swapped")
    return pd.concat([one.assign(group=group) for group in groups], ignore_index=True)


def test_the_figure_has_a_panel_for_each_input_and_a_line_for_each_change() -> None:
    figure = charts.inputs_fail(by_input(curves()), 0.8, "image alone")
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.fill is None]
    assert [trace.name for trace in lines] == ["dropped", "swapped", "image alone"] * 2
    np.testing.assert_allclose(lines[0].y, curves()["y"][:11])
    assert list(lines[2].y) == [0.8, 0.8]
    assert [trace.showlegend for trace in lines] == [True] * 3 + [False] * 3
    said = [one.text for one in figure.layout.annotations]
    assert said == ["image", "note", "share for whom it fails, %"]
    without = charts.inputs_fail(by_input(curves()), float("nan"), "")
    assert len(without.data) == len(figure.data) - 2


def test_the_page_shows_the_section_only_where_there_are_curves(
    finished: Run, own_run: Run, screen: Screen
) -> None:
    assert "If inputs fail" not in [one.value for one in screen(finished, "performance").header]
    own_run.write("curves", pd.concat([own_run.read("curves"), curves()], ignore_index=True))
    app = screen(own_run, "performance")
    assert not app.exception
    assert "If inputs fail" in [one.value for one in app.header]
    assert any("swapped with that of another patient" in one.value for one in app.caption)


def test_epochs_are_whole_and_bands_have_no_dots() -> None:
    rows = pd.DataFrame({"epoch": [1, 2, 3], "value": 0.5, "low": 0.4, "high": 0.6})
    figure = charts.over_epochs(rows.assign(input="image"), ["image"])
    assert list(figure.layout.xaxis.tickvals) == [1, 2, 3]
    assert {trace.mode for trace in figure.data} == {"lines"}
