"""Tables of reading studies: what was answered, how good it was, and how far readers agree."""

from clinmm.schema.table import Column, Table, real, text, whole

READINGS = Table(
    "readings",
    (
        text("study", "name of the reading study"),
        text("reader", "empty of an adjudication", may_be_empty=True),
        text("case_id", ""),
        text("patient_id", ""),
        whole("reading", "1, 2 of a repeat, 0 of an adjudication"),
        text("arm", "of the protocol", may_be_empty=True),
        text("step", "alone (before the model), with_model, or adjudication"),
        text("class_name", "or `value` of a continuous target"),
        real("answer", "rating from 1 to 5; 1 or 0 of a choice; the value itself"),
        real("confidence", "1 (low) to 4 (high)"),
        Column("reasons", "list", "codes"),
        real("seconds", "spent in the phase"),
        text("answered", "UTC"),
        real("target", "as the cohort records it"),
        real("risk", "of the model, calibrated, mean over repeats; its value where continuous"),
        real(
            "model_call",
            "1 where the model calls the class, 0 where not; empty without a threshold",
        ),
        real("weight", "how many cases of the run the case stands for"),
        text("stratum", "why it was drawn", may_be_empty=True),
    ),
)

READING_RESULTS = Table(
    "reading_results",
    (
        text("study", "name of the reading study"),
        text("reader", "`all` of the mean over readers; `model` of the model alone"),
        text("arm", "of the protocol, `all`, or `A less B`"),
        text("step", "alone, with_model, model, gain (with_model less alone) or arms (A less B)"),
        text("class_name", "`macro`, the mean; `all`, the choice among classes, how it was read"),
        text("group_by", "`all`, or a sensitive column"),
        text("group", ""),
        text("metric", "such as sensitivity, auroc, helped, harmed, followed_wrong, seconds"),
        real("value", ""),
        real("low", "95 % interval"),
        real("high", "95 % interval"),
        real("p", "two-sided, of gain and arms, over all readers and patients; never alone"),
        real("p_holm", "p adjusted within the family"),
        text("family", "what p is adjusted for; empty: exploratory", may_be_empty=True),
        text(
            "test",
            "of p: t, as the interval; or exact signs, by patient, for these readers",
            may_be_empty=True,
        ),
        whole("n_cases", ""),
        whole("n_patients", ""),
        whole("n_readers", ""),
        text("interval", "method", may_be_empty=True),
        text("status", "ok or suppressed"),
        text("reason", "why suppressed", may_be_empty=True),
    ),
)

READING_AGREEMENT = Table(
    "reading_agreement",
    (
        text("study", "name of the reading study"),
        text("between", "`all`, two readers joined by ` and `, or `READER again` of repeats"),
        text("step", "alone or with_model"),
        text("class_name", ""),
        text("coefficient", "cohen_kappa, fleiss_kappa, gwet_ac1 or krippendorff_alpha"),
        text("scale", "nominal (the call), ordinal (the rating) or interval"),
        real("value", ""),
        real("low", "95 % interval"),
        real("high", "95 % interval"),
        whole("n_cases", ""),
        whole("n_patients", ""),
        whole("n_readers", ""),
        text("status", "ok or suppressed"),
        text("reason", "why suppressed", may_be_empty=True),
    ),
)
