import importlib
import subprocess
import sys

import pytest

from clinmm import registry
from clinmm.errors import InputError


@pytest.mark.parametrize("family", registry.FAMILIES)
def test_every_member_has_a_line_of_its_own_and_can_be_opened(family: str) -> None:
    described = registry.describe(family)
    assert list(described) == registry.available(family) == sorted(described)
    for name, line in described.items():
        assert len(line) > 10, f"{family}/{name} needs a first line that says what it is"
        module = registry.load(family, name)
        mark = {"encoders": "Encoder", "fusions": "Fusion", "calibrators": "Calibrator"}
        if family in mark:
            assert hasattr(module, mark[family])


def test_files_that_help_are_no_members() -> None:
    assert not {"interface", "projection", "pictures", "words", "feature_cache"} & set(
        registry.available("encoders")
    )


def test_unknown_families_and_members_are_refused_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"no family 'encoder'. Did you mean 'encoders'"):
        registry.available("encoder")
    with pytest.raises(InputError, match=r"no fusion named 'gatedd'. Did you mean 'gated'"):
        registry.load("fusions", "gatedd")
    with pytest.raises(InputError, match="no encoder named 'os'"):
        registry.load("encoders", "os")


def test_describing_imports_no_member() -> None:
    code = (
        "import sys; from clinmm import registry\n"
        "[registry.describe(f) for f in registry.FAMILIES]\n"
        "heavy = {'torch', 'monai', 'transformers', 'sklearn', 'captum', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"


def test_the_package_that_a_family_names_is_there() -> None:
    for package in registry.FAMILIES.values():
        assert importlib.import_module(package).__doc__
