"""Any metric with a 95 % interval, clustered by patient.

Each metric file offers one of three ways, and the first that is there is taken:

influence    The derivative of the metric with respect to the weight of each case, summed per
             patient (`influence.py`). Its sum of squares is the variance: the infinitesimal
             jackknife, for the AUROC the same as Obuchowski 1997. From the variance, `limits.py`
             makes an interval that stays in the metric's range. Nothing is resampled: 100,000
             cases take milliseconds.
parts        Means whose crooked function the metric is (`drawn.py`), drawn from their normal
             distribution, with one random factor per patient.
replicates   A bootstrap over patients (`bootstrap.py`), slow on large samples.

Influences, factors and draws belong to patients and are shared by everything that is estimated with
the same `Draws`, so that differences between arms, calibrations or groups are paired.

Folds: a ranking metric compares only cases of one repeat and fold; folds are pooled with the
metric's `pooling_weight`. Every other metric pools the cases of all folds of a repeat. The value is
the mean over repeats. The interval is that of the patients: the models are taken as they are.
"""

from clinmm.intervals.bootstrap import replicates_of
from clinmm.intervals.draws import Draws
from clinmm.intervals.estimates import Estimate, estimate, macro
from clinmm.intervals.influence import Influence
from clinmm.intervals.limits import LEVEL
from clinmm.intervals.per_case import Interval, mean_interval, rate_interval
from clinmm.intervals.sample import Sample
from clinmm.intervals.standing import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS, module_of

__all__ = [
    "LEVEL",
    "MIN_PATIENTS",
    "MIN_PATIENTS_PER_CLASS",
    "Draws",
    "Estimate",
    "Influence",
    "Interval",
    "Sample",
    "estimate",
    "macro",
    "mean_interval",
    "module_of",
    "rate_interval",
    "replicates_of",
]
