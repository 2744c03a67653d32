"""A case with one thing changed at a time: each input, each sentence of a note, each column; and
what each input adds over all subsets of them.

Every change is one that the study's own pipeline could meet: an input that a case lacks, a note
without the sentence, a cell with another value or none. Whatever depends on which inputs a case has
(the answer of the fusion, the calibrator by pattern) follows the change. What moves together in
life, such as two laboratory values, is moved apart here, so a curve is about the model, not about
what a treatment would do.

Reference:
    Goldstein, Kapelner, Bleich, Pitkin. Peeking inside the black box: individual conditional
    expectation. J Comput Graph Stat 24:44 (2015). Removal: Covert, Lundberg, Lee. JMLR 22:209
    (2021).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.arms import FUSED
from clinmm.errors import InputError
from clinmm.explain.joint import Joint
from clinmm.explain.what_if.ranges import PlausibleRanges
from clinmm.explain.what_if.subsets import answers_to_subsets, input_values
from clinmm.explain.what_if.variants import Variant, answers_to, variants_of

Probability = Callable[[NDArray[np.float64], str, Sequence[str]], NDArray[np.float64]]
"""((places, S, K) logits, case id, S patterns) -> (S, K); see `Calibrated`."""


def what_if_rows(
    joints: Sequence[Joint],
    case_id: str,
    class_names: Sequence[str],
    probability: Probability,
    ranges: PlausibleRanges,
    arm: str = FUSED,
) -> list[dict[str, Any]]:
    """Rows of schema.WHAT_IF of one case.

    Args:
        joints: the case asked of the models of one or several folds; `logit` is their mean.
        case_id: the case.
        class_names: the K classes, in the order of the logits.
        probability: as from `probability_of` with the places of the joints, in their order.
        ranges: as from `plausible_ranges` of the cohort that the models learned from.
        arm: whose models they are.

    Returns:
        A row for each change and class, the case as it is first; `probability` is the mean over the
        joints of the calibrated ones. Of a continuous target, `probability` is the recalibrated
        value and `logit` the raw one. Rows of kind `input_adds` hold no answers but the Shapley
        values of the inputs on either scale.

    Raises:
        InputError: no joint, another number of classes, a record whose range is not known.
    """
    _refuse(joints, class_names, ranges)
    variants = variants_of(joints, ranges)
    logits = np.stack([answers_to(joint, variants) for joint in joints])
    said = probability(logits, case_id, [_pattern(joints[0], variant) for variant in variants])
    mean = logits.mean(0)
    subsets, patterns = answers_to_subsets(joints)
    if patterns:
        adds = (
            input_values(probability(subsets, case_id, patterns)),
            input_values(subsets.mean(0)),
        )
        said, mean = (np.concatenate(both) for both in zip((said, mean), adds, strict=True))
        variants += [Variant("input_adds", name) for name in joints[0].names]
    return [
        {
            "arm": arm,
            "case_id": case_id,
            "class_name": class_name,
            "kind": variant.kind,
            "input": variant.input,
            "part": variant.part,
            "x": variant.x,
            "probability": float(said[s, k]),
            "logit": float(mean[s, k]),
        }
        for s, variant in enumerate(variants)
        for k, class_name in enumerate(class_names)
    ]


def _pattern(joint: Joint, variant: Variant) -> str:
    """The inputs that the case has in this variant, as the predictions table names them."""
    lost = variant.input if variant.raw is None else None
    return "+".join(sorted(name for name in joint.names if name != lost)) or "none"


def _refuse(joints: Sequence[Joint], class_names: Sequence[str], ranges: PlausibleRanges) -> None:
    if not joints:
        raise InputError("what_if_rows: no joint. Give one for each fold whose models are asked.")
    problems = []
    if (n := len(joints[0].models[0].start)) != len(class_names):
        problems.append(
            f"what_if_rows: the models answer {n} classes, got {len(class_names)} names."
        )
    problems += [
        f"what_if_rows: no ranges of the record '{name}'. Give plausible_ranges of its cohort."
        for name in joints[0].names
        if joints[0].kind(name) == "record" and name not in ranges.numeric
    ]
    if problems:
        raise InputError(problems)
