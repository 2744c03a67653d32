"""A case of several inputs under a model of tiny encoders with random heads."""

from pathlib import Path
from typing import Any

import torch

from clinmm.config import Component
from clinmm.explain.joint import Joint
from clinmm.model import MultimodalClassifier
from tests.model.tiny_encoders import make_tiny, small_language_model


def tiny_joint(
    folder: Path, encoders: dict[str, str], *, case: int = 0, n_models: int = 1, **settings: Any
) -> Joint:
    """Three classes.

    encoders: input name -> name of an encoder, as in tiny_encoders. case: which of the six.
    settings: input name -> settings of its encoder beside the small ones.
    """
    folder.mkdir(exist_ok=True)
    raw, models = {}, []
    for seed in range(n_models):
        parts = {}
        for name, encoder in encoders.items():
            own = dict(settings.get(name, {}))
            if encoder.startswith("language_model"):
                own |= {"weights": str(small_language_model(folder / "bert"))}
            tiny = make_tiny(encoder, folder, own)
            parts[name], raw[name] = tiny.encoder, tiny.raw[case]
        fusion = Component.model_validate({"name": "concat"})
        model = MultimodalClassifier(parts, fusion, [0.0, 0.5, -0.5])
        models.append(with_random_heads(model, seed))
    return Joint(models, raw)


def with_random_heads(model: MultimodalClassifier, seed: int = 0) -> MultimodalClassifier:
    """Heads start at zero, so that a fresh model answers nothing."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if not name.startswith("encoders.") and weights.dim() > 1:
                weights.copy_(torch.randn(weights.shape, generator=draw) / weights.shape[1] ** 0.5)
    return model.eval()
