"""Metrics: one file each, a plain function of (y_true, y_prob) named as the file.

What else a metric file says about itself, so that intervals, subgroups, suppression and
comparisons work with it and a new metric is one new file:

NEEDS               "ranking" (scores of one model only are comparable), "probability",
                    "decision" (0/1 calls at a threshold), "outcome" (y_true alone),
                    "threshold" or "prevalence" (probabilities, and a keyword argument of that
                    name; not in the metrics table unasked), "classes" (numbers of exclusive
                    classes, and the probabilities of all), "value" (of a continuous target) or
                    "order" (the same, where scores of one model only are comparable)
CONDITIONS_ON       classes the estimate conditions on: "positive", "negative",
                    "predicted_positive", "predicted_negative"; each needs five patients
HIGHER_IS_BETTER    True, False, or None where neither is
SCALE               where the interval is symmetric: "logit" (values from 0 to 1), "log" (0 and
                    above) or "identity"
pooling_weight      ranking metrics: (n_positive, n_negative) -> weight of one fold, linear in each

and one of three ways to an interval, inputs unchecked, the first that is there:

influence           (y_true, y_prob) -> (value, (n,)): the metric and its derivative with respect
                    to the weight of each case, at weight 1. For a mean v: (v_i - mean) / n; for a
                    ratio sum a / sum b: (a_i - ratio * b_i) / sum b. Summed per patient and
                    squared it gives the variance: the infinitesimal jackknife. Value NaN where
                    the metric is undefined
parts               (y_true, y_prob) -> Parts, see `parts.py`: for crooked functions of a few
                    means, such as absolute gaps of bins. Draws of the means from their normal
                    distribution take the place of resampling
replicates          (y_true, y_prob, weights (n, R)) -> (R,): the metric under R case weightings,
                    NaN where it is undefined; a patient bootstrap, slow on large samples. Beside
                    `influence` or `parts` it is what tests compare them with

Without any of them the bootstrap repeats cases and calls the plain function.

RECENTRE            True where noise can only lengthen the metric (distances such as ECE): drawn
                    replicates are then centred on the estimate. Optional
"""
