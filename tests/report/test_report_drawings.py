"""Where a number lies in a drawing."""

import math

import numpy as np
import pandas as pd
import pytest

from clinmm.cohort.spec import RecordInput
from clinmm.report import figures
from clinmm.report.case_parts import pieces, record
from clinmm.report.choice import choose
from clinmm.report.forest import WIDTH, Line, forest
from clinmm.report.material import Material
from clinmm.report.pictures import overlaid, pixels
from clinmm.report.values import round_ticks

HEAD = ("a", "n", "b", "c")


def test_a_difference_of_zero_lies_in_the_middle():
    lines = [Line("x", "1", "", 0.0, -0.1, 0.2), Line("y", "1", "", math.nan)]
    drawn = forest("", HEAD, lines, reference=0.0, centred=True)
    assert drawn.marks[0].dot == drawn.reference == WIDTH / 2
    assert drawn.marks[0].high == WIDTH - 6
    assert (drawn.marks[1].dot, drawn.marks[1].low) == (None, None)
    assert [text for _, text in drawn.ticks] == ["−0.2", "0", "0.2"]


def test_forests_of_several_classes_share_their_scale():
    one, other = Line("x", "1", "", 0.8, 0.7, 0.9), Line("y", "1", "", 0.6, 0.5, 0.7)
    first = forest("", HEAD, [one], among=[one, other])
    second = forest("", HEAD, [other], among=[one, other])
    assert first.ticks == second.ticks
    assert first.marks[0].low == second.marks[0].high


def points(**columns):
    size = len(columns["x"])
    frame = pd.DataFrame(
        {"arm": "fused", "low": np.nan, "high": np.nan, "n_cases": 20.0}, range(size)
    )
    return frame.assign(**columns)


def test_roc_begins_below_left_and_ends_above_right():
    panel = figures.roc("t", points(x=[0.0, 0.5, 1.0], y=[0.0, 0.9, 1.0]), [("fused", "f", ".8")])
    left, top, side = figures.LEFT, figures.TOP, figures.SIDE
    assert panel.curves[0].path.split() == [
        f"{left:.1f},{top + side:.1f}",
        f"{left + side / 2:.1f},{top + 0.1 * side:.1f}",
        f"{left + side:.1f},{top:.1f}",
    ]


def test_reliability_axes_end_where_the_estimates_do():
    rare = points(x=[0.02, 0.1], y=[0.03, 0.12], low=[0.0, 0.05], high=[0.1, 0.18])
    panel = figures.reliability("t", rare, rare.head(0))
    assert [text for _, text in panel.x_ticks] == ["0", "0.05", "0.1", "0.15", "0.2"]
    assert panel.dots[1].x == figures.LEFT + figures.SIDE / 2
    assert panel.dots[1].said == "estimated 0.10, observed 0.12, 20 cases"
    assert panel.below == "2 points of 20 cases"


def test_map_colours_for_orange_and_against_blue():
    grey = np.full((8, 8, 3), 100, dtype=np.uint8)
    values = np.zeros((8, 8))
    assert np.array_equal(overlaid(grey, values), grey)
    values[:, :3], values[:, 5:] = 1.0, -1.0
    drawn = overlaid(grey, values).astype(int)
    assert drawn[4, 0, 0] > 150 > drawn[4, 0, 2]
    assert drawn[4, 7, 2] > 150 > drawn[4, 7, 0]


def test_picture_of_16_bits_is_scaled_from_black_to_white(tmp_path):
    from PIL import Image

    ramp = np.linspace(0, 4095, 900 * 600).reshape(900, 600).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "x.png")
    shown = pixels(tmp_path / "x.png")
    assert shown.shape == (380, 253, 3)
    assert shown.min() < 3
    assert shown.max() > 252


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_overlapping_words_keep_the_stronger_score(order):
    start, end, score = np.array([0, 3]), np.array([8, 8]), np.array([0.5, -1.0])
    found = pieces("no fever now", start[order], end[order], score[order])
    assert [(p.text, p.kind) for p in found] == [("no ", "for"), ("fever", "against"), (" now", "")]
    assert found[1].opacity > found[0].opacity


@pytest.mark.parametrize("text", ["", "x", "a <b> c\n\nd"])
def test_pieces_put_together_are_the_note(text):
    rng = np.random.default_rng(0)
    start = rng.integers(-3, len(text) + 3, 20)
    found = pieces(text, start, start + rng.integers(0, 5, 20), rng.normal(size=20))
    assert "".join(piece.text for piece in found) == text


def test_cases_are_sorted_by_threshold_into_found_missed_and_false_alarm(finished):
    chosen = choose(Material.of(finished))
    assert len({one.case_id for one in chosen}) == len(chosen) == 6
    kinds = [one.heading for one in chosen]
    assert kinds[:4] == ["Found", "Missed", "False alarm", "Taken at random"]
    for one in chosen:
        called = one.row["probability"] >= 0.6
        truth = {"Found": (1, True), "Missed": (1, False), "False alarm": (0, True)}
        if one.heading in truth:
            assert (one.row["target"], called) == truth[one.heading]


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((-7.5, 7.5), ["−5", "0", "5"]),
        ((0.0, 18.0), ["0", "5", "10", "15"]),
        ((0.35, 0.9), ["0.4", "0.6", "0.8"]),
    ],
)
def test_ticks_are_round_and_lie_within_the_ends(ends, said):
    ticks = round_ticks(ends, down=False)
    assert [text for _, text in ticks] == said
    low, high = ends
    for place, text in ticks:
        value = float(text.replace("−", "-"))
        assert place == pytest.approx(figures.LEFT + figures.SIDE * (value - low) / (high - low))


def test_of_many_columns_of_a_record_those_that_say_something_are_shown():
    genes = {f"gene_{i}": "counts" for i in range(50)}
    source = RecordInput(kind="record", numeric={**genes, "age": "years", "crp": "mg/L"})
    case = pd.Series({**dict.fromkeys(genes), "age": 61.0, "crp": None})
    arrays = {
        "record/column": np.array([*genes, "age", "crp"]),
        "record/score": np.array([0.0] * 51 + [0.4]),
    }
    found = record("record", source, case, arrays, "")
    assert [(one.name, one.text) for one in found.values] == [("age", "61"), ("crp", "")]
    assert found.rest == 50
