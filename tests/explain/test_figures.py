"""Figures of explained cases: what is in them, and what must not be."""

import base64
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from clinmm.errors import InputError, NotMadeYet
from clinmm.explain.figures import write_figures
from clinmm.explain.figures.maps import overlaid, patch_sums, scale_of, scores_by_character
from clinmm.explain.figures.page import html as html_of
from clinmm.explain.figures.pictures import strongest_slices
from clinmm.explain.figures.reader import CaseReader
from clinmm.explain.figures.what_if import what_if_of
from clinmm.readers import stack
from clinmm.readers.volume import Volume
from clinmm.runs import Run

NOTE = 'No <script>alert("x")</script> fever. Cost $5 and $7 \u2028 & worse.'
REASON = "not stable for this case: .21 <b>where</b> it is changed a little"
INPUTS: dict[str, Any] = {
    "image": {"kind": "image", "column": "image"},
    "note": {"kind": "note", "column": "note"},
    "record": {"kind": "record", "numeric": {"age": "years", "crp": "mg/L"}},
}
Make = Callable[..., Run]


def explained(name: str, method: str = "integrated_gradients", **changed: Any) -> dict[str, Any]:
    row = {
        "arm": "fused", "case_id": "c1", "class_name": "effusion", "method": method, "input": name,
        "share": 0.25, "share_low": 0.2, "share_high": 0.3, "attribution": 0.5,
        "special": np.nan, "logit_change": 2.0, "completeness_error": 0.01, "stability": 0.9,
        "status": "pass", "file": f"attributions/{method}.npz",
    }  # fmt: skip
    return row | changed


def otherwise(kind: str, y: float, name: str | None = None, **changed: Any) -> dict[str, Any]:
    row = {"arm": "fused", "case_id": "c1", "class_name": "effusion", "kind": kind, "input": name}
    return row | {"probability": y, "logit": 0.0} | changed


def located(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "image/map": rng.normal(0, 0.05, (24, 24)).astype(np.float16),
        "note/start": np.array([3, 39]), "note/end": np.array([31, 44]),
        "note/score": np.array([-0.6, 0.9], np.float32),
        "record/column": np.array(["age", "crp"]),
        "record/score": np.array([0.4, -0.2], np.float32),
        "record/mark": np.array([0.1, -0.2], np.float32),
    }  # fmt: skip


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A run with one explained case, made of tables alone."""

    def made(
        rows: list[dict[str, Any]] | None = None,
        arrays: dict[str, dict[str, Any]] | None = None,
        what_if: list[dict[str, Any]] | None = None,
        picture: bytes | None = None,
        target: dict[str, Any] | None = None,
        **cells: Any,
    ) -> Run:
        target = target or {"name": "effusion", "kind": "multilabel", "classes": ["effusion"]}
        facts = {"target": target, "n_folds": 3, "config_hash": "abcdef", "unit_name": "patient"}
        folder = tmp_path / f"run {len(list(tmp_path.iterdir()))}"
        run = Run.create(folder, "study", {**facts, "cohort": {"name": "made"}})
        kind = {"name": "finding", "kind": "multilabel", "columns": ["effusion"]}
        cohort = {"name": "made", "table": "cases.csv", "case_id": "case_id", "inputs": INPUTS}
        cohort |= {"patient_id": "patient_id", "target": kind}
        run.write_text("cohort.yaml", yaml.safe_dump(cohort))
        case: dict[str, Any] = {"case_id": "c1", "patient_id": "secret", "note": NOTE, "age": 71.0}
        case |= {"crp": np.nan, "image_display": "images/c1.png", "pattern": "image+note+record"}
        (folder / "images").mkdir()
        grey = np.linspace(0, 255, 60 * 40).reshape(60, 40).astype(np.uint8)
        Image.fromarray(grey).save(folder / "images" / "c1.png")
        if picture is not None:
            (folder / "images" / "c1.png").write_bytes(picture)
        run.write("cases", pd.DataFrame([case | cells]))
        prediction = {"arm": "fused", "repeat": 0, "fold": 1, "case_id": "c1", "split": "test"}
        prediction |= {"patient_id": "secret", "class_name": "effusion", "target": 1.0}
        value = target["kind"] == "continuous"
        numbers = {"probability_raw": 0.3, "probability": np.nan if value else 0.31}
        numbers |= {"value_raw": 63.0, "value": 63.25, "value_low": 50.5, "value_high": 71.0}
        run.write("predictions", pd.DataFrame([prediction | numbers | {"pattern": "any"}]))
        (folder / "attributions").mkdir()
        arrays = arrays or {"integrated_gradients": located(np.random.default_rng(0))}
        for method, content in arrays.items():
            np.savez(folder / "attributions" / f"{method}.npz", **content)
        run.write("explanations", pd.DataFrame(rows or [explained(name) for name in INPUTS]))
        if what_if:
            run.write("what_if", pd.DataFrame(what_if))
        return run

    return made


def figures(run: Run, tmp_path: Path, **asked: Any) -> tuple[Image.Image, str]:
    png, html = write_figures(run, ["c1"], tmp_path / "out" / run.folder.name, **asked)
    return Image.open(png), html.read_text(encoding="utf-8")


def page(run: Run, methods: list[str] | None = None, **asked: Any) -> str:
    """The HTML alone."""
    return html_of(CaseReader(run, methods).case("c1", **asked))


def orange(picture: Image.Image) -> int:
    """How many pixels are clearly orange or blue."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return int((abs(pixels[..., 0] - pixels[..., 2]) > 60).sum())


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_figure_fits_a_page_of_a_journal_and_holds_every_part(make: Make, tmp_path: Path) -> None:
    run = make()
    picture, html = figures(run, tmp_path)
    assert picture.width == pytest.approx(180 / 25.4 * 300, abs=1)
    assert round(picture.info["dpi"][0]) == 300
    assert np.asarray(picture.convert("RGB"))[0, 0].tolist() == [255, 255, 255]
    text = Tags(html).text
    for said in (
        "Case c1: effusion", "Risk estimate 0.310", "25 % (20 to 30 %)", "+0.50 logits", "71 years",
        "not measured", "model of fold 1 of 3, repeat 0", "Study made", "integrated gradients",
        "For research and review use", "of it +0.10 that it was measured",
    ):  # fmt: skip
        assert said in text, said
    assert "secret" not in html
    assert orange(picture) > 1000


def test_hostile_text_is_escaped_and_nothing_runs_or_loads(make: Make) -> None:
    row = explained("image", status="withheld", reason=REASON)
    html = page(make([row, explained("note")]))
    read = Tags(html)
    assert not {"script", "iframe", "link", "object"} & {tag for tag, _ in read.tags}
    assert '<script>alert("x")</script>' in read.text
    assert "<b>where</b>" in read.text
    sources = [attrs["src"] for tag, attrs in read.tags if tag == "img"]
    assert sources
    assert all(source and source.startswith("data:image/") for source in sources)
    assert not any(name.startswith("on") for _, attrs in read.tags for name in attrs)
    for source in sources:
        assert source
        head, _, content = source.partition(",")
        if "svg" in head:
            assert b"script" not in base64.b64decode(content).lower()


def test_what_is_withheld_is_not_in_the_files(make: Make, tmp_path: Path) -> None:
    rows = [explained(name, status="withheld", reason="random") for name in INPUTS]
    weak, strong = (located(np.random.default_rng(seed)) for seed in (1, 2))
    strong["image/map"] = strong["image/map"] * 100
    runs = [make(rows, {"integrated_gradients": arrays}) for arrays in (weak, strong)]
    picture, html = figures(runs[0], tmp_path)
    assert orange(picture) == 0
    assert html == page(runs[1])
    assert html.count("Not drawn. Random") == 3
    assert "with its map" not in html
    assert "rgba(" not in html
    assert 'class="bar"' not in html


def test_one_withheld_input_leaves_the_others(make: Make, tmp_path: Path) -> None:
    rows = [explained("image", status="withheld", reason=REASON), explained("note")]
    picture, html = figures(make(rows), tmp_path)
    assert "with its map" not in html
    assert "rgba(230,140,0" in html
    assert "Integrated gradients says nothing of this input" in html
    assert "71 years" in html
    assert orange(picture) > 100


def test_the_method_with_most_to_draw_is_drawn_and_each_is_told_of(make: Make) -> None:
    arrays = located(np.random.default_rng(0))
    rows = [
        explained("image", status="withheld", reason="random"),
        *(explained(name, "occlusion") for name in ("image", "note")),
        *(explained(name, "input_shapley") for name in INPUTS),
    ]
    every = {"integrated_gradients": arrays, "occlusion": arrays, "input_shapley": {}}
    run = make(rows, every)
    shown = CaseReader(run).case("c1")
    assert shown.method == "occlusion"
    assert shown.checked[0] == ("integrated gradients", "image", "withheld: random")
    assert ("Shapley values of whole inputs", "record", "passed") in shown.checked
    only = CaseReader(run, ["integrated_gradients"]).case("c1")
    assert only.method == "integrated gradients"


def test_a_case_without_image_and_one_without_note(make: Make, tmp_path: Path) -> None:
    html = page(make([explained("note")], image_display=None, age=np.nan))
    assert "Not there for this case: image and record." in html
    html = page(make([explained("image")], note=None))
    assert "Not there for this case: note." in html
    assert 'class="note"' not in html


def test_of_a_method_without_logits_no_shares_are_told_and_the_map_is_as_it_is(make: Make) -> None:
    arrays = located(np.random.default_rng(0))
    run = make([explained("image", "grad_cam", logit_change=np.nan)], {"grad_cam": arrays})
    shown = CaseReader(run).case("c1")
    assert shown.shares == []
    assert shown.unit == "relative"
    assert [one.name for one in shown.inputs] == list(INPUTS)
    drawn = next(one.drawn for one in shown.inputs if one.name == "image")
    given = arrays["image/map"].astype(np.float32)
    np.testing.assert_allclose(drawn, given / np.abs(given).max(), rtol=1e-6)
    assert shown.scale == 1
    html = page(run)
    assert "Share per input" not in html
    assert html.count("Grad-CAM says nothing of this input") == 2
    assert "Not there" not in html


def test_attention_has_no_sides_and_each_input_a_scale_of_its_own(
    make: Make, tmp_path: Path
) -> None:
    content = located(np.random.default_rng(0))
    arrays = {key: np.abs(a) if "score" in key else a for key, a in content.items()}
    arrays["image/map"] = np.full((24, 24), 1e-4, np.float16)
    rows = [explained(name, "attention", logit_change=np.nan) for name in INPUTS]
    picture, html = figures(make(rows, {"attention": arrays}), tmp_path)
    assert "not why it decided" in html
    assert "against" not in html.partition("</style>")[2]
    assert orange(picture) > 50_000, "the words do not outshine the picture"


def test_a_copy_that_leads_out_of_the_run_is_not_read(make: Make, tmp_path: Path) -> None:
    Image.new("L", (9, 9)).save(tmp_path / "outside.png")
    html = page(make(image_display="../outside.png"))
    assert "The display copy is not in the run." in html


def test_a_volume_is_drawn_by_its_strongest_slices(make: Make, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).uniform(0, 1, (12, 20, 16)).astype(np.float32)
    stack.save(Volume(voxels, (1.0, 1.0, 1.0)), tmp_path / "volume.png")
    content = located(np.random.default_rng(0))
    content["image/map"] = np.full((12, 8, 8), 0.001, np.float16)
    content["image/map"][[2, 7, 9]] = [[[0.2]], [[-0.3]], [[0.1]]]
    run = make(arrays={"integrated_gradients": content},
               picture=(tmp_path / "volume.png").read_bytes())  # fmt: skip
    html = page(run)
    assert re.findall(r"slice \d+ of 12", html) == [
        said for n in (3, 8, 10) for said in [f"slice {n} of 12"] * 2
    ]
    assert "What each slice of the volume adds" in html
    loaded = stack.load(tmp_path / "volume.png")
    assert loaded is not None
    weights = np.array([0.0, 3.0, -5.0, 1.0])[:, None, None] * np.ones((4, 2, 2))
    assert strongest_slices(loaded, weights) == [4, 7, 10]


def test_a_value_is_told_in_its_unit(make: Make, tmp_path: Path) -> None:
    target = {"name": "weight", "kind": "continuous", "unit": "kg"}
    asked = [otherwise("as_is", 63.25), otherwise("input_removed", 60.0, "note")]
    run = make(target=target, what_if=asked)
    html = page(run)
    text = Tags(html).text
    assert "Value 63.2 kg (promised interval 50.5 to 71.0)" in text
    assert "+0.50 kg" in text
    assert "of 100 such" not in text
    shown = CaseReader(run).case("c1").what_if
    assert shown is not None
    assert shown.answer == "value, kg"


def test_what_if_names_the_sentence_and_the_column_that_matter_most() -> None:
    table = pd.DataFrame(
        [
            otherwise("as_is", 0.4),
            otherwise("input_removed", 0.2, "note"),
            otherwise("sentence_removed", 0.39, "note", part="0:3"),
            otherwise("sentence_removed", 0.6, "note", part="4:9"),
            otherwise("column_moved", 0.1, "record", part="age", x="20"),
            otherwise("column_moved", 0.8, "record", part="age", x="90"),
            otherwise("column_moved", 0.3, "record", part="age"),
            otherwise("column_moved", 0.4, "record", part="crp", x="5"),
            otherwise("input_adds", 0.25, "note"),
            otherwise("input_adds", -0.05, "record"),
        ]
    )
    found = what_if_of(table, "c1", "effusion", {"note": "One two\n three"})
    assert found is not None
    assert found.as_is == 0.4
    assert found.without == [("without note", 0.2), ("without “two”", 0.6)]
    assert (found.column, found.curve) == ("age", [("20", 0.1), ("90", 0.8)])
    assert found.unmeasured == 0.3
    assert found.adds == [("note", 0.25), ("record", -0.05)]
    assert "0.200 is there without any input; note adds +0.250" in found.adds_said()
    assert what_if_of(table, "c2", "effusion", {}) is None
    assert what_if_of(None, "c1", "effusion", {}) is None


def test_a_class_set_against_another_has_a_figure_of_its_own(make: Make, tmp_path: Path) -> None:
    rows = [explained("image"), explained("image", rather_than="nodule", share=0.75)]
    run = make(rows)
    html = page(run, rather_than="nodule")
    assert "effusion rather than nodule" in html
    assert "75 %" in html
    assert "75 %" not in page(run)


def test_a_figure_of_a_difference_says_what_of_it_was_checked(make: Make) -> None:
    def said(**cells: Any) -> str:
        run = make([explained("image"), explained("image", rather_than="nodule", **cells)])
        assert "difference" not in page(run)
        return Tags(page(run, rather_than="nodule")).text

    by_itself = "The audit judged each of the two classes by itself, not their difference. "
    checked = (
        f"{by_itself}Of the difference itself only this was checked, for this case: that it adds up"
    )
    assert f"{checked} and that it is stable." in said(stability=0.8)
    assert f"{checked}." in said(stability=float("nan"))
    nothing = said(stability=float("nan"), logit_change=float("nan"))
    assert f"{by_itself}Of the difference itself nothing was checked." in nothing


def test_the_same_run_gives_the_same_files(make: Make, tmp_path: Path) -> None:
    run = make(what_if=[otherwise("as_is", 0.4), otherwise("input_removed", 0.2, "note")])
    first, second = (
        [path.read_bytes() for path in write_figures(run, ["c1"], tmp_path / name)]
        for name in ("first", "second")
    )
    assert first == second


def test_refusals(make: Make, tmp_path: Path) -> None:
    run = make()
    with pytest.raises(InputError, match="no explanation of 1 of 2 cases, first c9"):
        write_figures(run, ["c1", "c9"], tmp_path)
    with pytest.raises(InputError, match="no explanation for nodule"):
        write_figures(run, ["c1"], tmp_path, class_name="nodule")
    with pytest.raises(InputError, match="no explanations by grad_cam; it has integrated_grad"):
        write_figures(run, ["c1"], tmp_path, methods=["grad_cam"])
    (run.folder / "explanations.parquet").unlink()
    with pytest.raises(NotMadeYet, match="clinmm explain"):
        write_figures(run, ["c1"], tmp_path)


def test_file_names_lose_no_case(make: Make, tmp_path: Path) -> None:
    from clinmm.explain.figures import _file_name

    names = {_file_name(case_id, "x") for case_id in ("a/b", "a:b", "../a b", "a_b", "a" * 99)}
    assert len(names) == 5
    assert all(re.fullmatch(r"[\w-]+", name) for name in names)


# --- the numbers behind the colours ----------------------------------------------------------
def test_patch_sums_are_sums_over_squares() -> None:
    values = np.random.default_rng(0).normal(size=(30, 50))
    sums, reach = patch_sums(values), 50 // 24
    for row, column in ((0, 0), (10, 20), (29, 49), (3, 48)):
        square = values[
            max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
        ]
        assert sums[row, column] == pytest.approx(square.sum(), abs=1e-5)
    assert scale_of([np.array([0.2, -0.7]), np.array([])]) == pytest.approx(0.7)
    assert scale_of([]) == 1


def test_an_overlay_is_orange_for_blue_against_and_nothing_at_zero() -> None:
    grey = np.full((2, 3, 3), 100, np.uint8)
    drawn = overlaid(grey, np.array([[2.0, 0.0, -2.0]] * 2), 2.0)
    assert drawn[0, 0, 0] > drawn[0, 0, 2]
    assert drawn[0, 2, 0] < drawn[0, 2, 2]
    assert drawn[0, 1].tolist() == [100, 100, 100]


def test_words_that_overlap_keep_the_stronger_score() -> None:
    spans = {"start": np.array([0, 2]), "end": np.array([4, 9]), "score": np.array([0.5, -1.0])}
    assert scores_by_character(5, spans).tolist() == [0.5, 0.5, -1.0, -1.0, -1.0]


def test_images_of_the_page_can_be_opened(make: Make, tmp_path: Path) -> None:
    html = page(make())
    jpegs = re.findall(r"data:image/jpeg;base64,([^\"]+)", html)
    sizes = [Image.open(io.BytesIO(base64.b64decode(jpeg))).size for jpeg in jpegs]
    assert sizes == [(40, 60), (40, 60)]


def test_a_signal_is_shaded_where_it_spoke() -> None:
    from matplotlib.figure import Figure

    from clinmm.explain.figures import panels
    from clinmm.explain.figures.shown import Input
    from clinmm.readers.curve import Curve

    values = np.stack([np.sin(np.linspace(0, 9, 200)), np.full(200, np.nan)]).astype(np.float32)
    curve = Curve(np.linspace(0, 2, 200, dtype=np.float32), values, 2.0)
    spans = {"channel": [0, 1], "start": [0.0, 1.0], "end": [1.0, 2.0], "score": [0.9, -0.9]}
    arrays = {key: np.array(values) for key, values in spans.items()}
    pixels = []
    for given in (arrays, {}):
        figure = Figure(figsize=(4, 2))
        panels.signal(figure.add_subplot(), Input("ecg", "signal", "", given, curve=curve), 0.9)
        out = io.BytesIO()
        figure.savefig(out, format="png")
        pixels.append(orange(Image.open(out)))
    assert pixels[0] > 1000
    assert pixels[1] == 0


def test_sums_over_patches_of_a_volume_are_sums_over_cubes() -> None:
    values = np.zeros((48, 48, 48))
    values[20, 21, 22] = 1.0
    sums = patch_sums(values)
    assert sums.sum() == pytest.approx(5**3)
    assert sums[18, 23, 24] == pytest.approx(1)
    assert sums[17, 21, 22] == pytest.approx(0)
