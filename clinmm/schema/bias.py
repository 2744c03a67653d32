"""Tables of the bias audit: who is there, what is concluded, slices, sources, mitigation."""

from clinmm.schema.table import SLICE, VALUE, Table, real, text, whole

DIFFERENCE = (
    real("difference", "the group minus everybody else of whom the attribute is recorded"),
    real("difference_low", "95 % interval"),
    real("difference_high", "95 % interval"),
    real("p", "two-sided"),
)

GROUPS = Table(
    "groups",
    (
        text("part", "cohort, train or test"),
        text("measure", "share, prevalence, present (an input) or pattern (inputs together)"),
        text("of", "the class, input or pattern it is about; empty for share", may_be_empty=True),
        text("group_by", ""),
        text("group", ""),
        *VALUE,
        *DIFFERENCE,
        real("p_holm", "within the measure"),
        text("verdict", "gap, not_shown or cannot_tell; empty for share", may_be_empty=True),
        real("detectable", "smallest difference that 80 % of such samples would show"),
        text("status", "ok or suppressed"),
        text("reason", "", may_be_empty=True),
    ),
)

BIAS_VERDICTS = Table(
    "bias_verdicts",
    (
        text("arm", ""),
        text("group_by", "the attribute"),
        text("metric", "what the verdict is about"),
        text("class_name", "a class or `macro`"),
        text("operating_point", "", may_be_empty=True),
        whole("n_groups", "groups that could be judged"),
        whole("n_suppressed", "groups too small to be judged"),
        whole("n_patients", ""),
        real("statistic", "largest studentised gap, in standard errors"),
        real("p", "by permutation of groups by patient within outcome"),
        real("p_holm", "over attributes and metrics of the arm"),
        text("verdict", "gap_shown, no_gap_shown or cannot_tell"),
        text("group", "the group served worst, among those judged", may_be_empty=True),
        real("difference", "that group minus everybody else"),
        real("low", "95 % interval"),
        real("high", "95 % interval"),
        real("detectable", "smallest gap of any group that 80 % of such samples would show"),
        text("sentence", "the verdict in plain words"),
        text("cause", "what may explain the gap; `cause not identified`", may_be_empty=True),
        text("case_ids", "cases that illustrate it, one a line", may_be_empty=True),
    ),
)

SLICES = Table(
    "slices",
    (
        text("arm", ""),
        text("class_name", ""),
        text("metric", ""),
        text("operating_point", "", may_be_empty=True),
        text("kind", "column, columns, note_topic or embedding_cluster"),
        text("slice", "in words, such as `view is AP and age is 40 to 65`"),
        text("half", "found or confirmed"),
        *VALUE,
        *DIFFERENCE,
        real("p_holm", "over the slices that were put to the test"),
        real("detectable", "smallest difference that 80 % of such samples would show"),
        real("n_looked_at", "slices that were compared to find these"),
        text("verdict", "worse, not_shown or cannot_tell; empty for found", may_be_empty=True),
        text("case_ids", "test cases that illustrate it, one a line", may_be_empty=True),
    ),
)

GAP_SOURCES = Table(
    "gap_sources",
    (
        text("arm", ""),
        text("group_by", ""),
        text("group", "empty where it is about the attribute as a whole", may_be_empty=True),
        text("class_name", "", may_be_empty=True),
        text(
            "source",
            "revealed, revealed_label_fixed, arm, image_quality, image_quality_fixed, "
            "training_share, missing_inputs or label_noise",
        ),
        text("of", "the input, arm, quality measure or column that it is about"),
        text("measure", "what the value is, such as auroc or difference"),
        *VALUE,
        text("verdict", "yes, not_shown, cannot_tell", may_be_empty=True),
        text("sentence", "in plain words", may_be_empty=True),
    ),
)

MITIGATION = Table(
    "mitigation",
    (
        text("method", "`plain_training`, or a file of clinmm/fairness/mitigation"),
        text("group_by", "the attribute that it is about"),
        text("split", "validate (what the choice rests on) or test"),
        text("metric", ""),
        text("operating_point", "", may_be_empty=True),
        *SLICE[:1],
        text("group", "a group, `all`, or `worst`: the group that is worst under this method"),
        *VALUE,
        real("difference", "this method minus plain training, same patients"),
        real("difference_low", "95 % interval"),
        real("difference_high", "95 % interval"),
        real("p", "two-sided"),
        real("spread", "standard deviation over seeds"),
        whole("n_seeds", ""),
        text("chosen", "yes for the method that the rule chose on validate"),
        text("recommended", "yes for the one method that is recommended"),
        text(
            "judged",
            "what the choice and the recommendation rest on: worst_group (worst on validate under "
            "plain training), pooled or worst; else empty",
            may_be_empty=True,
        ),
        text("rule", "by which one method is chosen on validate"),
        real("margin", "how much of the pooled metric may be lost"),
        text("status", "ok or suppressed"),
        text("reason", "", may_be_empty=True),
    ),
)
