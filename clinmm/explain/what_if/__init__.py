"""What a case would be answered if something about it were otherwise; see `rows`."""

from clinmm.explain.what_if.calibrated import Calibrated, probability_of
from clinmm.explain.what_if.ranges import PlausibleRanges, plausible_ranges
from clinmm.explain.what_if.rows import what_if_rows

__all__ = ["Calibrated", "PlausibleRanges", "plausible_ranges", "probability_of", "what_if_rows"]
