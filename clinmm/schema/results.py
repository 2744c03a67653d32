"""Tables of the results: estimates, differences, points to draw, explanations."""

from clinmm.schema.table import SLICE, VALUE, Column, Table, real, text, whole

METRICS = Table(
    "metrics",
    (
        text("arm", ""),
        text("split", ""),
        text("repeat", "a number, or `all`"),
        text("fold", "a number, or `all` when pooled"),
        text("metric", ""),
        *SLICE,
        text("probability", "raw or calibrated"),
        text("operating_point", "empty for metrics without a threshold", may_be_empty=True),
        *VALUE,
        whole("n_positive", "cases"),
        text("interval", "method"),
        text("status", "ok, suppressed or withheld"),
        text("reason", "", may_be_empty=True),
        text("flag", "what the interval excludes, such as `risks too high`", may_be_empty=True),
    ),
)

COMPARISONS = Table(
    "comparisons",
    (
        text("arm", ""),
        text(
            "rival", "an arm, complement, best_group, uncalibrated, no_deferral or plain_training"
        ),
        text("metric", ""),
        *SLICE,
        real("difference", "arm minus rival"),
        real("low", "95 % interval"),
        real("high", "95 % interval"),
        real("p", "two-sided"),
        real("p_holm", "within the family"),
        text("family", "", may_be_empty=True),
        whole("n_patients", ""),
        text("verdict", "better, worse, not_shown, cannot_tell or exploratory"),
        real("detectable", "smallest difference that 80 % of such samples would show"),
        real("margin", "how much worse is still as good; empty where none was stated"),
        text("non_inferior", "yes, no or cannot_tell, at the margin", may_be_empty=True),
        real("ratio", "arm over rival; only where a group is held against others"),
        real("ratio_low", "95 % interval"),
        real("ratio_high", "95 % interval"),
    ),
)

CURVES = Table(
    "curves",
    (
        text(
            "kind",
            "roc, precision_recall, reliability, reliability_raw, decision, decision_treat_all, "
            "risk_coverage, robustness",
        ),
        text("arm", ""),
        *SLICE,
        real("x", ""),
        real("y", ""),
        real("low", ""),
        real("high", ""),
        Column("n_cases", "real", "cases behind the point", may_be_empty=True),
    ),
)

WORTH_IT = Table(
    "worth_it",
    (
        text("population", "have_rival (patients who have the rival's inputs) or everyone"),
        text("arm", ""),
        text("role", "fused, rival, or empty for the others", may_be_empty=True),
        text("metric", ""),
        *SLICE,
        *VALUE,
        real("difference", "the fused arm minus this one, same patients"),
        real("difference_low", "95 % interval"),
        real("difference_high", "95 % interval"),
        real("p", "two-sided"),
        real("p_holm", "within the family"),
        real("n_compared", "patients that the difference rests on"),
        text(
            "verdict",
            "of the fused arm: better, worse, not_shown, cannot_tell, exploratory; empty in its "
            "own rows",
            may_be_empty=True,
        ),
        real("detectable", "smallest difference that 80 % of such samples would show"),
        text("status", "ok or suppressed"),
        text("reason", "", may_be_empty=True),
    ),
)

VALIDATION_SIZE = Table(
    "validation_size",
    (
        text("arm", ""),
        text("class_name", ""),
        text("criterion", "what has to be estimated, and how precisely"),
        real("needed", "cases, or events"),
        real("available", "effective number: patients count, not pictures"),
        text("met", "yes, no or cannot_tell"),
        text("source", ""),
        text("detail", "in a sentence"),
    ),
)

EXPLANATIONS = Table(
    "explanations",
    (
        text("arm", ""),
        text("case_id", ""),
        text("class_name", ""),
        text("rather_than", "the class that it is set against", may_be_empty=True),
        text("method", ""),
        text("input", ""),
        real(
            "share",
            "|attribution| of the input over that of all inputs; empty where not in logits",
        ),
        real("share_low", "lowest share over the models of the case, where there are several"),
        real("share_high", "highest share over the models of the case"),
        real("attribution", "signed sum over the input, in logits"),
        real("special", "share of the note's |attribution| on pieces that stand for no word"),
        real("logit_change", "logit of the case minus logit of the reference, all inputs"),
        real("completeness_error", "|sum of attributions - logit change|, in logits"),
        real("stability", "rank correlation with the explanation of the slightly changed case"),
        text("status", "pass or withheld"),
        text("reason", "", may_be_empty=True),
        text("file", "arrays of the case, class and method, relative to the run"),
    ),
)

EXPLANATION_AUDIT = Table(
    "explanation_audit",
    (
        text("arm", ""),
        text("method", ""),
        text("input", "an input, or `joint` for all of them together"),
        text("class_name", ""),
        text("group_by", ""),
        text("group", ""),
        text("test", "`overall` for the verdict"),
        *VALUE,
        real("bound", "what the value is held against"),
        text("needed", "yes or no: whether a failure withholds", may_be_empty=True),
        text("verdict", "pass, weak or fail; empty where no rule is", may_be_empty=True),
        text("reason", "", may_be_empty=True),
    ),
)

EXPLANATION_READINGS = Table(
    "explanation_readings",
    (
        text("arm", ""),
        text("case_id", ""),
        text("patient_id", ""),
        text("class_name", ""),
        text("method", ""),
        text("input", "an input, or `joint`"),
        text("test", ""),
        real("value", ""),
    ),
)

WHAT_IF = Table(
    "what_if",
    (
        text("arm", ""),
        text("case_id", ""),
        text("class_name", ""),
        text(
            "kind",
            "as_is, input_removed, sentence_removed, column_moved, or input_adds (Shapley values)",
        ),
        text("input", "empty for as_is", may_be_empty=True),
        text("part", "a column; of a sentence START:END in characters", may_be_empty=True),
        text("x", "the column's value, as text; empty: not recorded", may_be_empty=True),
        real("probability", "calibrated; of a continuous target the value"),
        real("logit", "before calibration; of a continuous target the raw value"),
    ),
)

EFFECTS = Table(
    "effects",
    (
        text("arm", ""),
        text("class_name", ""),
        text("input", ""),
        text("part", "a column, a word (`no WORD` where denied), or the input's name"),
        text("kind", "recorded, not_recorded (columns), word, or input (its mean share)"),
        *VALUE,
        real("size", "mean |change in logit|; of `input` the mean |Shapley value|"),
    ),
)
