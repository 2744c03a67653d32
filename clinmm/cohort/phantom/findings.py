"""The four findings of the phantom, and every way in which they can occur together."""

from itertools import product

import numpy as np

FINDINGS = ("cardiomegaly", "effusion", "consolidation", "nodule")

# (16, 4) every combination of findings: the oracle sums over its rows.
COMBINATIONS = np.array(list(product((0, 1), repeat=len(FINDINGS))))

# Words that would give a label away; a note holds none of them unless that is planted.
LABEL_WORDS = {
    "cardiomegaly": ("cardiomegaly", "enlarged heart", "large heart", "cardiac enlargement"),
    "effusion": ("effusion", "pleural fluid", "hydrothorax", "fluid on the lung"),
    "consolidation": ("consolidation", "pneumonia", "infiltrate", "airspace", "opacity"),
    "nodule": ("nodule", "mass", "tumour", "tumor", "lesion", "malignancy", "cancer"),
}
