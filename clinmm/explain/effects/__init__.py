"""What each input, column and word adds to the answers over a cohort; see `table`."""

from clinmm.explain.effects.table import effects_table

__all__ = ["effects_table"]
