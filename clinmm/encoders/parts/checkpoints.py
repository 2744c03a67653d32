"""Language models by name, from a folder, or from a hub, each known by what its files hold."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from clinmm.cohort.files import sha256_of_file
from clinmm.encoders.parts.embedded import embedded_weights
from clinmm.errors import InputError

EMBEDDED = "embedded"

IDENTIFYING = ("*.safetensors", "*.bin", "config.json", "tokenizer*", "vocab*")
"""Files of a local model whose content decides what it computes."""


class Checkpoint(NamedTuple):
    """window: the most word pieces it reads at once. licence: as its authors' card states it."""

    hub_id: str
    window: int
    licence: str
    trained_on: str


CHECKPOINTS = {
    "bio_clinical_bert": Checkpoint(
        "emilyalsentzer/Bio_ClinicalBERT", 512, "MIT", "PubMed, then notes of MIMIC-III"
    ),
    "biolinkbert": Checkpoint(
        "michiyasunaga/BioLinkBERT-base", 512, "Apache-2.0", "PubMed abstracts and their citations"
    ),
    "clinical_longformer": Checkpoint(
        "yikuan8/Clinical-Longformer", 4096, "not stated", "notes of MIMIC-III"
    ),
    "gatortron": Checkpoint(
        "UFNLP/gatortron-base", 512, "Apache-2.0", "notes of UF Health and MIMIC-III, PubMed"
    ),
    "medbert": Checkpoint(
        "Charangan/MedBERT", 512, "MIT", "notes of n2c2, biomedical articles, Wikipedia"
    ),
    "pubmedbert": Checkpoint(
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
        512,
        "MIT",
        "abstracts and articles of PubMed",
    ),
    "radbert": Checkpoint("StanfordAIMI/RadBERT", 512, "see its card", "radiology reports"),
    "xlm_roberta": Checkpoint(
        "FacebookAI/xlm-roberta-base", 512, "MIT", "web pages in 100 languages; not clinical"
    ),
}
"""Name in a config -> a published model, English where nothing else is said."""


class Loaded(NamedTuple):
    """identity: a hash of a folder's files, or the hub id with its commit."""

    tokenizer: Any
    network: Any
    identity: str


def place_of(weights: str) -> str:
    """The folder or hub id that a config's `weights` stands for.

    A folder is taken as it is; a name is looked for under $CLINMM_MODELS, then among CHECKPOINTS;
    anything else is a hub id.
    """
    if weights == EMBEDDED:
        return str(embedded_weights("minilm").parent)
    if Path(weights).is_dir():
        return weights
    if models := os.environ.get("CLINMM_MODELS"):
        folder = Path(models) / weights
        if folder.is_dir():
            return str(folder)
    known = CHECKPOINTS.get(weights)
    return known.hub_id if known else weights


def loaded(weights: str) -> Loaded:
    """Tokenizer and network, in evaluation mode and without gradients; shared by the process.

    Raises:
        InputError: they are in no folder and no hub gives them.
    """
    return _loaded(weights, place_of(weights))


@lru_cache
def _loaded(weights: str, place: str) -> Loaded:
    from transformers import AutoModel, AutoTokenizer, utils

    local = Path(place).is_dir()
    utils.logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=local)
        network = AutoModel.from_pretrained(place, local_files_only=local)
    except (OSError, ValueError) as error:
        raise InputError(_not_found(weights, place, type(error).__name__)) from None
    network = network.eval().requires_grad_(False)
    if not local:
        return Loaded(tokenizer, network, f"{place}@{network.config._commit_hash}")
    files = [file for kind in IDENTIFYING for file in sorted(Path(place).glob(kind))]
    each = "\n".join(sha256_of_file(file) for file in files)
    return Loaded(tokenizer, network, hashlib.sha256(each.encode()).hexdigest())


def _not_found(weights: str, place: str, why: str) -> str:
    if weights in CHECKPOINTS and place == CHECKPOINTS[weights].hub_id:
        return (
            f"language_model: weights '{weights}' ({place}) are not under $CLINMM_MODELS, and no "
            f"hub gave them ({why}). Put config.json, model.safetensors and the tokenizer into "
            f"$CLINMM_MODELS/{weights}, or use 'embedded'."
        )
    return (
        f"language_model: weights '{weights}' cannot be loaded ({why}). Give a folder that holds "
        "config.json, model.safetensors and a tokenizer, a hub id where a hub can be reached, "
        f"'embedded', or one of {', '.join(CHECKPOINTS)}."
    )


def longest_window(tokenizer: Any, network: Any) -> int:
    """The most word pieces, marks included, that the model reads at once."""
    longest = int(network.config.max_position_embeddings)
    # RoBERTa counts positions from behind the padding token's: 514 of them are 512 pieces.
    first = getattr(getattr(network, "embeddings", None), "padding_idx", None)
    longest -= 0 if first is None else int(first) + 1
    return min(longest, int(tokenizer.model_max_length))
