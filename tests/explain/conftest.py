"""What several tests of explanations share."""

import pytest
from small_study import small_study

from clinmm.study import Study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Trained and calibrated. Nobody may change it."""
    return small_study(tmp_path_factory.mktemp("study"))
