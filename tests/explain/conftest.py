"""What several tests of explanations share."""

import pytest
from explained_study import explained_study

from clinmm.study import Study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Trained and calibrated. Nobody may change it."""
    return explained_study(tmp_path_factory.mktemp("study"))
