"""Tables of the models: how they were trained, what they say, and by which rules."""

from clinmm.schema.table import CASE, FOLD, Column, Table, real, text, whole

TRAINING = Table(
    "training",
    (
        text("arm", ""),
        *FOLD,
        whole("member", ""),
        whole("epoch", "from 1; 0 is before training"),
        real("train_loss", ""),
        real("validate_loss", ""),
        real("validate_auroc", "macro over classes that have both outcomes"),
        real("validate_spearman", "of a continuous target"),
        real("weight_decay", "the one trained with; of several, the one kept"),
        text("best", "yes at the epoch whose weights were kept", may_be_empty=True),
    ),
)

TRAINING_INPUTS = Table(
    "training_inputs",
    (
        text("arm", ""),
        *FOLD,
        whole("member", ""),
        whole("epoch", "from 1"),
        text("input", ""),
        real("train_loss", "of the head on the input alone"),
        real("validate_loss", "the same on `validate`"),
        real("validate_auroc", "the same; macro over classes that have both outcomes"),
        real("step", "1, or less where balance slowed the input's encoder"),
    ),
)

ROBUSTNESS = Table(
    "robustness",
    (
        text("arm", ""),
        *FOLD,
        *CASE,
        text("class_name", ""),
        text("input", "what was changed"),
        text("change", "dropped, or swapped with another patient's"),
        real("probability_raw", "after the change, before calibration"),
    ),
)

PREDICTIONS = Table(
    "predictions",
    (
        text("arm", "`fused`, or input names joined by +"),
        *FOLD,
        *CASE,
        text("split", ""),
        text("class_name", ""),
        real("target", "0, 1, or a value; empty where not recorded"),
        real("probability_raw", "before calibration; empty for a continuous target"),
        real("probability", "calibrated"),
        Column("prediction_set", "list", "class names", may_be_empty=True),
        Column("deferred", "list", "true where handed back to people", may_be_empty=True),
        text("pattern", "inputs present, joined by +; `none`"),
        real("value_raw", "of a continuous target, in its unit, before recalibration"),
        real("value", "recalibrated, inside the target's range"),
        real("value_low", "of the interval promised to patients"),
        real("value_high", "the same"),
    ),
)

CALIBRATION = Table(
    "calibration",
    (
        text("arm", ""),
        *FOLD,
        text("class_name", "`all` where one calibrator serves every class"),
        text("calibrator", "the one chosen"),
        text("reason", ""),
        real("log_loss_none", "cross-fitted"),
        real("log_loss_temperature", "cross-fitted"),
        whole("n_patients", ""),
        text("candidates", "JSON: name -> log_loss, gain over none, low, high", may_be_empty=True),
        text("by", "what a hierarchical calibrator's cells are", may_be_empty=True),
    ),
)

THRESHOLDS = Table(
    "thresholds",
    (
        text("arm", ""),
        *FOLD,
        text("class_name", ""),
        text("operating_point", ""),
        real("threshold", "calibrated probability at or above which the class is called"),
    ),
)

DELIVERED = Table(
    "delivered",
    (
        text("arm", ""),
        text("class_name", ""),
        text("operating_point", ""),
        text("metric", "sensitivity or specificity"),
        real("value", "on patients that the threshold was not chosen on; never test"),
        real("low", "95 % interval"),
        real("high", "95 % interval"),
        whole("n_patients", ""),
    ),
)

PREDICTION_SETS = Table(
    "prediction_sets",
    (
        text("arm", ""),
        *FOLD,
        text("method", "lac, aps, raps or recall; residual for values"),
        text("by", "`all`, `class`, `pattern` or a sensitive column"),
        text("cell", "`all`, or the class, pattern or group"),
        real("coverage", "promised: share of patients whose set holds the truth; recall"),
        real("limit", "score up to which a class belongs to the set; half width for values"),
        whole("n_patients", "calibration patients of the cell"),
        real("low", "95 % range over calibration samples of this size of the coverage"),
        real("high", "the same"),
        text("status", "ok or no_promise"),
        text("reason", "", may_be_empty=True),
    ),
)

DEFERRAL = Table(
    "deferral",
    (
        text("arm", ""),
        *FOLD,
        text("class_name", ""),
        text("operating_point", "whose calls are judged"),
        text("rule", "share or risk"),
        real("asked", "share to hand back, or risk wanted"),
        real("limit", "confidence below which a case is handed back; empty where off"),
        real("share", "handed back, calibration patients"),
        real("risk", "wrong calls without deferral, calibration patients"),
        real("retained_risk", "wrong calls among the kept"),
        real("difference", "retained risk minus risk without deferral"),
        real("low", "95 % interval"),
        real("high", "95 % interval, the upper bound that must lie below 0"),
        real("p", "two-sided"),
        real("p_holm", "over classes and groups"),
        whole("n_patients", ""),
        text("kept", "yes or no"),
        text("reason", "why"),
    ),
)

OUTLIERS = Table(
    "outliers",
    (
        *FOLD,
        *CASE,
        text("split", ""),
        text("detector", "`embedding`, or `inputs`"),
        text("input", "name of the input; `all` for the joint embedding"),
        real("score", "distance in the detector's own unit"),
        real("p", "share of reference cases at least as odd"),
        text("flag", "yes or no"),
        text("reason", "what is odd", may_be_empty=True),
    ),
)

EXCHANGEABILITY = Table(
    "exchangeability",
    (
        text("arm", ""),
        text("test", "what is compared: labels (conformity scores) or inputs"),
        whole("n_calibration", "patients"),
        whole("n_new", "patients"),
        real("evidence", "half the median, over repeated draws, of the largest wealth"),
        real("p", "upper bound, 1 / evidence"),
        text("verdict", "holds, fails or cannot_tell"),
        text("reason", ""),
    ),
)
