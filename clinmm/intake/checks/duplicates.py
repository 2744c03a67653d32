"""Pictures that stand under two patients: the same file, the same pixels, or a changed copy."""

from collections import defaultdict

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.target_spec import ContinuousTarget
from clinmm.intake.context import Context
from clinmm.intake.duplicates.links import find_links
from clinmm.intake.finding import Example, Finding

PICTURES = {
    "same_bytes": "the same file",
    "same_pixels": "the same pixels in another file",
    "near_duplicate": "a changed copy (size, compression, cut, turn, tone), or a second one",
}
"""Kinds of links between pictures -> what is shared."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per image input: a warning for pictures that patients share, an error where the split does
    not keep these patients together or where cases that share one have contradicting targets, and
    for information the files that one patient has twice."""
    if context.links is None:
        context.links = find_links(cohort, context.images_of(cohort))
    findings = []
    for name in cohort.spec.input_names("image"):
        links = context.links
        links = links[(links["input"] == name) & links["kind"].isin(PICTURES)]
        findings += _shared(cohort, context, name, links)
        findings += _contradicting(cohort, context, name, links)
        findings += _repeated(cohort, name)
    return findings


def _shared(cohort: Cohort, context: Context, name: str, links: pd.DataFrame) -> list[Finding]:
    if links.empty:
        return []
    apart = context.split is not None and not context.split.keep_linked_together
    kinds = links["kind"].value_counts()
    kinds_told = "; ".join(
        f"{kinds[kind]} {words}" for kind, words in PICTURES.items() if kind in kinds
    )
    unit = cohort.spec.unit_name
    advice = f"Find out which {unit} each belongs to"
    if apart:
        advice += "; they may be in two parts of the split, so set split.keep_linked_together."
    else:
        advice += f", or keep the first of equal files with drop_duplicates_of: {name}; the split "
        advice += f"deals these {unit}s out as one."
    return [
        Finding(
            "duplicates",
            "error" if apart else "warning",
            name,
            f"{len(links)} pairs of pictures stand under two {unit}s: {kinds_told}.",
            advice,
            _ids(links),
            len(links),
            examples=_pairs(links),
        )
    ]


def _contradicting(
    cohort: Cohort, context: Context, name: str, links: pd.DataFrame
) -> list[Finding]:
    """An error where two cases that share a picture have different known targets (a warning where
    they have different values); of the cases whose labels may be looked at."""
    row_of = {case_id: row for row, case_id in enumerate(cohort.table["case_id"])}
    one, other = (
        np.array([row_of[case_id] for case_id in links[column]], dtype=int)
        for column in ("case_id", "other_case_id")
    )
    targets, learnt = cohort.targets(), context.learnt(cohort)
    apart = np.abs(targets[one] - targets[other])
    differ = (apart > 0).any(axis=1)  # not where one is not known
    pairs = links[differ & learnt[one] & learnt[other]]
    if pairs.empty:
        return []
    target = cohort.spec.target
    if isinstance(target, ContinuousTarget):
        furthest = float(apart[differ & learnt[one] & learnt[other]].max())
        return [
            Finding(
                "duplicates",
                "warning",
                f"{name} with other targets",
                f"{len(pairs)} pairs of cases share a picture and have different values, by up to "
                f"{furthest:g} {target.unit}.",
                "Correct what is wrong; what is left is how far two readings of one picture lie "
                "apart, and no model will come nearer.",
                _ids(pairs),
                len(pairs),
                value=furthest,
                examples=_pairs(pairs),
            )
        ]
    return [
        Finding(
            "duplicates",
            "error",
            f"{name} with other targets",
            f"{len(pairs)} pairs of cases share a picture and have different targets.",
            "One of the two targets is wrong, or the picture is: correct the table.",
            _ids(pairs),
            len(pairs),
            examples=_pairs(pairs),
        )
    ]


def _repeated(cohort: Cohort, name: str) -> list[Finding]:
    """Equal files of one patient."""
    patients, ids = cohort.table["patient_id"], cohort.table["case_id"]
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for digest, patient, case_id in zip(cohort.image_sha256(name), patients, ids, strict=True):
        if digest is not None:
            holders[digest, patient].append(case_id)
    groups = [cases for cases in holders.values() if len(cases) > 1]
    if not groups:
        return []
    return [
        Finding(
            "duplicates",
            "info",
            name,
            f"{len(groups)} files stand in several cases of one {cohort.spec.unit_name}.",
            "Check that each case has its own picture.",
            tuple(case_id for cases in groups for case_id in cases),
            len(groups),
            examples=tuple(Example(cases[0], name, cases[1], value=0.0) for cases in groups),
        )
    ]


def _ids(links: pd.DataFrame) -> tuple[str, ...]:
    return tuple(dict.fromkeys(links[["case_id", "other_case_id"]].to_numpy().ravel()))


def _pairs(links: pd.DataFrame) -> tuple[Example, ...]:
    """The closest first."""
    return tuple(
        Example(
            str(row.case_id), str(row.input), str(row.other_case_id), value=float(str(row.distance))
        )
        for row in links.sort_values("distance", kind="stable").itertuples()
    )
