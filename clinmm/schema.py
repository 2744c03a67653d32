"""Every table of a run folder: column, kind, meaning, and whether it may be empty.

Outside scripts read these files, so columns may be added here but never renamed.
"""

from dataclasses import dataclass

import pandas as pd

from clinmm.errors import InputError

KINDS = {"text": "string", "whole": "int64", "real": "float64", "truth": "bool", "list": "object"}


@dataclass(frozen=True)
class Column:
    """One column. `kind` is a key of KINDS; `may_be_empty` allows NA or NaN."""

    name: str
    kind: str
    meaning: str
    may_be_empty: bool = False


@dataclass(frozen=True)
class Table:
    """A named table with its columns in order; `extra` allows columns that are not listed."""

    name: str
    columns: tuple[Column, ...]
    extra: bool = False

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """No rows, every column, the right dtypes."""
        return pd.DataFrame({c.name: pd.Series(dtype=KINDS[c.kind]) for c in self.columns})

    def fill(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with absent may-be-empty columns added, ordered and typed."""
        frame = frame.copy()
        for column in self.columns:
            if column.name not in frame.columns and column.may_be_empty:
                frame[column.name] = [None] * len(frame) if column.kind != "real" else float("nan")
        self.validate(frame)
        for column in self.columns:
            if column.kind != "list":
                frame[column.name] = frame[column.name].astype(KINDS[column.kind])  # type: ignore[call-overload]
        others = [name for name in frame.columns if name not in self.names] if self.extra else []
        return frame[self.names + others]

    def validate(self, frame: pd.DataFrame) -> None:
        """Raises InputError naming every column that is missing, unknown or wrongly empty."""
        problems = []
        if missing := [name for name in self.names if name not in frame.columns]:
            problems.append(f"table {self.name}: missing columns {missing}")
        unknown = [str(name) for name in frame.columns if name not in self.names]
        if unknown and not self.extra:
            problems.append(f"table {self.name}: unknown columns {unknown}")
        for column in self.columns:
            if column.name in frame.columns and not column.may_be_empty:
                n_empty = int(frame[column.name].isna().sum())
                if n_empty:
                    problems.append(f"table {self.name}: {n_empty} empty values in {column.name}")
        if problems:
            raise InputError(problems)


def _text(name: str, meaning: str, may_be_empty: bool = False) -> Column:
    return Column(name, "text", meaning, may_be_empty)


def _real(name: str, meaning: str) -> Column:
    return Column(name, "real", meaning, may_be_empty=True)


def _whole(name: str, meaning: str) -> Column:
    return Column(name, "whole", meaning)


_CASE = (_text("case_id", "the study's own id"), _text("patient_id", "the unit of splits"))
_FOLD = (_whole("repeat", "from 0"), _whole("fold", "from 0; 0 where there are no folds"))
_SLICE = (
    _text("class_name", "class, `macro`, or target.name of a binary task"),
    _text("group_by", "`all`, a sensitive column, or columns joined by *"),
    _text("group", "`all`, or a value such as `F` or `[40, 65)`"),
    _text("pattern", "`any`, or the inputs present joined by +"),
)

CASES = Table("cases", _CASE, extra=True)

SPLITS = Table(
    "splits",
    (
        *_FOLD,
        *_CASE,
        _text("split", "train, validate, calibrate or test"),
        Column("member", "whole", "the model of the fold that stops on this case; -1: none"),
    ),
)

NOTES = Table(
    "notes",
    (*_FOLD, _CASE[0], _text("input", ""), _text("note", "as modelled", may_be_empty=True)),
)

INTAKE = Table(
    "intake",
    (
        _text("check", "name of the check"),
        _text("severity", "error, warning or info"),
        _text("subject", "the field or file concerned"),
        Column("case_ids", "list", "cases concerned, at most the first 1000"),
        _whole("count", "how many rows, files or values"),
        _real("value", "a measured figure, if the check has one"),
        _real("low", "95 % interval"),
        _real("high", "95 % interval"),
        _text("detail", "what it means, in a sentence"),
        _text("advice", "what to do"),
        _text("accepted", "reason given in the config, if accepted", may_be_empty=True),
    ),
)

INTAKE_EXAMPLES = Table(
    "intake_examples",
    (
        _whole("finding", "row of intake.parquet, from 0"),
        _text("case_id", ""),
        _text("other_case_id", "the second of a pair, else empty", may_be_empty=True),
        _text("input", "what to look at"),
        _text("words", "what to look for in the note", may_be_empty=True),
        _real("value", "distance of the pair, or the figure that is out of range"),
    ),
)

INTAKE_TEST = Table(
    "intake_test",
    (
        _text("check", "name of the check"),
        _text("subject", "as in intake.parquet"),
        _text("words", "a word found on the other patients, else empty", may_be_empty=True),
        _text("measure", "what the value is"),
        _text("class_name", ""),
        *(
            _real("value", "on test patients"),
            _real("low", "95 % interval"),
            _real("high", "95 % interval"),
        ),
        _whole("n_cases", ""),
        _whole("n_patients", ""),
    ),
)

LINKS = Table(
    "links",
    (
        _text("case_id", ""),
        _text("other_case_id", "of another patient"),
        _text("input", "what the two share"),
        _text("kind", "same_bytes, same_pixels, near_duplicate or same_patient"),
        _real("distance", "0 where equal; else as the check says"),
    ),
)

IMAGES = Table(
    "images",
    (
        _text("case_id", ""),
        _text("input", ""),
        _text("sha256", "of the file, or of the files of a series", may_be_empty=True),
        _text("status", "read, absent or unreadable"),
        _text("reason", "why not", may_be_empty=True),
        *(
            _text(name, meaning, may_be_empty=True)
            for name, meaning in (
                ("format", "DICOM, NIfTI, PNG ..."),
                ("modality", "as in the header"),
                ("photometric", "as stored"),
                ("transfer_syntax", "how the pixels are compressed"),
                ("bits", "stored, per sample"),
                ("depth", "slices or frames; empty for one picture"),
                ("height", "pixels"),
                ("width", "pixels"),
                ("spacing", "mm, and where it comes from"),
                ("window", "how grey values were shown"),
                ("orientation", "as stored"),
                ("manufacturer", ""),
                ("model", "of the machine"),
                ("view", "position of the patient"),
                ("done", "what the reader did, in order, joined by `; `"),
            )
        ),
    ),
    extra=True,
)

THRESHOLDS = Table(
    "thresholds",
    (
        _text("arm", ""),
        *_FOLD,
        _text("class_name", ""),
        _text("operating_point", ""),
        _real("threshold", "calibrated probability at or above which the class is called"),
    ),
)

PREDICTIONS = Table(
    "predictions",
    (
        _text("arm", "`fused`, or input names joined by +"),
        *_FOLD,
        *_CASE,
        _text("split", ""),
        _text("class_name", ""),
        _real("target", "0, 1, or empty where not recorded"),
        _real("probability_raw", "before calibration"),
        _real("probability", "calibrated"),
        Column("prediction_set", "list", "class names", may_be_empty=True),
        Column("deferred", "list", "true where handed back to people", may_be_empty=True),
        _text("pattern", "inputs present, joined by +; `none`"),
    ),
)

CALIBRATION = Table(
    "calibration",
    (
        _text("arm", ""),
        *_FOLD,
        _text("class_name", "`all` where one calibrator serves every class"),
        _text("calibrator", "the one chosen"),
        _text("reason", ""),
        _real("log_loss_none", "cross-fitted"),
        _real("log_loss_temperature", "cross-fitted"),
        _whole("n_patients", ""),
        _text("candidates", "JSON: name -> log_loss, gain over none, low, high", may_be_empty=True),
        _text("by", "what a hierarchical calibrator's cells are", may_be_empty=True),
    ),
)

_VALUE = (
    _real("value", ""),
    _real("low", "95 % interval"),
    _real("high", "95 % interval"),
    _whole("n_cases", ""),
    _whole("n_patients", ""),
)

METRICS = Table(
    "metrics",
    (
        _text("arm", ""),
        _text("split", ""),
        _text("repeat", "a number, or `all`"),
        _text("fold", "a number, or `all` when pooled"),
        _text("metric", ""),
        *_SLICE,
        _text("probability", "raw or calibrated"),
        _text("operating_point", "empty for metrics without a threshold", may_be_empty=True),
        *_VALUE,
        _whole("n_positive", "cases"),
        _text("interval", "method"),
        _text("status", "ok, suppressed or withheld"),
        _text("reason", "", may_be_empty=True),
        _text("flag", "what the interval excludes, such as `risks too high`", may_be_empty=True),
    ),
)

COMPARISONS = Table(
    "comparisons",
    (
        _text("arm", ""),
        _text("rival", "an arm, complement, uncalibrated, no_deferral or plain_training"),
        _text("metric", ""),
        *_SLICE,
        _real("difference", "arm minus rival"),
        _real("low", "95 % interval"),
        _real("high", "95 % interval"),
        _real("p", "two-sided"),
        _real("p_holm", "within the family"),
        _text("family", "", may_be_empty=True),
        _whole("n_patients", ""),
        _text("verdict", "better, worse, not_shown, cannot_tell or exploratory"),
        _real("detectable", "smallest difference that 80 % of such samples would show"),
        _real("margin", "how much worse is still as good; empty where none was stated"),
        _text("non_inferior", "yes, no or cannot_tell, at the margin", may_be_empty=True),
    ),
)

CURVES = Table(
    "curves",
    (
        _text(
            "kind",
            "roc, precision_recall, reliability, reliability_raw, decision, decision_treat_all, "
            "risk_coverage, robustness",
        ),
        _text("arm", ""),
        *_SLICE,
        _real("x", ""),
        _real("y", ""),
        _real("low", ""),
        _real("high", ""),
        Column("n_cases", "real", "cases behind the point", may_be_empty=True),
    ),
)

EXPLANATIONS = Table(
    "explanations",
    (
        _text("arm", ""),
        _text("case_id", ""),
        _text("class_name", ""),
        _text("method", ""),
        _text("input", ""),
        _real("share", "|attribution| of the input over the sum of |attribution| of all inputs"),
        _real("attribution", "signed sum over the input, in logits"),
        _real("logit_change", "logit of the case minus logit of the reference, all inputs"),
        _real("completeness_error", "|sum of attributions - logit change|, in logits"),
        _text("status", "pass or withheld"),
        _text("reason", "", may_be_empty=True),
        _text("file", "arrays of the case and class, relative to the run"),
    ),
)

EXPLANATION_AUDIT = Table(
    "explanation_audit",
    (
        _text("arm", ""),
        _text("method", ""),
        _text("input", ""),
        _text("class_name", ""),
        _text("group_by", ""),
        _text("group", ""),
        _text("test", "`overall` for the verdict"),
        *_VALUE,
        _text("verdict", "pass, weak or fail"),
        _text("reason", "", may_be_empty=True),
    ),
)

TRAINING = Table(
    "training",
    (
        _text("arm", ""),
        *_FOLD,
        _whole("member", ""),
        _whole("epoch", "from 1; 0 is before training"),
        _real("train_loss", ""),
        _real("validate_loss", ""),
        _real("validate_auroc", "macro over classes that have both outcomes"),
        _text("best", "yes at the epoch whose weights were kept", may_be_empty=True),
    ),
)

PREDICTION_SETS = Table(
    "prediction_sets",
    (
        _text("arm", ""),
        *_FOLD,
        _text("method", "lac, aps, raps or recall"),
        _text("by", "`all`, `class`, `pattern` or a sensitive column"),
        _text("cell", "`all`, or the class, pattern or group"),
        _real("coverage", "promised: share of patients whose set holds the truth; recall"),
        _real("limit", "score up to which a class belongs to the set"),
        _whole("n_patients", "calibration patients of the cell"),
        _real("low", "95 % range over calibration samples of this size of the coverage"),
        _real("high", "the same"),
        _text("status", "ok or no_promise"),
        _text("reason", "", may_be_empty=True),
    ),
)

DELIVERED = Table(
    "delivered",
    (
        _text("arm", ""),
        _text("class_name", ""),
        _text("operating_point", ""),
        _text("metric", "sensitivity or specificity"),
        _real("value", "on patients that the threshold was not chosen on; never test"),
        _real("low", "95 % interval"),
        _real("high", "95 % interval"),
        _whole("n_patients", ""),
    ),
)

DEFERRAL = Table(
    "deferral",
    (
        _text("arm", ""),
        *_FOLD,
        _text("class_name", ""),
        _text("operating_point", "whose calls are judged"),
        _text("rule", "share or risk"),
        _real("asked", "share to hand back, or risk wanted"),
        _real("limit", "confidence below which a case is handed back; empty where off"),
        _real("share", "handed back, calibration patients"),
        _real("risk", "wrong calls without deferral, calibration patients"),
        _real("retained_risk", "wrong calls among the kept"),
        _real("difference", "retained risk minus risk without deferral"),
        _real("low", "95 % interval"),
        _real("high", "95 % interval, the upper bound that must lie below 0"),
        _real("p", "two-sided"),
        _real("p_holm", "over classes and groups"),
        _whole("n_patients", ""),
        _text("kept", "yes or no"),
        _text("reason", "why"),
    ),
)

OUTLIERS = Table(
    "outliers",
    (
        *_FOLD,
        *_CASE,
        _text("split", ""),
        _text("detector", "`embedding`, or `inputs`"),
        _text("input", "name of the input; `all` for the joint embedding"),
        _real("score", "distance in the detector's own unit"),
        _real("p", "share of reference cases at least as odd"),
        _text("flag", "yes or no"),
        _text("reason", "what is odd", may_be_empty=True),
    ),
)

EXCHANGEABILITY = Table(
    "exchangeability",
    (
        _text("arm", ""),
        _text("test", "what is compared: labels (conformity scores) or inputs"),
        _whole("n_calibration", "patients"),
        _whole("n_new", "patients"),
        _real("evidence", "half the median, over repeated draws, of the largest wealth"),
        _real("p", "upper bound, 1 / evidence"),
        _text("verdict", "holds, fails or cannot_tell"),
        _text("reason", ""),
    ),
)

VALIDATION_SIZE = Table(
    "validation_size",
    (
        _text("arm", ""),
        _text("class_name", ""),
        _text("criterion", "what has to be estimated, and how precisely"),
        _real("needed", "cases, or events"),
        _real("available", "effective number: patients count, not pictures"),
        _text("met", "yes, no or cannot_tell"),
        _text("source", ""),
        _text("detail", "in a sentence"),
    ),
)

TABLES = {
    table.name: table
    for table in (
        CASES,
        SPLITS,
        NOTES,
        INTAKE,
        INTAKE_EXAMPLES,
        INTAKE_TEST,
        IMAGES,
        LINKS,
        THRESHOLDS,
        PREDICTIONS,
        CALIBRATION,
        METRICS,
        COMPARISONS,
        CURVES,
        EXPLANATIONS,
        EXPLANATION_AUDIT,
        TRAINING,
        DELIVERED,
        PREDICTION_SETS,
        DEFERRAL,
        OUTLIERS,
        EXCHANGEABILITY,
        VALIDATION_SIZE,
    )
}
"""Tables by file name, without `.parquet`."""
