"""Streamlit's command, with what the first pages need loaded before it listens.

    python -m dashboards.server run dashboards/app.py [settings]

A first page waits for no import, and a large table of predictions is read before the first case.
"""

import importlib

from streamlit.web.cli import main

from clinmm.errors import ClinmmError
from dashboards import run_data

FIRST_PAGES = (
    "clinmm.review.room",
    "clinmm.review.desk",
    "clinmm.study",
    "dashboards.case_data",
    "dashboards.fusion",
    "dashboards.values",
    "plotly.graph_objects",
    "sqlalchemy.dialects.sqlite",
)
"""Modules that take long to load, of the overview, the worklist and the case page."""


def load() -> None:
    """Loads the modules, and begins to read the run's predictions. A run that cannot be opened is
    told of by the first page."""
    for name in FIRST_PAGES:
        importlib.import_module(name)
    try:
        run_data.warm()
    except ClinmmError:
        return


if __name__ == "__main__":
    load()
    main(prog_name="streamlit")
