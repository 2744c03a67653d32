"""Which words name a class: close to its title, or a synonym of it."""

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import BinaryTarget

SYNONYMS = (
    {"covid", "covid19", "covid 19", "sars cov 2", "sarscov2", "sars cov2", "cov 2", "coronavirus",
     "corona", "2019 ncov", "ncov", "ncov 2019", "novel coronavirus"},
    {"died", "die", "dies", "dying", "dead", "death", "deceased", "expired", "passed away",
     "demise", "fatal", "fatally", "succumbed", "mortality", "lethal", "survived", "survival",
     "survivor", "survive"},
    {"intubated", "intubation", "intubate", "extubated", "extubation", "ventilated",
     "mechanical ventilation", "ventilator", "endotracheal tube"},
    {"icu", "intensive care", "critical care", "intensive care unit"},
    {"recovered", "recovery", "discharged", "discharge", "discharged home"},
    {"readmission", "readmitted", "rehospitalised", "rehospitalized"},
    {"malignant", "malignancy", "cancer", "carcinoma", "melanoma", "neoplasm", "tumour", "tumor",
     "metastasis", "metastases", "metastatic"},
    {"benign", "naevus", "nevus"},
    {"pneumonia", "pneumonic", "consolidation", "airspace opacity", "airspace disease"},
    {"effusion", "pleural fluid", "hydrothorax", "pleural effusion"},
    {"pneumothorax", "collapsed lung"},
    {"cardiomegaly", "enlarged heart", "heart enlarged", "enlarged cardiac silhouette",
     "cardiac enlargement", "enlarged cardiomediastinal silhouette"},
    {"oedema", "edema", "vascular congestion", "pulmonary congestion"},
    {"atelectasis", "atelectatic", "volume loss"},
    {"emphysema", "copd", "hyperinflation", "hyperinflated"},
    {"fibrosis", "fibrotic"},
    {"nodule", "nodular", "mass", "lesion"},
    {"fracture", "fractured", "broken"},
    {"tuberculosis", "tb", "tuberculous"},
    {"pneumocystis", "pcp", "pjp"},
    {"embolism", "emboli", "embolus", "pe"},
    {"stroke", "cva", "infarct", "infarction"},
    {"haemorrhage", "hemorrhage", "bleed", "bleeding"},
    {"sepsis", "septic"},
    {"diabetes", "diabetic"},
    {"dementia", "alzheimer"},
    {"normal", "unremarkable", "no finding"},
)  # fmt: skip
"""Groups of words that say the same of a patient, or its opposite."""

LEAST_LETTERS = 4
ALIKE = 0.88
_WORD = re.compile(r"[^\W_]+")

GENERAL = {"case", "class", "diagnosis", "finding", "findings", "group", "label", "outcome",
           "other", "patient", "result", "status", "target", "type", "value", "with",
           "without"}  # fmt: skip
"""Words of titles that name no class."""


def titles_of(cohort: Cohort, class_name: str) -> list[str]:
    """What a class is called: itself, and, unless each column is a class, target and values."""
    target = cohort.spec.target
    if cohort.task == "multilabel":
        return [class_name]
    titles = [class_name, target.name, *target.columns]
    if isinstance(target, BinaryTarget):
        titles += [*(target.positive or ()), *(target.negative or ())]
    return list(dict.fromkeys(titles))


def title_words(titles: Sequence[str]) -> set[str]:
    """Words of four letters or more, lower case, but those that name no class.

    >>> sorted(title_words(["COVID-19, ARDS", "finding"]))
    ['ards', 'covid']
    """
    words = {word for title in titles for word in _WORD.findall(title.lower())}
    return {word for word in words if len(word) >= LEAST_LETTERS} - GENERAL


def related(phrases: Sequence[str]) -> set[str]:
    """Every member of a group of SYNONYMS of which a phrase holds a member."""
    return {
        word
        for group in SYNONYMS
        if any(_holds(phrase, member) for member in group for phrase in phrases)
        for word in group
    }


def synonyms_of(titles: Sequence[str]) -> set[str]:
    """Every synonym of what the titles hold."""
    return related([" ".join(_WORD.findall(title.lower())) for title in titles])


def names_class(words: str, titles: Sequence[str], synonyms: set[str]) -> bool:
    """Whether a phrase holds a synonym, or a word close to a word of a title.

    >>> names_class("enlarged cardiomegalic heart", ["cardiomegaly"], set())
    True
    >>> names_class("proven sars cov 2", ["COVID-19"], synonyms_of(["COVID-19"]))
    True
    """
    if any(_holds(words, synonym) for synonym in synonyms):
        return True
    parts = title_words(titles)
    return any(_close(word, part) for word in words.split() for part in parts)


def _holds(words: str, part: str) -> bool:
    return f" {part} " in f" {words} "


def _close(word: str, part: str) -> bool:
    """Whether a word begins as three quarters of the part do, or differs by a letter or two."""
    if len(word) < LEAST_LETTERS or len(part) == LEAST_LETTERS:
        return word == part
    stem = math.ceil(0.75 * len(part))
    if word[:stem] == part[:stem]:
        return True
    alike = SequenceMatcher(None, word, part)
    return alike.real_quick_ratio() >= ALIKE and alike.ratio() >= ALIKE
