"""Signals in the report's example cases."""

import numpy as np
import pytest

from clinmm.readers.curve import thinned
from clinmm.report.traces import HEIGHT, WIDTH, trace


@pytest.fixture
def file(tmp_path):
    samples = np.stack([np.arange(100.0), np.full(100, 7.0)]).astype(np.float32)
    samples[0, 40:60] = np.nan
    curve = thinned(samples, 10)
    path = tmp_path / "c_ecg.npz"
    np.savez(path, seconds=curve.seconds, values=curve.values, length_s=curve.length_s)
    return path


ARRAYS = {
    "ecg/channel": np.array([0, 0, 1, 1]),
    "ecg/start": np.array([0.0, 5.0, 0.0, 5.0]),
    "ecg/end": np.array([5.0, 10.0, 5.0, 10.0]),
    "ecg/score": np.array([2.0, -1.0, 0.01, 0.0]),
}


def test_a_line_runs_from_the_lowest_to_the_highest_and_stops_at_gaps(file):
    drawn = trace(file, "ecg", {}, "")
    first, second = drawn.channels
    assert len(first.lines) == 2
    assert first.lines[0].split()[0] == f"0.0,{HEIGHT:.1f}"
    assert first.lines[1].split()[-1] == f"{WIDTH * 0.99:.1f},0.0"
    assert len(first.lines[0].split()) == 40
    assert len(second.lines) == 1
    assert second.top > HEIGHT
    assert drawn.seconds == "10 s"
    assert not first.shades


def test_shades_lie_where_the_score_was_and_faint_ones_are_left_out(file):
    first, second = trace(file, "ecg", ARRAYS, "").channels
    assert [(s.x, s.width, s.kind) for s in first.shades] == [
        (0, WIDTH / 2, "for"),
        (WIDTH / 2, WIDTH / 2, "against"),
    ]
    assert first.shades[0].opacity == pytest.approx(2 * first.shades[1].opacity, abs=0.011)
    assert not second.shades


def test_a_withheld_explanation_is_not_drawn_but_told(file):
    drawn = trace(file, "ecg", ARRAYS, "no steps sufficed")
    assert drawn.withheld == "no steps sufficed"
    assert not any(channel.shades for channel in drawn.channels)


def test_the_page_draws_the_signal(own_run, tmp_path):
    from made_signal import add_signal

    from clinmm.report.page import page

    add_signal(own_run)
    html = page(own_run)
    assert '<polyline class="signal"' in html
    assert 'aria-label="ecg of case' in html
    assert "more columns, not recorded or of less weight" in html
