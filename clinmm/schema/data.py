"""Tables of the cases: who is in the study, what was found of them, and who learns."""

from clinmm.schema.table import CASE, FOLD, Column, Table, real, text, whole

CASES = Table("cases", CASE, extra=True)

IMAGES = Table(
    "images",
    (
        text("case_id", ""),
        text("input", ""),
        text("sha256", "of the file, or of the files of a series", may_be_empty=True),
        text("status", "read, absent or unreadable"),
        text("reason", "why not", may_be_empty=True),
        *(
            text(name, meaning, may_be_empty=True)
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
                ("doubt", "what in the header contradicts itself"),
                ("borders", "black at top, bottom, left and right, as shares of the side"),
                ("done", "what the reader did, in order, joined by `; `"),
            )
        ),
    ),
    extra=True,
)

INTAKE = Table(
    "intake",
    (
        text("check", "name of the check"),
        text("severity", "error, warning or info"),
        text("subject", "the field or file concerned"),
        Column("case_ids", "list", "cases concerned, at most the first 1000"),
        whole("count", "how many rows, files or values"),
        real("value", "a measured figure, if the check has one"),
        real("low", "95 % interval"),
        real("high", "95 % interval"),
        text("detail", "what it means, in a sentence"),
        text("advice", "what to do"),
        text("accepted", "reason given in the config, if accepted", may_be_empty=True),
    ),
)

INTAKE_EXAMPLES = Table(
    "intake_examples",
    (
        whole("finding", "row of intake.parquet, from 0"),
        text("case_id", ""),
        text("other_case_id", "the second of a pair, else empty", may_be_empty=True),
        text("input", "what to look at"),
        text("words", "what to look for in the note", may_be_empty=True),
        real("value", "distance of the pair, or the figure that is out of range"),
    ),
)

INTAKE_TEST = Table(
    "intake_test",
    (
        text("check", "name of the check"),
        text("subject", "as in intake.parquet"),
        text("words", "a word found on the other patients, else empty", may_be_empty=True),
        text("measure", "what the value is"),
        text("class_name", ""),
        *(
            real("value", "on test patients"),
            real("low", "95 % interval"),
            real("high", "95 % interval"),
        ),
        whole("n_cases", ""),
        whole("n_patients", ""),
    ),
)

LINKS = Table(
    "links",
    (
        text("case_id", ""),
        text("other_case_id", "of another patient"),
        text("input", "what the two share"),
        text("kind", "same_bytes, same_pixels, near_duplicate or same_patient"),
        real("distance", "0 where equal; else as the check says"),
    ),
)

SPLITS = Table(
    "splits",
    (
        *FOLD,
        *CASE,
        text("split", "train, validate, calibrate or test"),
        Column("member", "whole", "the model of the fold that stops on this case; -1: none"),
    ),
)

NOTES = Table(
    "notes",
    (*FOLD, CASE[0], text("input", ""), text("note", "as modelled", may_be_empty=True)),
)
