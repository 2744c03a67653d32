"""Parts of a case: what they are, what is left without them, and scores of them and back."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from linear_model import CASE, REFERENCE, ROWS, linear_model
from tiny_joint import tiny_joint, with_random_heads

from clinmm.cohort.record_rows import rows_of
from clinmm.config import Component
from clinmm.encoders import bag_of_words, mlp, wide
from clinmm.explain.attribute import explain
from clinmm.explain.joint import Joint, Target
from clinmm.explain.parts import answers_without, note, parts_of, record
from clinmm.explain.parts.note import NoteParts
from clinmm.explain.parts.sentences import sentences_of
from clinmm.model import MultimodalClassifier

ENCODERS = [
    "densenet",
    "densenet of volumes",
    "pixel_pca",
    "vision_model",
    "vision_model released",
    "bag_of_words",
    "gru",
    "language_model",
    "language_model released",
    "mlp",
    "feature_tokens",
    "wide",
    "conv1d",
    "log_mel",
]


# --- sentences -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No fever. Dyspnoea since Monday", ["No fever.", "Dyspnoea since Monday"]),
        ("Heart enlarged; effusion left", ["Heart enlarged;", "effusion left"]),
        ("Seen by Dr. Li, approx. 3 pm.", ["Seen by Dr. Li, approx. 3 pm."]),
        ("Imaging, e.g. CT, vs. none.", ["Imaging, e.g. CT, vs. none."]),
        ("Temp 98.6 F. CRP 4.5.", ["Temp 98.6 F.", "CRP 4.5."]),
        ("Seen by J. Smith, R.N. Hepatitis.", ["Seen by J. Smith, R.N.", "Hepatitis."]),
        ("He said no. Bed No. 3.", ["He said no.", "Bed No. 3."]),
        ("Given b.i.d. Then home.", ["Given b.i.d.", "Then home."]),
        ("Given b.i.d. for a week.", ["Given b.i.d. for a week."]),
        ("1. Large heart.\n2. No effusion.", ["1. Large heart.", "2. No effusion."]),
        ("- stable\n- no change", ["- stable", "- no change"]),
        ("no evidence of\nconsolidation", ["no evidence of\nconsolidation"]),
        ("Lungs clear\nHeart normal", ["Lungs clear", "Heart normal"]),
        ("lungs clear\n\nheart normal", ["lungs clear", "heart normal"]),
        ("IMPRESSION: No change.", ["IMPRESSION:", "No change."]),
        ("Clear. FINDINGS: None", ["Clear.", "FINDINGS:", "None"]),
        ('"Better." Home? Yes!', ['"Better."', "Home?", "Yes!"]),
        ("Kein Erguss, z.B. links.", ["Kein Erguss, z.B. links."]),
        ("患者发热。无积液。", ["患者发热。", "无积液。"]),
        ("Fever. ___. \n -- \n", ["Fever."]),
        ("  \n ", []),
        ("", []),
    ],
)
def test_sentences_end_where_a_person_would_end_them(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences_of(text)] == expected


def test_every_letter_lies_in_one_sentence_at_most_and_in_order() -> None:
    rng = np.random.default_rng(0)
    signs = np.array(list("ab AB1.;:!?\n_-(\"'é。"))
    for _ in range(200):
        text = "".join(rng.choice(signs, 60))
        spans = sentences_of(text)
        assert all(a < b for a, b in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        inside = set().union(*[range(a, b) for a, b in spans])
        assert all(i in inside for i, sign in enumerate(text) if sign.isalnum())


# --- notes -----------------------------------------------------------------------------------
def note_parts(text: str, **options: Any) -> NoteParts:
    raw = [text, "fever and cough", "no effusion"]
    config = bag_of_words.Config(min_notes=1, out_dim=2)
    encoder = bag_of_words.Encoder(config, bag_of_words.Encoder.learn(config, raw, None))
    encoder.start_from(encoder.prepare(raw))
    model = MultimodalClassifier({"note": encoder}, Component(name="concat"), [0.0])
    return NoteParts(Joint([with_random_heads(model)], {"note": text}), "note", **options)


def test_words_keep_their_hyphens_and_decimals_and_blanks_of_a_mask_are_none() -> None:
    text = "X-ray of 12/03: CRP 98.6,not 3.5cm; ___ pt's 发热"
    parts = note_parts(text)
    assert [text[a:b] for a, b in parts.spans] == [
        *("X-ray", "of", "12/03", "CRP", "98.6", "not", "3.5cm", "pt's"),
        *("发", "热"),
    ]
    assert parts.grid == (parts.n,) == (10,)
    assert not any(word.isalpha() for word in parts.labels)


def test_what_is_taken_away_is_cut_out_of_the_text() -> None:
    parts = note_parts("Fever, cough. No effusion.")
    removed = np.array([[False] * 4, [True, False, False, True], [True] * 4])
    assert [parts._cut(row) for row in removed] == [
        *("Fever, cough. No effusion.", ", cough. No .", ", .  ."),
    ]


def test_a_span_counts_to_the_words_that_it_overlaps_by_their_letters() -> None:
    parts = note_parts("Fever and cough.")  # 0-5, 6-9, 10-15
    located = {
        "start": np.array([0, 2, 15, 0]),
        "end": np.array([5, 9, 16, 16]),
        "score": np.array([1.0, 6.0, 9.0, 13.0]),
    }
    np.testing.assert_allclose(parts.scores(located), [1 + 3 + 5, 3 + 3, 5])


def test_a_long_note_is_read_in_runs_of_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note, "MOST_SENTENCES", 3)
    text = " ".join(f"Cough {i}." for i in range(8))
    parts = note_parts(text, sentences=True)
    assert parts.n == 3
    assert " ".join(text[a:b] for a, b in parts.spans) == text


def test_a_note_without_words_has_no_parts() -> None:
    for sentences in (False, True):
        parts = note_parts("...", sentences=sentences)
        assert parts.n == 0
        nothing = {key: np.zeros(0) for key in ("start", "end", "score")}
        assert parts.scores(nothing).shape == (0,)


# --- records ---------------------------------------------------------------------------------
def record_joint(row: dict[str, Any], module: Any = mlp) -> Joint:
    spec = SimpleNamespace(numeric={"age": "years", "crp": "mg/L"}, categorical=("sex",))
    rows = [{"age": 40.0 + i, "crp": 3.0 * i, "sex": "FM"[i % 2], "other": 1.0} for i in range(6)]
    config = module.Config(out_dim=3)
    encoder = module.Encoder(config, module.Encoder.learn(config, rows, spec))
    encoder.start_from(encoder.prepare(rows))
    model = MultimodalClassifier({"record": encoder}, Component(name="concat"), [0.0])
    return Joint([with_random_heads(model)], {"record": row})


@pytest.mark.parametrize("module", [mlp, wide])
def test_columns_that_are_recorded_and_read_are_parts(module: Any) -> None:
    row = {"age": 61.0, "crp": float("nan"), "sex": "F", "other": 1.0}
    joint = record_joint(row, module)
    parts = parts_of(joint, "record")
    assert parts.labels == ["age", "sex"]
    left = parts.without(np.array([[True, False], [False, True]]))
    by_hand = joint.prepared("record", [{**row, "age": None}, {**row, "sex": None}])
    for key, tensor in by_hand.items():
        torch.testing.assert_close(left[key], tensor)


def test_a_record_without_a_value_has_no_parts() -> None:
    parts = parts_of(record_joint({"age": None, "crp": float("nan"), "sex": None}), "record")
    assert parts.n == 0
    assert len(parts.without(np.zeros((2, 0), dtype=bool))["values"]) == 2


def test_of_a_wide_record_the_columns_far_from_the_reference_are_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(record, "MOST_COLUMNS", 3)
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(8, 30)), columns=[f"g{i}" for i in range(30)])
    table.loc[0, ["g3", "g20", "g11"]] = [40.0, -40.0, 40.0]
    rows = rows_of(table)
    spec = SimpleNamespace(numeric=dict.fromkeys(table, ""), categorical=())
    config = wide.Config(out_dim=3)
    encoder = wide.Encoder(config, wide.Encoder.learn(config, rows, spec))
    encoder.start_from(encoder.prepare(rows))
    model = MultimodalClassifier({"genes": encoder}, Component(name="concat"), [0.0])
    parts = parts_of(Joint([with_random_heads(model)], {"genes": rows[0]}), "genes")
    assert parts.labels == ["g3", "g11", "g20"]


def test_scores_of_a_column_that_comes_twice_add_up_and_of_none_are_zero() -> None:
    parts = parts_of(Joint([linear_model()], ROWS), "a")
    located = {"column": np.array(["second", "x", "second"]), "score": np.array([1.0, 5.0, 2.0])}
    assert parts.scores(located).tolist() == [0.0, 3.0]


# --- every encoder ---------------------------------------------------------------------------
@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_parts_suit_every_encoder(encoder: str, folder: Path) -> None:
    joint = tiny_joint(folder, {"x": encoder})
    parts = parts_of(joint, "x")
    assert parts.n == np.prod(parts.grid) == len(parts.labels) > 1
    whole = joint.answers_with({})

    nothing, everything = np.zeros((1, parts.n), bool), np.ones((1, parts.n), bool)
    some = np.eye(parts.n, dtype=bool)[:5]
    asked = np.concatenate([nothing, everything, some])
    left = answers_without(joint, {"x": parts}, {"x": asked})
    assert left.shape == (2 + len(some), 3)
    torch.testing.assert_close(left[:1], whole, atol=1e-4, rtol=1e-4)
    assert (left[1] - whole[0]).abs().max() > 1e-5
    one_by_one = [answers_without(joint, {"x": parts}, {"x": row[None]}) for row in asked]
    torch.testing.assert_close(left, torch.cat(one_by_one), atol=1e-4, rtol=1e-4)
    if joint.kind("x") in ("image", "signal"):
        reference = joint.answers_with({"x": joint.trunk("x", joint.references[0])})
        torch.testing.assert_close(left[1:2], reference, atol=1e-4, rtol=1e-4)

    scores = np.random.default_rng(0).normal(size=parts.n)
    back = parts.scores(parts.located(scores))
    np.testing.assert_allclose(back, scores, atol=2e-3)

    found = explain(joint, "integrated_gradients", Target(0), 8)
    kept = parts.scores(found.located["x"])
    assert kept.shape == (parts.n,)
    if joint.kind("x") in ("image", "signal"):
        assert kept.sum() == pytest.approx(found.sums["x"], abs=1e-2)


def test_cells_share_a_picture_and_a_volume_among_them(folder: Path) -> None:
    for encoder, side, n_axes in (("densenet", 12, 2), ("densenet of volumes", 6, 3)):
        parts: Any = parts_of(tiny_joint(folder, {"x": encoder}), "x")
        assert parts.grid == (side,) * n_axes
        sizes = np.bincount(parts.cell.ravel())
        assert sizes.min() >= np.prod(parts.shape) // parts.n // 2**n_axes > 0
        one = np.zeros(parts.shape)
        one[(0,) * n_axes] = 3
        assert parts.scores({"map": one}).tolist() == [3.0] + [0.0] * (parts.n - 1)


@pytest.mark.parametrize("encoder", ["conv1d", "log_mel"])
def test_stretches_of_time_hold_all_channels_and_bands(encoder: str, folder: Path) -> None:
    joint = tiny_joint(folder, {"x": encoder})
    parts: Any = parts_of(joint, "x")
    assert parts.grid == (24,)
    located = parts.located(np.arange(24.0))
    assert set(located["channel"]) == {0, 1}
    assert located["start"].min() == 0
    assert located["end"].max() == pytest.approx(4.0)
    first = {
        "channel": np.array([1]),
        "start": np.array([0.0], np.float32),
        "end": np.array([located["end"][0]], np.float32),
        "score": np.array([2.0], np.float32),
    }
    assert parts.scores(first)[0] == pytest.approx(2)
    gone = np.zeros((1, 24), bool)
    gone[0, 5] = True
    key = {"conv1d": "samples", "log_mel": "picture"}[encoder]
    left = parts.without(gone)[key][0]
    own, reference = joint.values[0][0], joint.references[0][0]
    changed = parts.cell == 5
    torch.testing.assert_close(left[..., changed], reference[..., changed])
    torch.testing.assert_close(left[..., ~changed], own[..., ~changed])


def test_a_patch_gives_way_to_the_mean_of_several_references(folder: Path) -> None:
    joint = tiny_joint(folder, {"x": "pixel_pca"})
    value = joint.values[0]
    joint = joint.with_references({"x": torch.cat([value * 0, value * 0 + 1])})
    parts = parts_of(joint, "x")
    left = parts.without(np.ones((1, parts.n), bool))["pixels"]
    torch.testing.assert_close(left, torch.full_like(value, 0.5))


def test_parts_of_several_inputs_are_taken_away_together() -> None:
    joint = Joint([linear_model()], ROWS)
    parts = {name: parts_of(joint, name) for name in "ab"}
    removed = {"a": np.array([[True, False]]), "b": np.array([[False, True]])}
    both = answers_without(joint, parts, removed)
    case = {name: torch.tensor([CASE[name]]) for name in "abc"}
    case["a"][0, 0], case["b"][0, 1] = REFERENCE["a"][0], REFERENCE["b"][1]
    torch.testing.assert_close(both, joint.answers(*case.values()).detach())
