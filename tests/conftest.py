"""What every test relies on: a cache of its own, no race for the processor's cores, no clock."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# With --doctest-modules every file is collected; those of one name would clash.
collect_ignore_glob = ["conftest.py", "*/conftest.py"]

# Before torch is imported, and for programs that a test starts: the nets of the tests are small.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples on every machine, however long one takes there.
settings.register_profile(
    "clinmm", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("clinmm")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's cache is neither read nor written; features are shared by the tests."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLINMM_CACHE", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder
