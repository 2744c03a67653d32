"""Encoders of signals: what was not measured says nothing, and pictures of sound are right."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tiny_encoders import SIGNAL_SPEC, Make, signals

from clinmm import registry
from clinmm.encoders.conv1d import _level, _moved
from clinmm.encoders.log_mel import QUIETEST, Config, log_mel_picture, mel_filters
from clinmm.encoders.parts.samples import in_pieces, level_and_spread
from clinmm.errors import InputError
from clinmm.explain.explanation import Explanation
from clinmm.explain.merge import merged
from clinmm.readers.signal import SignalFile


def test_samples_are_standardised_by_channel_over_what_was_measured(tmp_path: Path) -> None:
    module = registry.load("encoders", "conv1d")
    raw = signals(tmp_path)
    facts = module.Encoder.learn(module.Config(), raw, SIGNAL_SPEC)
    whole = np.concatenate([np.load(file.path) for file in raw]).astype(np.float64)
    np.testing.assert_allclose(facts["mean"], np.nanmean(whole, 0), rtol=1e-6)
    np.testing.assert_allclose(facts["deviation"], np.nanstd(whole, 0), rtol=1e-6)
    prepared = module.Encoder(module.Config(), facts).prepare(raw)
    assert prepared["samples"].shape == prepared["measured"].shape == (6, 2, 200)
    assert not prepared["measured"][2, :, 120:].any(), "padded"
    assert not prepared["measured"][3, 0, 60:90].any(), "a gap"
    assert prepared["measured"][3, 1].all()
    assert not prepared["samples"][~prepared["measured"]].any()


def test_level_and_spread_of_nothing_is_that_of_a_standard() -> None:
    assert level_and_spread(np.zeros((0, 2, 5), np.float32), axis=1) == ([0, 0], [1, 1])
    nothing = np.full((3, 1, 5), np.nan, np.float32)
    assert level_and_spread(nothing, axis=1) == ([0], [1])


@pytest.mark.parametrize("training", [False, True])
def test_what_stands_where_nothing_was_measured_changes_nothing(tiny: Make, training: bool) -> None:
    _, encoder, raw, _ = tiny("conv1d")
    prepared = encoder.prepare(raw)
    torch.manual_seed(0)
    noise = torch.where(prepared["measured"], 0, 1000 * torch.randn_like(prepared["samples"]))
    encoder.train(training)
    found = []
    for samples in (prepared["samples"], prepared["samples"] + noise):
        torch.manual_seed(1)
        found.append(encoder(samples, prepared["measured"]))
    torch.testing.assert_close(*found)


def test_a_heart_rate_that_stands_high_is_seen_by_its_level() -> None:
    flat = torch.zeros(2, 2, 200)
    flat[1, 0] = 2.0
    mean, spread, share = _level(flat, torch.ones_like(flat))
    assert mean.tolist() == [[0, 0], [2, 0]]
    assert spread.max() < 0.01
    assert share.tolist() == [[1, 1], [1, 1]]


def test_training_moves_signals_and_their_gaps_together(tiny: Make) -> None:
    _, encoder, raw, _ = tiny("conv1d")
    prepared = encoder.prepare(raw)
    torch.manual_seed(0)
    samples, measured = _moved(**prepared)
    assert (measured.sum((1, 2)) == prepared["measured"].sum((1, 2))).all()
    assert not torch.equal(measured[2], prepared["measured"][2])
    assert samples[~measured].abs().max() < 0.2, "nothing but noise came to the gaps"


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValidationError, match="odd number of samples, got 8"):
        registry.load("encoders", "conv1d").Config(kernel=8)


def by_the_sum(samples: np.ndarray, rate: float, config: Config, n_fft: int) -> np.ndarray:
    """(bands, F) by the definition: a sum over samples for every frequency, then over triangles."""
    n, hop = round(config.window_s * rate), round(config.hop_s * rate)

    def mel(f: float) -> float:
        return 2595 * np.log10(1 + f / 700)

    edges = [
        700 * (10 ** (m / 2595) - 1)
        for m in np.linspace(mel(config.lowest_hz), mel(rate / 2), config.bands + 2)
    ]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    columns = []
    for start in range(0, len(samples) - n + 1, hop):
        piece = samples[start : start + n] * hann
        power = []
        for k in range(n_fft // 2 + 1):
            turning = np.exp(-2j * np.pi * k * np.arange(n) / n_fft)
            power.append(abs((piece * turning).sum()) ** 2 / (hann**2).sum())
        column = []
        for low, top, high in zip(edges, edges[1:], edges[2:], strict=False):
            weights = []
            for k in range(n_fft // 2 + 1):
                f = k * rate / n_fft
                up, down = (f - low) / (top - low), (high - f) / (high - top)
                weights.append(max(0.0, min(up, down)))
            column.append(np.dot(weights, power) / sum(weights))
        columns.append(np.log(np.maximum(column, QUIETEST)))
    return np.array(columns).T


def test_a_picture_of_sound_is_what_the_definition_says() -> None:
    rng = np.random.default_rng(0)
    config = Config(bands=12, window_s=0.04, hop_s=0.02, lowest_hz=30)
    samples = rng.normal(size=400).astype(np.float32)
    picture = log_mel_picture(samples[None], 1000, config)
    assert picture.shape == (1, 12, (400 - 40) // 20 + 1)
    wanted = by_the_sum(samples.astype(np.float64), 1000, config, n_fft=64)
    np.testing.assert_allclose(picture[0], wanted, rtol=1e-4, atol=1e-4)


def test_a_tone_is_bright_in_its_band_and_silence_is_the_floor() -> None:
    config = Config(bands=40, lowest_hz=20)
    rate = 8000
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    picture = log_mel_picture(tone[None], rate, config)[0]
    filters = mel_filters(rate, 256, 40, 20)
    assert abs(int(picture.mean(1).argmax()) - int(filters[:, 32].argmax())) <= 1  # 32 * 8000 / 256
    silence = log_mel_picture(np.zeros((1, rate), np.float32), rate, config)
    assert np.allclose(silence, np.log(QUIETEST))
    half = tone.copy()
    half[rate // 2 :] = np.nan
    assert np.isnan(log_mel_picture(half[None], rate, config)[0, 0]).mean() == pytest.approx(
        0.5, abs=0.02
    )


def test_no_band_is_empty_however_narrow() -> None:
    picture = log_mel_picture(
        np.random.default_rng(0).normal(size=(1, 8000)).astype(np.float32), 8000, Config(bands=256)
    )
    assert np.isfinite(picture).all()
    assert picture.min() > np.log(QUIETEST)


def test_slow_signals_are_no_sound() -> None:
    module = registry.load("encoders", "log_mel")
    with pytest.raises(InputError, match="For slow signals take conv1d"):
        module.Encoder.learn(module.Config(), [], SimpleNamespace(rate=1.0, channels=1, seconds=60))


def test_a_missing_or_changed_file_is_noticed(tmp_path: Path) -> None:
    module = registry.load("encoders", "conv1d")
    raw = signals(tmp_path)
    facts = module.Encoder.learn(module.Config(), raw, SIGNAL_SPEC)
    encoder = module.Encoder(module.Config(), facts)
    before = encoder.prepare(raw[:1])["samples"]
    np.save(raw[0].path, np.load(raw[0].path) + 1)
    assert not torch.equal(encoder.prepare(raw[:1])["samples"], before)
    slower = raw[0]._replace(file_rate=25.0)
    assert encoder.prepare([slower])["measured"].all()
    with pytest.raises(InputError, match="is missing"):
        encoder.prepare([SignalFile(tmp_path / "none.npy")])


def test_pieces_of_time_keep_every_score_and_its_channel() -> None:
    scores = np.random.default_rng(0).normal(size=(3, 1001)).astype(np.float32)
    found = in_pieces(scores, 10.0)
    assert len(found["score"]) == 600
    for channel in range(3):
        own = found["channel"] == channel
        assert found["score"][own].sum() == pytest.approx(scores[channel].sum(), abs=1e-3)
        assert found["start"][own][0] == 0
        assert found["end"][own][-1] == 10
        np.testing.assert_array_equal(found["start"][own][1:], found["end"][own][:-1])


def test_explanations_of_several_models_meet_piece_by_piece() -> None:
    one = in_pieces(np.ones((2, 4), np.float32), 2.0)
    other = in_pieces(np.arange(8, dtype=np.float32).reshape(2, 4), 2.0)
    both = merged(
        [Explanation({"ecg": x}, {"ecg": float(x["score"].sum())}, 0.0, 8) for x in (one, other)]
    )
    found = both.located["ecg"]
    np.testing.assert_array_equal(found["channel"], one["channel"])
    np.testing.assert_array_equal(found["start"], one["start"])
    np.testing.assert_allclose(found["score"], (one["score"] + other["score"]) / 2)
