"""What the pages draw from: notes are escaped, arrays are placed, files stay inside the run."""

import doctest
import html
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from made_run import COHORT, HOSTILE, WITHHELD
from PIL import Image

from clinmm.errors import InputError
from clinmm.explain.figures.maps import patch_sums
from clinmm.readers import stack
from clinmm.readers.volume import Volume
from clinmm.runs import Run
from dashboards import (
    case_data,
    examples,
    explained,
    note,
    panels,
    selections,
    viewer,
    what_if,
    words,
    words_explained,
    worklist,
)
from dashboards.case_data import RecordRow
from dashboards.panels import Line, Moved
from dashboards.reading import deciding, said, side_by_side, work

METHOD = "integrated_gradients"


@pytest.mark.parametrize(
    "module", [words, words_explained, note, what_if, worklist, said, work, side_by_side, deciding]
)
def test_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert result.failed == 0


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("coloured", [False, True])
def test_a_hostile_note_becomes_text_and_nothing_else(finished: Run, coloured: bool) -> None:
    text = finished.read("cases").set_index("case_id").loc[HOSTILE, "note"]
    spans = ()
    if coloured:
        spans = (np.arange(0, len(text), 3), np.arange(2, len(text) + 2, 3), np.ones(len(text)))
        spans = tuple(array[: len(text) // 3] for array in spans)
    parsed = _Tags()
    parsed.feed(note.coloured(text, *spans))
    assert set(parsed.tags) <= {"div", "span"}
    assert parsed.text == text


def test_words_are_coloured_by_sign_and_strength() -> None:
    text = "no fever but effusion"
    out = note.coloured(text, np.array([3, 13]), np.array([8, 21]), np.array([-0.2, 0.4]))
    found = re.findall(r'class="word (\w+)" title="\w+ ([\d.]+)"[^>]*,([\d.]+)\)">(\w+)<', out)
    assert found == [("against", "0.200", "0.32", "fever"), ("for", "0.400", "0.54", "effusion")]


def test_sixteen_bit_gray_and_colour_pictures_are_read_as_stored(finished: Run) -> None:
    gray = case_data.picture(finished.folder, "images/case_000_image.png")
    colour = case_data.picture(finished.folder, "images/case_006_image.png")
    assert gray is not None
    assert colour is not None
    assert (gray.mode, gray.pixels.dtype) == ("gray", np.uint16)
    assert gray.pixels.max() > 255
    assert (colour.mode, colour.pixels.shape[2]) == ("rgb", 3)
    assert case_data.picture(finished.folder, "") is None


def test_a_huge_picture_is_thinned_for_the_screen(own_run: Run) -> None:
    Image.fromarray(np.zeros((3000, 5300), np.uint16)).save(own_run.folder / "images/huge.png")
    picture = case_data.picture(own_run.folder, "images/huge.png")
    assert picture is not None
    assert picture.pixels.shape == (1000, 1767)


@pytest.mark.parametrize("path", ["../outside.png", "/etc/passwd", "images/../../x.npz"])
def test_a_path_out_of_the_run_is_refused(finished: Run, path: str) -> None:
    with pytest.raises(InputError, match="leads out of the run folder"):
        case_data.picture(finished.folder, path)


def test_the_browser_gets_the_pixels_and_the_map_unchanged() -> None:
    pixels = np.array([[0, 300], [65535, 7]], dtype=np.uint16)
    values = np.array([[0.5, -0.25, np.nan]], dtype=np.float16)
    sent = viewer.payload(case_data.Picture(pixels), "c1 image", "image of c1", values, 0.5, "m")
    back = np.frombuffer(sent["image"]["pixels"], "<u2").reshape(2, 2)
    assert (back == pixels).all()
    drawn = np.frombuffer(sent["map"]["values"], "<f4")
    assert drawn.tolist() == [0.5, -0.25, 0.0]
    assert [sent["map"][name] for name in ("width", "height", "scale")] == [3, 1, 0.5]


def test_map_words_and_record_share_the_scale_of_the_strongest(finished: Run) -> None:
    table = finished.read("explanations")
    found = explained.explanation(finished.folder, table, "case_000", "effusion", METHOD)
    assert found is not None
    strongest = max(
        np.abs(patch_sums(found.arrays["image/map"])).max(),
        np.abs(found.arrays["note/score"]).max(),
        np.abs(found.arrays["record/score"]).max(),
    )
    assert found.scale == pytest.approx(strongest)
    text = "fever and effusion"
    out = note.coloured(text, np.array([0]), np.array([5]), np.array([0.2]), 2.0)
    assert ",0.14)" in out


def test_a_pickled_attribution_is_refused(own_run: Run) -> None:
    table = own_run.read("explanations")
    file = own_run.folder / table.query("case_id == 'case_000'")["file"].iloc[0]
    np.savez(file, **{"image/map": np.array([{"not": "numbers"}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        explained.explanation(own_run.folder, table, "case_000", "cardiomegaly", METHOD)


def test_a_withheld_input_gives_no_array_but_the_others_do(finished: Run) -> None:
    table = finished.read("explanations")
    found = explained.explanation(finished.folder, table, WITHHELD, "effusion", METHOD)
    assert found is not None
    assert "randomised" in str(found.withheld("image"))
    assert found.array("image", "map") is None
    assert found.map("image") is None
    assert found.array("note", "score") is not None


def test_the_record_has_units_attributions_and_says_what_was_not_measured(finished: Run) -> None:
    cases = finished.read("cases").set_index("case_id")
    table = finished.read("explanations")
    found = explained.explanation(finished.folder, table, "case_001", "effusion", METHOD)
    assert found is not None
    scores = found.by_column("record", "score")
    rows = case_data.record_rows(cases.loc["case_001"], COHORT, "record", scores)
    by_name = {row.name: row for row in rows}
    assert (by_name["age"].value, by_name["age"].unit) == ("37", "years")
    assert by_name["temperature"].value == ""
    assert by_name["sex"].value == "F"
    assert all(row.score is not None for row in rows)
    out = panels.record(rows)
    assert out.count("not measured") == sum(row.value == "" for row in rows)


def test_hostile_values_of_the_record_are_escaped() -> None:
    bad = "<img src=x onerror=alert(1)>"
    for out in (
        panels.record([RecordRow(bad, bad, bad, 0.5, 0.2)]),
        panels.forest([Line(bad, bad, 0.5, 0.4, 0.6)], 0, 1, None, (bad, bad, bad)),
        panels.findings([("error", bad, bad, bad, bad)]),
        panels.moved([Moved(bad, 0.5, 0.4)], 0, 1, lambda value: bad),
        panels.colour_key(1.0, bad),
        note.marked(bad, 3, 9).replace("<mark>", "").replace("</mark>", ""),
        panels.risk_line(bad, bad, 0.5, 0.2, bad, bad),
    ):
        assert "<img" not in out
        assert html.escape(bad) in out


def test_the_forest_plot_puts_the_dot_where_the_number_is() -> None:
    out = panels.forest([Line("a", "10", 0.75, 0.6, 0.9)], 0.5, 1.0, 0.5)
    assert 'class="dot" style="left:50.00%"' in out
    assert 'class="bar" style="left:20.00%;width:60.00%"' in out


def test_the_similar_cases_are_the_nearest_point_within_a_tenth(finished: Run) -> None:
    curves = finished.read("curves")
    near = selections.similar(curves, "fused", "nodule", 0.30)
    assert near is not None
    assert near["x"] == pytest.approx(0.29)
    assert selections.similar(curves.query("x < 0.2"), "fused", "nodule", 0.6) is None


def test_the_dashboard_never_loads_a_model_library() -> None:
    code = (
        "import sys; from dashboards import fusion, run_data, selections, case_data, note, panels,"
        " charts, viewer, worklist, words, words_explained, explained, explaining,"
        " what_if, audit_rows, audit_panels; from dashboards.reading import form, inputs, model;"
        "from clinmm.explain.negation import negated_spans; negated_spans('no fever'); "
        "words_explained.meaning('occlusion'); words_explained.asks('deletion'); "
        "found = {'torch', 'captum', 'monai', 'transformers', 'sklearn'} & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_example_of_a_volume_is_its_middle_slice_in_all_greys(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).normal(0, 300, (9, 20, 30)).astype(np.float32)
    voxels[4, 0, 0] = 3000
    stack.save(Volume(voxels, (1.0, 1.0, 1.0), {"modality": "CT"}), tmp_path / "a.png")
    found = case_data.picture(tmp_path, "a.png")
    assert found is not None
    shown = examples.eight_bits(found)
    assert shown.shape == (20, 30)
    assert shown[0, 0] == 255
    assert shown.min() == 0


def test_of_many_columns_those_that_say_something_are_shown() -> None:
    rows = [case_data.RecordRow(f"gene_{i}", "", "", 0.0) for i in range(50)]
    named = case_data.RecordRow("age", "61", "years", 0.0)
    missed = case_data.RecordRow("crp", "", "mg/L", 0.4)
    assert case_data.strongest([*rows, named, missed]) == [named, missed]
    assert case_data.strongest([*rows[:3], named]) == [*rows[:3], named]
    blind = [case_data.RecordRow(f"gene_{i}", "" if i < 20 else "1", "") for i in range(50)]
    assert case_data.strongest(blind, 40) == blind[20:]
