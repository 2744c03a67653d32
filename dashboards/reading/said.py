"""What a reader can say, in words: ratings, confidence, reasons, and how far a reading has come."""

from clinmm.review.answers import Draft
from dashboards.language import t

RATINGS = {
    1: t("definitely not"),
    2: t("probably not"),
    3: t("cannot say"),
    4: t("probably"),
    5: t("definitely"),
}
CONFIDENCES = {1: t("low"), 2: t("moderate"), 3: t("high"), 4: t("very high")}
REASONS = {
    "image_quality": t("The image is poor"),
    "overlooked": t("I had overlooked something"),
    "note_contradicts": t("The note says otherwise"),
    "record_wrong": t("A value of the record is wrong"),
    "model_plausible": t("The model's estimate is plausible"),
    "explanation_convincing": t("The explanation convinced me"),
    "shortcut_suspected": t("The model seems to take a shortcut"),
    "wrong_evidence": t("The model looks at the wrong place"),
    "out_of_scope": t("This case is not what the model is for"),
    "other": t("Another reason (say it in the comment)"),
}
STATUSES = {
    "new": t("unread"),
    "begun": t("begun"),
    "opinion": t("opinion locked"),
    "done": t("done"),
}


def judgement(said: Draft, class_name: str) -> str:
    """What was said of one class.

    >>> judgement(Draft(ratings={"nodule": 4}), "nodule")
    'probably'
    >>> judgement(Draft(choice="mass"), "nodule"), judgement(Draft(choice="mass"), "mass")
    ('', 'chosen')
    """
    if said.choice is not None:
        return t("chosen") if said.choice == class_name else ""
    if said.value is not None:
        return f"{said.value:g}"
    rating = said.ratings.get(class_name)
    return RATINGS[rating] if rating else ""


def confidence(said: Draft) -> str:
    """
    >>> confidence(Draft(confidence=3)), confidence(Draft())
    ('high', '')
    """
    return CONFIDENCES[said.confidence] if said.confidence else ""
