"""What a physician reads about explanations: methods, tests, verdicts, and how to read a plot."""

import re
from typing import Any

from clinmm.explain.audit.parts.zones import ZONES
from clinmm.registry import constants, describe
from clinmm.report.wording import method_name
from dashboards.language import t
from dashboards.words import listing

INPUTS = {"joint": t("all inputs together")}

TESTS = {
    "completeness_error": t("Adds up to the change"),
    "infidelity": t("Infidelity"),
    "sensitivity": t("Sensitivity to tiny changes"),
    "stability": t("Stable under noise and small shifts"),
    "weight_randomisation": t("Changes when the model loses its weights"),
    "weight_randomisation_unsigned": t("Changes when the model loses its weights, sign ignored"),
    "label_randomisation": t("Depends on the labels"),
    "label_randomisation_over_unrelated": t("Depends on the labels, against unrelated models"),
    "deletion": t("Deletion: what it marks matters to the model"),
    "insertion": t("Insertion: what it marks is enough"),
    "comprehensiveness": t("Without what it marks, the estimate moves"),
    "sufficiency": t("What it marks alone gives the estimate"),
    "localisation_over_chance": t("Lies where the finding is, against chance"),
    "localisation_over_random_weights": t("Lies where the finding is, against random weights"),
    "localisation_over_permuted_labels": t("Lies where the finding is, against permuted labels"),
    "auroc_gate": t("The finding can be told at all (AUROC)"),
    "agreement": t("Agrees with other methods"),
    "baseline_agreement": t("Does not depend on what the case is compared with"),
}

SYMBOLS = {"pass": "✓", "weak": "~", "fail": "✗", "unknown": "?", "": "–"}
VERDICTS = {
    "pass": t("pass"),
    "weak": t("weak"),
    "fail": t("fail"),
    "unknown": t("cannot tell"),
    "": t("not judged"),
}
CANNOT_TELL = "cannot tell"
"""Stands in the reason of every verdict that rests on too few cases."""


SHARE = t(
    "Share: how much of all that moved the estimate came from the input. Bar: "
    "lowest to highest over the models of the case, where there are several."
)
SHARE_OF_COHORT = " " + t("Grey: the mean over the cohort, 95 %.")
NOT_AUDITED = t("Nobody tested whether these explanations hold: the run has no audit of them.")
DENIED = t("Dotted underline: words that the note denies.")
MARKED = t("Hatched: the part that is due to having been measured, or not.")
HOW_MATRIX = t(
    "Each cell is one method and one input. Only what passed (✓) is drawn on a "
    "case page; what is weak (~), failed (✗) or rests on too few cases to tell "
    "(?) is withheld."
)
HOW_TESTS = t(
    "Each line has its own scale. Dot and bar: mean over cases with its 95 % "
    "interval by patient. Dashed: the bound; the shaded side is the good one. "
    "Pass: dot and bar are on it. Weak: the dot alone. Fail: neither. Tests "
    "marked 'told only' decide nothing."
)
HOW_GROUPS = t(
    "The same test in each group, all findings together, 95 % interval by "
    "patient. Dashed: the bound. A group differs where its interval stays clear "
    "of the others'; what was shown is said above."
)
HOW_EFFECTS = t(
    "Mean change in logit over the cohort, 95 % interval by patient; right of 0 "
    "it speaks for the finding. What moves most, whichever way, comes first."
)
HOW_SHARES = t(
    "Mean share of each input in what moved the estimates, 95 % interval by "
    "patient. It says how much the model used an input, not how good the input "
    "is."
)
HOW_CURVE = t(
    "The risk estimate when this one value is changed and all else stays; the "
    "mark is the case as it is. This says what the model would answer, not what "
    "would happen to the patient."
)
HOW_REMOVED = t(
    "Dot: the estimate without the input; grey line: as it is. Orange: it spoke "
    "for the finding. Blue: against."
)


def method(name: str) -> str:
    """
    >>> method("grad_cam"), method("integrated_gradients")
    ('Grad-CAM', 'Integrated gradients')
    """
    said = method_name(name)
    return said[:1].upper() + said[1:]


def meaning(name: str) -> str:
    """What a method's numbers are, in its file's own words; empty of a method that is not here."""
    said = constants("attributions").get(name, {}).get("MEANING", "")
    return str(said or describe("attributions").get(name, ""))


def in_logits(name: str) -> bool:
    """Whether a method's numbers are in logits, so that inputs, and two classes, can be set beside
    each other.

    >>> in_logits("integrated_gradients"), in_logits("attention")
    (True, False)
    """
    return bool(constants("attributions").get(name, {}).get("IN_LOGITS", False))


def relative_only(name: str) -> str:
    """
    >>> relative_only("attention")
    'The numbers of Attention mean something within one class only; they cannot be set against \
another class.'
    """
    return t(
        "The numbers of {method} mean something within one class only; they cannot "
        "be set against another class.",
        method=method(name),
    )


def of_difference(adds_up: bool, stable: bool) -> str:
    """What was checked where a class is set against another.

    adds_up, stable: whether that was asked of the difference itself.

    >>> of_difference(adds_up=True, stable=False)
    'The audit judged each of the two classes by itself, not their difference. Of the difference \
itself only this was checked, for this case: that it adds up.'
    """
    made = [t("that it adds up")] * adds_up + [t("that it is stable")] * stable
    by_itself = t("The audit judged each of the two classes by itself, not their difference.")
    if not made:
        return f"{by_itself} {t('Of the difference itself nothing was checked.')}"
    return f"{by_itself} " + t(
        "Of the difference itself only this was checked, for this case: {checks}.",
        checks=listing(made),
    )


def input_name(name: str) -> str:
    """
    >>> input_name("joint"), input_name("note")
    ('all inputs together', 'note')
    """
    return INPUTS.get(name, name)


OF_ZONES = {
    "mass": (
        t("Map"),
        t(
            "Share of the map, without sign, that lies there, less the share of the "
            "image: 0 of an even map."
        ),
    ),
    "ratio": (
        t("Map, as a ratio,"),
        t("Share of the map that lies there, over that of the image."),
    ),
    "effect": (
        t("Answer without what is"),
        t(
            "Change of the answer when the model no longer sees this place, as a share "
            "of what the whole image adds."
        ),
    ),
}
"""Kind of a test of shortcuts -> what it is called, and what it asks, of a zone of the image."""

_ZONE = re.compile(rf"shortcut_({'|'.join(OF_ZONES)})_({'|'.join(ZONES)})")


def test(name: str) -> str:
    """
    >>> test("deletion"), test("energy_inside")
    ('Deletion: what it marks matters to the model', 'Energy inside')
    """
    if zone := _ZONE.fullmatch(name):
        return f"{OF_ZONES[zone[1]][0]} {ZONES[zone[2]]}"
    return TESTS.get(name, name.replace("_", " ").capitalize())


def asks(name: str) -> str:
    """What a test asks, in its file's own words; empty of a test that is not here."""
    if zone := _ZONE.fullmatch(name):
        return OF_ZONES[zone[1]][1]
    for said in constants("explanation_tests").values():
        tests: dict[str, Any] = said.get("TESTS") or {}
        if name in tests:
            return str(tests[name])
    return ""


def verdict(name: str) -> str:
    """
    >>> verdict("weak"), verdict("")
    ('~ weak', '– not judged')
    """
    return f"{SYMBOLS.get(name, '')} {VERDICTS.get(name, name)}".strip()


def shown_as(name: str, reason: str) -> str:
    """A verdict as it is drawn: `unknown` where every reason for it is too few cases.

    >>> shown_as("weak", "deletion: cannot tell: 2 cases"), shown_as("weak", "deletion: .1")
    ('unknown', 'weak')
    """
    parts = reason.split("; ")
    few = name == "weak" and all(CANNOT_TELL in part for part in parts)
    return "unknown" if few else name


def inside(text: str) -> str:
    """A label within a sentence.

    >>> inside("Depends on the labels"), inside("AUROC")
    ('depends on the labels', 'AUROC')
    """
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def special(share: float, note: str) -> str:
    """
    >>> special(0.07, "note")
    '7 % of what moved the estimate through the note lies on pieces that stand for no word.'
    """
    return t(
        "{share:.0f} % of what moved the estimate through the {note} lies on pieces "
        "that stand for no word.",
        share=100 * share,
        note=note,
    )
