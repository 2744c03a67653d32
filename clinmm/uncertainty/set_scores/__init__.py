"""Conformity scores: one file each, how badly a class fits the probabilities of a case.

KINDS                      kinds of target that the score is for
score(probability (n, C))  (n, C), higher is worse; a class is in the set if its score is at most
                           the limit

Scores are deterministic and have no settings to tune: a case has one set, whoever asks and
whenever, and no calibration patient is spent on choosing a setting. MAPIE's own draw a random
number per case (APS) and split the calibration patients to tune two settings (RAPS).
"""

from types import ModuleType

from clinmm.uncertainty.set_scores import aps, lac, raps, recall

METHODS: dict[str, ModuleType] = {"lac": lac, "aps": aps, "raps": raps, "recall": recall}
"""Method name, as in a config -> its file."""
