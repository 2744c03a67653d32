"""Streamlit's command, with what the first pages need loaded before it listens.

    python -m dashboards.server run dashboards/app.py [settings]

A first page so waits for no import.
"""

import importlib

from streamlit.web.cli import main

FIRST_PAGES = (
    "clinmm.review.room",
    "clinmm.review.desk",
    "clinmm.study",
    "dashboards.audit_rows",
    "dashboards.case_data",
    "dashboards.fusion",
    "dashboards.reading_progress",
    "dashboards.values",
    "plotly.graph_objects",
    "pyarrow.dataset",
    "sqlalchemy.dialects.sqlite",
)
"""Modules that take long to load, of the overview, the worklist and the case page."""


if __name__ == "__main__":
    for name in FIRST_PAGES:
        importlib.import_module(name)
    main(prog_name="streamlit")
