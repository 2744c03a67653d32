"""Recurrent nets on word pieces: their tokenizers, given vectors, and what padding must not do."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_encoders import NOTES, Make

from clinmm import registry
from clinmm.cases import Batch
from clinmm.config import Component
from clinmm.encoders.parts.note_words import joined
from clinmm.encoders.parts.pooling import AttentionPool, mean_of
from clinmm.encoders.parts.word_pieces import (
    FIRST,
    UNKNOWN_PIECE,
    Pieces,
    count_words,
    learn_pieces,
    whole_words,
)
from clinmm.errors import InputError
from clinmm.model import MultimodalClassifier
from clinmm.predict import by_length, embeddings_of, logits_of

recurrent = pytest.mark.parametrize("name", ["gru", "lstm"])
GLOVE = "fever 1 0 0\ncough 0 1 0\neffusion 0 0 2\nzebra 5 5 5\n"


def make(name: str, notes: Any = NOTES, **settings: Any) -> Any:
    module = registry.load("encoders", name)
    config = module.Config(**{"min_count": 1, "dim": 5, "hidden": 4, "out_dim": 3} | settings)
    facts = json.loads(json.dumps(module.Encoder.learn(config, list(notes), None)))
    torch.manual_seed(0)
    encoder = module.Encoder(config, facts)
    encoder.start_from(encoder.prepare(list(notes)))
    return encoder.eval()


# --- pieces -------------------------------------------------------------------------------------
def test_byte_pairs_of_a_small_corpus_by_hand() -> None:
    """aab aab aab ab: first the pair seen most (a b: 4), then the word's begin before a (3)."""
    facts = learn_pieces(["aab aab", "aab ab"], 100, 1)
    merges = [tuple(pair) for pair in facts["model"]["merges"]]
    assert merges[0] == ("a", "b")
    assert Pieces(facts).seen_in(["aab ab"]) != Pieces(facts).seen_in(["aab"])
    numbers, spans = Pieces(facts, Pieces(facts).seen_in(["aab ab"])).of("aab ab", 10)
    assert spans == [(0, 3), (4, 6)]
    assert numbers[0] != numbers[1]


def test_rare_pairs_stay_apart() -> None:
    notes = ["fever cough", "fever dyspnoea"]
    often = Pieces(learn_pieces(notes, 100, 2))
    assert len(often.of("fever", 9)[0]) == 1
    assert len(often.of("cough", 9)[0]) > 1


def test_the_tokenizer_is_the_same_in_every_process() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefgh"), 6)) for _ in range(200)]
    notes = [" ".join(rng.choice(words, 30)) for _ in range(20)]
    code = (
        "import sys, json, hashlib\n"
        "from clinmm.encoders.parts.word_pieces import learn_pieces\n"
        "made = json.dumps(learn_pieces(json.load(sys.stdin), 300, 2))\n"
        "print(hashlib.sha256(made.encode()).hexdigest())"
    )
    here = hashlib.sha256(json.dumps(learn_pieces(notes, 300, 2)).encode()).hexdigest()
    there = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(notes),
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_what_a_mask_left_is_no_piece_and_what_training_did_not_see_is_one_unknown() -> None:
    facts = whole_words(count_words(["He is at home."]))
    pieces = Pieces(facts, Pieces(facts).seen_in(["He is at home."]))
    home, at = pieces.of("home", 9)[0][0], pieces.of("at", 9)[0][0]
    numbers, spans = pieces.of("___ at ______ zebra HOME ___", 9)
    assert numbers == [at, UNKNOWN_PIECE, home]
    assert spans == [(4, 6), (14, 19), (20, 24)]
    assert min(home, at) >= FIRST


def test_a_given_tokenizer_is_taken_as_it_is(language_model_folder: Path) -> None:
    encoder = make("gru", tokenizer=str(language_model_folder))
    numbers, spans = encoder.pieces.of("Fever, effusion", 9)
    assert [("Fever, effusion")[s:e] for s, e in spans] == ["Fever", ",", "eff", "us", "ion"]
    assert len(set(numbers)) == 5
    assert encoder.facts["seen"] == sorted(encoder.facts["seen"])
    assert 1 not in encoder.facts["seen"], "[UNK] is not a piece of its own"
    said = make("gru", ["Сухой кашель и температура."], tokenizer=str(language_model_folder))
    assert "hardly knows the language" in said.facts["warning"]


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Give a folder that holds a tokenizer\.json"):
        make("gru", tokenizer=str(tmp_path))


def test_notes_without_words_do_not_stop_training() -> None:
    for notes in ([], [None], ["___"]):
        encoder = make("gru", notes)
        prepared = encoder.prepare(["fever", "", None])
        assert torch.isfinite(encoder.train()(**prepared)).all()


# --- the net ------------------------------------------------------------------------------------
@recurrent
@pytest.mark.parametrize("pool", ["mean_max", "attention"])
def test_it_is_the_net_of_each_note_alone_without_padding(name: str, pool: str) -> None:
    encoder = make(name, pool=pool)
    if encoder.pool is not None:
        torch.nn.init.normal_(encoder.pool.score.weight)
    prepared = encoder.prepare(NOTES)
    found, states, real = encoder.with_tokens(**prepared)
    for i, note in enumerate(NOTES):
        numbers, _ = encoder.pieces.of(note, 999)
        own, _ = encoder.net(encoder.vectors(torch.tensor([numbers])))
        if encoder.pool is None:
            pooled = torch.cat([own.mean(1), own.amax(1)], dim=1)
        else:
            weight = torch.softmax(own @ encoder.pool.score.weight[0], dim=1)
            pooled = (weight[..., None] * own).sum(1)
        torch.testing.assert_close(found[i : i + 1], encoder.out(pooled))
        torch.testing.assert_close(states[i, real[i]], own[0])
        assert not states[i, ~real[i]].any()
        assert encoder.lengths(prepared)[i] == len(numbers)


@recurrent
def test_only_the_first_pieces_are_read(name: str) -> None:
    encoder = make(name, longest=8)
    as_it_is, changed = encoder.prepare([NOTES[0], NOTES[0] + " And chest pain."])["ids"]
    assert torch.equal(as_it_is, changed)
    assert encoder.prepare(NOTES)["ids"].shape == (6, 8)


@recurrent
def test_a_share_of_a_piece_is_given_what_the_numbers_of_its_vector_would_be(name: str) -> None:
    encoder = make(name)
    case = encoder.attributable(NOTES[0])
    words = encoder.vectors(case.fixed["ids"].long())
    point = (0.5 * words).detach().requires_grad_()
    states, _ = encoder.net(point)
    encoder.out(torch.cat([states.mean(1), states.amax(1)], dim=1))[0, 0].backward()
    share = (0.5 * case.values).requires_grad_()
    encoder(**encoder.trunk(share, case.fixed))[0, 0].backward()
    torch.testing.assert_close(share.grad, (point.grad * words).sum(-1), rtol=1e-4, atol=1e-6)


@recurrent
def test_words_are_located_whole(name: str, tiny: Make) -> None:
    _, encoder, _, _ = tiny(name)
    note = "Dry coughing; effusion left."
    values = encoder.attributable(note).values
    located = encoder.located(np.ones(values.shape[1:], np.float32), note)
    words = [note[s:e] for s, e in zip(located["start"], located["end"], strict=True)]
    assert {"Dry", "coughing", "effusion", "left"} <= set(words)


def test_training_shows_some_pieces_as_unknown_and_use_does_not() -> None:
    encoder = make("gru", dropout=0.0)
    prepared = encoder.prepare(NOTES)
    encoder.train()
    torch.manual_seed(1)
    once, again = encoder(**prepared), encoder(**prepared)
    assert not torch.equal(once, again)
    encoder.eval()
    assert torch.equal(encoder(**prepared), encoder(**prepared))


# --- given vectors ------------------------------------------------------------------------------
def vector(encoder: Any, word: str) -> list[float]:
    (number,), _ = encoder.pieces.of(word, 9)
    return encoder.vectors.weight[number].tolist()


@pytest.mark.parametrize("form", ["glove", "word2vec", "npz"])
def test_vectors_of_a_file_stand_at_their_words(form: str, tmp_path: Path) -> None:
    file = tmp_path / ("vectors.npz" if form == "npz" else "vectors.txt")
    if form == "npz":
        rows = [line.split() for line in GLOVE.splitlines()]
        numbers = np.array([row[1:] for row in rows], np.float32)
        np.savez(file, words=np.array([row[0] for row in rows]), vectors=numbers)
    else:
        file.write_text(("4 3\n" if form == "word2vec" else "") + GLOVE, encoding="utf-8")
    encoder = make("gru", [*NOTES, None], vectors=str(file), min_count=2)
    scale = 3**0.5 / ((1 + 1 + 2) / 3)
    assert vector(encoder, "fever") == pytest.approx([scale, 0, 0])
    assert vector(encoder, "Effusion") == pytest.approx([0, 0, 2 * scale])
    assert encoder.pretrained is encoder.vectors
    said = encoder.facts["vectors"]
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert said["dim"] == 3
    counts = count_words(NOTES)
    covered = sum(counts[word] for word in ("fever", "cough", "effusion"))
    assert said["coverage"] == pytest.approx(covered / counts.total(), abs=1e-4)
    assert "only" in encoder.facts["warning"]
    assert encoder.pieces.of("zebra", 9)[0] == [UNKNOWN_PIECE], "no note of training has it"
    assert encoder.pieces.of("fall", 9)[0] == [UNKNOWN_PIECE], "once, and not in the file"


def test_a_trained_model_does_not_need_the_file_of_vectors(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text(GLOVE, encoding="utf-8")
    encoder = make("lstm", vectors=str(file))
    file.unlink()
    again = type(encoder)(encoder.config, encoder.facts).eval()
    again.load_state_dict(encoder.state_dict())
    prepared = encoder.prepare(NOTES)
    assert torch.equal(again(**prepared), encoder(**prepared))


def test_vectors_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    with pytest.raises(InputError, match="is no file"):
        make("gru", vectors=str(file))
    for content, said in {
        "fever 1 x 0\n": "cannot be read",
        "fever 1 0\ncough 1 0 0\n": "not all of one length",
        "zebra 1 0 0\n": "no word of the training notes",
    }.items():
        file.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=said):
            make("gru", vectors=str(file))
    archive = tmp_path / "vectors.npz"
    np.savez(archive, nothing=np.zeros(3))
    with pytest.raises(InputError, match="cannot be read"):
        make("gru", vectors=str(archive))


def test_vectors_that_change_before_training_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text(GLOVE, encoding="utf-8")
    encoder = make("gru", vectors=str(file))
    file.write_text(GLOVE.replace("fever 1", "fever 7"), encoding="utf-8")
    with pytest.raises(InputError, match="changed in between"):
        encoder.start_from(encoder.prepare(NOTES))


# --- shared parts -------------------------------------------------------------------------------
def test_the_mean_and_the_attention_over_parts_by_hand() -> None:
    values = torch.tensor([[[1.0], [3.0], [99.0]], [[5.0], [7.0], [7.0]]])
    real = torch.tensor([[True, True, False], [False, False, False]])
    assert mean_of(values, real).tolist() == [[2.0], [0.0]]
    pool = AttentionPool(1)
    assert pool(values, real).tolist() == [[2.0], [0.0]]
    torch.nn.init.constant_(pool.score.weight, float(np.log(3) / 2))  # weights 1 : 3
    torch.testing.assert_close(pool(values, real), torch.tensor([[2.5], [0.0]]))


def test_pieces_that_overlap_or_touch_within_a_word_are_one_word() -> None:
    note = "ab c-d"
    found = joined({(0, 1): 1, (1, 2): 2, (3, 4): 4, (4, 5): 8, (5, 6): 16, (4, 6): 32}, note)
    spans = [note[s:e] for s, e in zip(found["start"], found["end"], strict=True)]
    assert dict(zip(spans, found["score"].tolist(), strict=True)) == {"ab": 3, "c": 4, "-d": 56}


# --- prediction by length -----------------------------------------------------------------------
def test_prediction_sorts_cases_by_length_and_puts_them_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    words = " ".join(NOTES).split()
    notes = [" ".join(rng.choice(words, n)) for n in rng.permutation(np.arange(1, 61))]
    present = torch.from_numpy(rng.random((60, 2)) > 0.2)
    encoders = {"a": make("gru", notes), "b": make("lstm", notes[::-1])}
    model = MultimodalClassifier(encoders, Component(name="concat"), [0.0, 1.0])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    inputs = {
        name: encoder.prepare([note if has else None for note, has in zip(own, here, strict=True)])
        for (name, encoder), own, here in zip(
            encoders.items(), (notes, notes[::-1]), present.T, strict=True
        )
    }
    batch = Batch(inputs, present, torch.zeros(60, 2), torch.ones(60, 2, dtype=torch.bool))
    model.eval()
    with torch.no_grad():
        as_they_come = model(batch.inputs, batch.present).fused.double().numpy()
    vectors, _ = model.embeddings(batch)
    monkeypatch.setattr("clinmm.predict.AT_ONCE", 7)
    most: list[tuple[int, int]] = []
    encoders["a"].drop.register_forward_hook(lambda *given: most.append(given[2].shape[:2]))
    np.testing.assert_allclose(logits_of(model, batch), as_they_come, rtol=1e-4, atol=1e-5)
    assert max(rows for rows, *_ in most) <= 7
    found = embeddings_of(model, batch)
    for i, name in enumerate("ab"):
        has = present[:, i].numpy()
        np.testing.assert_allclose(found[name][has], vectors[name][has], rtol=1e-4, atol=1e-5)
        assert np.isnan(found[name][~has]).all()
    total = sum(encoder.lengths(inputs[name]) for name, encoder in encoders.items()).numpy()
    rows = by_length(model, batch)
    assert sorted(np.concatenate(rows)) == list(range(60))
    assert (np.diff(total[np.concatenate(rows)]) <= 0).all()


def test_cases_of_one_length_stay_in_their_order(tiny: Make) -> None:
    _, encoder, raw, _ = tiny("bag_of_words")
    model = MultimodalClassifier({"x": encoder}, Component(name="concat"), [0.0])
    has, target = torch.ones(6, 1, dtype=torch.bool), torch.zeros(6, 1)
    (rows,) = by_length(model, Batch({"x": encoder.prepare(raw)}, has, target, has))
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]
