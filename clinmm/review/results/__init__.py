"""What a reading study found: how well readers do alone and with the model, and how far they agree.

reading_rows.py         every locked answer beside the target and the model's risk
of_model.py             that risk, and the model's call
scored.py               one class side by side: alone, with the model, the model's own call
side_by_side.py         those readings as plain columns
metrics.py              what is estimated
macro.py                the same in mean over classes
jackknife.py            an estimate without each patient, from which variances come
obuchowski_rockette.py  means over readers that hold for other readers and patients
sign_test.py            helped against harmed, exactly
estimates.py            one estimate of some readers, with its interval or why it has none
families.py             which differences have a p, adjusted for what
result_rows.py          the table reading_results
agreement_rows.py       the table reading_agreement
summary.py              the main results in words
"""

from clinmm.review.results.of_study import study_results

__all__ = ["study_results"]
