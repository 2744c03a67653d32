"""Calibrators: one file each, a class `Calibrator` that turns logits into probabilities.

name                                      the file's name
KIND                                      module constant: "binary", "multiclass" or "both"
MIN_PATIENTS_PER_CLASS                    module constant: with fewer it is not offered
COMPLEXITY                                module constant: of two that do as well, the lower is kept
Calibrator.fit(logits, target, patient_ids, cells=None)
                                          fits on calibration patients
apply(logits, cells=None)                 probabilities of the logits' shape
to_json(), from_json(content)             what is stored in the run; numbers and names of cells only

Logits are (n,) for one class against the rest, with target 0 or 1, or (n, C) for exclusive
classes, with target the number of the class. Cells (n,) name what each case belongs to, such as the
pattern of its inputs; only `hierarchical` looks at them.

Every case weighs the same in a fit. Fits cannot run away on separated classes: each has smoothed
targets, a weak prior or bounds, and says which.
"""
