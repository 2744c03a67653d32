"""Every table of a run folder: column, kind, meaning, and whether it may be empty.

Outside scripts read these files, so columns may be added here but never renamed.
"""

from clinmm.schema.data import (
    CASES,
    IMAGES,
    INTAKE,
    INTAKE_EXAMPLES,
    INTAKE_TEST,
    LINKS,
    NOTES,
    SPLITS,
)
from clinmm.schema.models import (
    CALIBRATION,
    DEFERRAL,
    DELIVERED,
    EXCHANGEABILITY,
    OUTLIERS,
    PREDICTION_SETS,
    PREDICTIONS,
    ROBUSTNESS,
    THRESHOLDS,
    TRAINING,
    TRAINING_INPUTS,
)
from clinmm.schema.results import (
    COMPARISONS,
    CURVES,
    EFFECTS,
    EXPLANATION_AUDIT,
    EXPLANATION_READINGS,
    EXPLANATIONS,
    METRICS,
    VALIDATION_SIZE,
    WHAT_IF,
    WORTH_IT,
)
from clinmm.schema.table import KINDS, Column, Table

__all__ = [
    "CALIBRATION",
    "CASES",
    "COMPARISONS",
    "CURVES",
    "DEFERRAL",
    "DELIVERED",
    "EFFECTS",
    "EXCHANGEABILITY",
    "EXPLANATIONS",
    "EXPLANATION_AUDIT",
    "EXPLANATION_READINGS",
    "IMAGES",
    "INTAKE",
    "INTAKE_EXAMPLES",
    "INTAKE_TEST",
    "KINDS",
    "LINKS",
    "METRICS",
    "NOTES",
    "OUTLIERS",
    "PREDICTIONS",
    "PREDICTION_SETS",
    "ROBUSTNESS",
    "SPLITS",
    "TABLES",
    "THRESHOLDS",
    "TRAINING",
    "TRAINING_INPUTS",
    "VALIDATION_SIZE",
    "WHAT_IF",
    "WORTH_IT",
    "Column",
    "Table",
]

TABLES = {
    table.name: table
    for table in (
        CASES,
        SPLITS,
        NOTES,
        INTAKE,
        INTAKE_EXAMPLES,
        INTAKE_TEST,
        IMAGES,
        LINKS,
        THRESHOLDS,
        PREDICTIONS,
        CALIBRATION,
        METRICS,
        COMPARISONS,
        CURVES,
        EXPLANATIONS,
        EXPLANATION_AUDIT,
        EXPLANATION_READINGS,
        WHAT_IF,
        EFFECTS,
        TRAINING,
        TRAINING_INPUTS,
        ROBUSTNESS,
        DELIVERED,
        PREDICTION_SETS,
        DEFERRAL,
        OUTLIERS,
        EXCHANGEABILITY,
        VALIDATION_SIZE,
        WORTH_IT,
    )
}
"""Tables by file name, without `.parquet`."""
