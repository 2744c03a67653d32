"""A signal on the case page: its lines, its gaps, and where it spoke for or against."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made_signal import GAP, add_signal
from streamlit.testing.v1 import AppTest
from test_dashboard_cases import lock, read_as, text

from clinmm.readers.curve import Curve
from clinmm.runs import Run
from dashboards import charts

Screen = Callable[[Run, str], AppTest]


def charts_of(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(one.proto.spec) for one in app.get("plotly_chart")]


@pytest.fixture
def page(own_run: Run, screen: Screen) -> AppTest:
    add_signal(own_run, withheld="case_002")
    return screen(own_run, "cases")


def test_lines_come_first_and_shading_after_the_opinion(page: AppTest) -> None:
    read_as(page, "AB", "case_000")
    (drawn,) = charts_of(page)
    assert [trace["type"] for trace in drawn["data"]] == ["scatter", "scatter"]
    lock(page)
    (drawn,) = charts_of(page)
    assert [trace["type"] for trace in drawn["data"]] == ["heatmap", "scatter"] * 2
    assert "And 26 more columns" in text(page), "a record named by a pattern is shown in part"


def test_a_case_without_the_signal_says_so(page: AppTest) -> None:
    read_as(page, "AB", "case_001")
    assert not charts_of(page)
    assert "No ecg for this case." in text(page)


def test_withheld_shading_is_not_drawn(page: AppTest) -> None:
    lock(read_as(page, "AB", "case_002"))
    (drawn,) = charts_of(page)
    assert [trace["type"] for trace in drawn["data"]] == ["scatter", "scatter"]
    assert "Shading of the ecg withheld: no steps sufficed" in text(page)


def test_the_figure_shows_the_numbers_on_file() -> None:
    seconds = np.arange(800, dtype=np.float32) / 100
    values = np.stack([np.sin(seconds), np.full(800, np.nan)]).astype(np.float32)
    values[0, (seconds >= GAP[0]) & (seconds < GAP[1])] = np.nan
    start = np.arange(8.0)
    spans = [np.zeros(8, int), start, start + 1, np.linspace(-1, 1, 8)]
    figure = charts.signal(Curve(seconds, values, 8.0), spans, 2.0)
    shading, line, _, empty = figure.data
    np.testing.assert_array_equal(line.y, values[0])
    assert not line.connectgaps
    np.testing.assert_array_equal(shading.x, np.arange(9.0))
    np.testing.assert_array_equal(shading.z[0], spans[3])
    assert (shading.zmin, shading.zmax) == (-2, 2)
    assert np.isnan(empty.y).all()
    many = Curve(seconds, np.zeros((20, 800), np.float32), 8.0)
    assert len(charts.signal(many, [None] * 4, 1.0).data) == 12
