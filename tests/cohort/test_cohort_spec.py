from typing import Any

import pytest
from small_cohort import SETTINGS

from clinmm.cohort.manifest import spec_from
from clinmm.errors import InputError


def problems(**changes: Any) -> list[str]:
    settings = {k: v for k, v in {**SETTINGS, **changes}.items() if v is not None}
    with pytest.raises(InputError) as caught:
        spec_from(settings, "cohort.yaml")
    return caught.value.problems


def test_every_problem_is_told_at_once_with_its_place_and_the_likely_word() -> None:
    told = problems(
        patient_id=None,
        tabel="x.csv",
        inputs={
            "image": {"kind": "image", "colum": "picture"},
            "note": {"column": "text"},
            "record": {"kind": "recrd"},
        },
        sensitive={"age": {"column": "age", "bin": [1, 2]}},
    )
    assert told == [
        "cohort.yaml: key 'patient_id' is missing. Add it.",
        "cohort.yaml.inputs.image: key 'column' is missing. Add it.",
        "cohort.yaml.inputs.image: unknown key 'colum'. Did you mean 'column'?",
        "cohort.yaml.inputs.note: key 'kind' is missing. Known: image, note, record, signal.",
        "cohort.yaml.inputs.record.kind: got 'recrd'. Did you mean 'record'?",
        "cohort.yaml.sensitive.age: unknown key 'bin'. Did you mean 'bins'?",
        "cohort.yaml: unknown key 'tabel'. Did you mean 'table'?",
    ]


def test_numbers_name_cells_as_text_and_truths_are_refused() -> None:
    target = {**SETTINGS["target"], "positive": [1], "negative": [0]}
    assert spec_from({**SETTINGS, "target": target}, "x").target.positive == ("1",)
    assert problems(target={**target, "positive": [True]}) == [
        "cohort.yaml.target.positive[0]: got true: write it in quotes, as the table spells it."
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"require": ["notes"]}, "require: no input 'notes'; inputs are image, note, record"),
        ({"drop_duplicates_of": "note"}, "'note' is no image input; image inputs are image"),
        ({"sensitive": {"age": {"column": "age", "bins": [40, 0]}}}, "bins must rise"),
        ({"sensitive": {"a*b": "sex"}}, "sensitive"),
        ({"inputs": {"fused": {"kind": "note", "column": "t"}}}, "has a meaning of its own"),
        ({"inputs": {"a+b": {"kind": "note", "column": "t"}}}, "inputs"),
        ({"inputs": {"record": {"kind": "record"}}}, "name at least one under numeric"),
        ({"inputs": {}}, "at least 1"),
        ({"site": "pattern"}, "are written by clinmm"),
        (
            {
                "inputs": {
                    "a": {"kind": "note", "column": "t"},
                    "b": {"kind": "note", "column": "t"},
                }
            },
            "two note inputs read one column",
        ),
        (
            {"target": {**SETTINGS["target"], "positive": ["Y"], "negative": ["Y"]}},
            "named twice: Y",
        ),
        (
            {"target": {"name": "t", "kind": "multiclass", "column": "c", "classes": ["a"]}},
            "at least 2",
        ),
        ({"sample": {"rows": 0}}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    (told,) = problems(**changes)
    assert words in told
    assert told.startswith("cohort.yaml")


def test_two_problems_of_one_rule_get_a_line_each() -> None:
    told = problems(require=["x"], drop_duplicates_of="y")
    assert [line.split(":")[1].strip() for line in told] == ["require", "drop_duplicates_of"]
