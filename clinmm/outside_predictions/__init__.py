"""Anybody's predictions from a file: one row per case and class, no model needed.

Columns: case_id, patient_id, class_name, target (0, 1, or empty where unknown), probability;
optional split (calibrate or test) and decision (0 or 1); any others, which may be asked for as
groups.

Where some patients are for calibration, by the column split or set aside at random, calibrators,
thresholds, prediction sets and deferral are fitted on them and judged on the rest. Without any, all
patients are test and the probabilities are taken as they are.
"""

from clinmm.outside_predictions.read import OutsidePredictions, facts_of, read

__all__ = ["OutsidePredictions", "facts_of", "read"]
