"""Is fusion worth it? The fused arm against every other, its rival first, among two populations.

`rows_of` makes the table, `worth_it` says it in a sentence.
"""

from clinmm.worth_it.populations import training_prevalence
from clinmm.worth_it.rows import rows_of, with_the_same_verdict
from clinmm.worth_it.sentence import worth_it

__all__ = ["rows_of", "training_prevalence", "with_the_same_verdict", "worth_it"]
