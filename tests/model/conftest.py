"""Small encoders, made once for each test that wants them."""

from pathlib import Path

import pytest
from tiny_encoders import Make, Tiny, make_tiny, small_language_model


@pytest.fixture(scope="session")
def language_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_language_model(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, language_model_folder: Path) -> Make:
    """tiny(name) -> a small encoder and its six cases; the language model is the small one."""
    folder = tmp_path_factory.mktemp("pictures")

    def make(name: str) -> Tiny:
        own = {"weights": str(language_model_folder)} if name == "language_model" else None
        return make_tiny(name, folder, own)

    return make
