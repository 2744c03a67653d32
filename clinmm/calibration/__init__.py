"""Calibrators: one file each, a class `Calibrator` that turns logits into probabilities.

name                                         the file's name
MIN_PATIENTS_PER_CLASS                       module constant: with fewer it is not offered
Calibrator.fit(logits, target, patient_ids)  fits on calibration patients
apply(logits)                                probabilities of the logits' shape
to_json(), from_json(content)                what is stored in the run; numbers only

Logits are (n,) for one class against the rest, with target 0 or 1, or (n, C) for exclusive
classes, with target the number of the class.
"""
