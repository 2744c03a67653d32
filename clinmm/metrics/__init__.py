"""Metrics: one file each, a plain function of (y_true, y_prob) named as the file.

What else a metric file says about itself, so that intervals, subgroups, suppression and
comparisons work with it and a new metric is one new file:

NEEDS               "ranking" (scores of one model only are comparable), "probability",
                    "decision" (0/1 calls at a threshold) or "outcome" (y_true alone)
CONDITIONS_ON       classes the estimate conditions on: "positive", "negative",
                    "predicted_positive", "predicted_negative"; each needs five patients
HIGHER_IS_BETTER    True, False, or None where neither is
replicates          (y_true, y_prob, weights (n, R)) -> (R,): the metric under R case weightings,
                    inputs unchecked, NaN where it is undefined. Optional: without it the
                    bootstrap repeats cases and calls the plain function
pooling_weight      ranking metrics: (n_positive, n_negative) -> weight of one fold
RECENTRE            True where resampling biases the metric upwards (distances such as ECE):
                    the interval is then centred on the estimate. Optional
"""
