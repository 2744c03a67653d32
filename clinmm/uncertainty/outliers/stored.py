"""A fold's detectors on disk, beside its models: numbers only.

outliers.safetensors    INPUT/MEMBER/... what the embedding detector learned, INPUT/reference/...
outliers.json           what the input detectors learned
"""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.runs import Run
from clinmm.uncertainty.outliers.conformal import Reference
from clinmm.uncertainty.outliers.embedding import EmbeddingDetector
from clinmm.uncertainty.outliers.fold import FoldDetectors
from clinmm.uncertainty.outliers.gaussian import Gaussian
from clinmm.uncertainty.outliers.inputs import InputDetector

FACTS = ("mean", "directions", "deviation", "rest")
EMBEDDING, INPUTS = "outliers.safetensors", "outliers.json"


def save_detectors(run: Run, place: str, detectors: FoldDetectors) -> None:
    """Writes both files into a model folder of the run."""
    from safetensors.numpy import save_file

    arrays: dict[str, NDArray[Any]] = {}
    for name, reference in detectors.embedding.references.items():
        arrays[f"{name}/reference/score"] = reference.score
        arrays[f"{name}/reference/weight"] = reference.weight
        arrays[f"{name}/reference/n_patients"] = np.array([reference.n_patients])
        for member, gaussian in enumerate(detectors.embedding.gaussians[name]):
            for key, values in gaussian.as_facts().items():
                arrays[f"{name}/{member}/{key}"] = np.array(values, dtype=np.float32)
    with run.writing(f"{place}/{EMBEDDING}") as temporary:
        save_file(arrays, temporary)
    content = {name: detector.as_json() for name, detector in detectors.inputs.items()}
    run.write_text(f"{place}/{INPUTS}", json.dumps(content, ensure_ascii=False) + "\n")


def load_detectors(run: Run, place: str) -> FoldDetectors:
    """Raises NotMadeYet, naming the command, where a run has none."""
    from safetensors.numpy import load_file

    arrays = load_file(run.path(f"{place}/{EMBEDDING}"))
    gaussians: dict[str, list[Gaussian]] = {}
    references = {}
    for name in dict.fromkeys(key.split("/")[0] for key in arrays):
        own = {k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")}
        references[name] = Reference(
            own["reference/score"], own["reference/weight"], int(own["reference/n_patients"][0])
        )
        gaussians[name] = [
            Gaussian.from_facts({key: own[f"{member}/{key}"] for key in FACTS})
            for member in range(sum(key.endswith("/mean") for key in own))
        ]
    inputs = {
        name: InputDetector.from_json(content)
        for name, content in run.read_json(f"{place}/{INPUTS}").items()
    }
    return FoldDetectors(EmbeddingDetector(gaussians, references), inputs)
