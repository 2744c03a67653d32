"""The file of a reading study: what it means, and everything that is wrong with it at once."""

from pathlib import Path
from typing import Any

import pytest

from clinmm.config import shipped_configs
from clinmm.errors import InputError
from clinmm.review.protocol import MODES, OPEN, Protocol, load_protocol

SHIPPED = sorted((shipped_configs() / "reading").glob("*.yaml"))


def load(tmp_path: Path, text: str) -> Protocol:
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return load_protocol(file)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as refused:
        load(tmp_path, text)
    return [line.removeprefix(f"{tmp_path}/study.yaml") for line in refused.value.problems]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_protocol_loads_and_says_its_command(file: Path) -> None:
    protocol = load_protocol(file)
    assert protocol.name.replace("-", "_") == file.stem
    assert f"clinmm reading new RUN {file.name}" in file.read_text(encoding="utf-8")


def test_three_protocols_are_shipped() -> None:
    assert [file.stem for file in SHIPPED] == [
        "blind_first",
        "double_reading",
        "trial_of_the_model",
    ]


def test_what_is_left_out_is_a_blind_first_study_of_all_test_cases(tmp_path: Path) -> None:
    protocol = load(tmp_path, "name: s\nreaders: [' ana ']")
    assert protocol.readers == ("ana",)
    assert protocol.arms == {"blind_first": MODES["blind_first"]}
    assert protocol.arms["blind_first"].steps == ("opinion", "final")
    assert (protocol.cases.split, protocol.cases.n) == ("test", None)
    assert protocol.later_images is False


def test_a_mode_a_list_of_modes_and_arms_by_name_are_the_same(tmp_path: Path) -> None:
    start = "name: s\nreaders: [a]\n"
    one = load(tmp_path, start + "mode: model_first")
    assert one == load(tmp_path, start + "arms: [model_first]")
    assert one == load(tmp_path, start + "arms: {model_first: {mode: model_first}}")
    two = load(tmp_path, start + "arms: {plain: without_model, shown: {show: [risk]}}")
    assert two.arms["plain"].show == ()
    assert two.arms["shown"].steps == ("opinion", "final")


def test_later_images_are_shown_where_the_study_says_so(tmp_path: Path) -> None:
    assert load(tmp_path, "name: s\nreaders: [a]\nlater_images: true").later_images


def test_a_mode_without_the_model_shows_nothing_of_it(tmp_path: Path) -> None:
    written = load(tmp_path, "name: s\nreaders: [a]\narms: {x: {mode: without_model}}")
    assert written.arms["x"] == MODES["without_model"]


@pytest.mark.parametrize("protocol", [OPEN, *(load_protocol(file) for file in SHIPPED)])
def test_a_protocol_returns_from_json_as_it_was(protocol: Protocol) -> None:
    assert Protocol.model_validate(protocol.model_dump(mode="json")) == protocol


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = """
name: a/b
reader: [ana]
readers: [""]
cases: {n: 0, ids: [17], spilt: test}
mode: blind_frist
adjudicate: {when: sometimes, tolerance: -1}
repeats: {share: 2}
seed: -1
"""
    found = problems(tmp_path, text)
    assert [line.split(" ")[0] for line in found] == [
        ".name:",
        ".cases.ids[0]:",
        ".cases.n:",
        ".cases:",
        ".readers[0]:",
        ".repeats.share:",
        ".arms:",
        ".adjudicate.when:",
        ".adjudicate.tolerance:",
        ".seed:",
        ":",
    ]
    assert ".cases: unknown key 'spilt'. Did you mean 'split'?" in found
    assert ".arms: no mode 'blind_frist'. Did you mean 'blind_first'?" in found
    assert ": unknown key 'reader'. Did you mean 'readers'?" in found


@pytest.mark.parametrize(
    ("added", "wanted"),
    [
        ("name: open", ".*: name: 'open' is the room without a study"),
        ("readers: []", "readers: name at least one"),
        ("readers: [a, a]", "readers: named twice: a"),
        ("readers: [a, model]", "readers: model means something else"),
        ("adjudicators: [a]", "readers: a also adjudicates or administers"),
        ("administrators: [b]", "readers: b also adjudicates or administers"),
        ("adjudicators: [c]\nadministrators: [c]", "adjudicators: c also administers"),
        ("reads_per_case: 3", "reads_per_case: 3 reads need as many readers, got 2"),
        ("arms: {}", "arms: name at least one"),
        ("arms: {all: blind_first}", "arms: all means something else"),
        ("arms: [blind_first, nothing]", r"\.arms: no mode 'nothing'\. Known: blind_first"),
        ("mode: model_first\narms: [model_first]", "give `mode` or `arms`, not both"),
        ("arms: {x: {mode: without_model, show: [risk]}}", "nothing is shown in mode"),
        ("arms: {x: {mode: model_first, show: []}}", "show: model_first shows something"),
        ("arms: {x: {show: [set]}}", "a set stands beside the risk"),
        (
            "arms: [blind_first, model_first, without_model]\nassign: reader",
            "assign: 3 arms need as many readers, got 2",
        ),
        ("classes: [x, x]", "classes: named twice: x"),
        ("cases: {ids: [x], n: 3}", r"\.cases: ids: named cases are not drawn"),
        ("cases: {ids: [x, x]}", "ids: named twice: x"),
        ("cases: {by: [class]}", "by: every case is read"),
        ("cases: {n: 3, by: [class, class]}", "by: named twice: class"),
        ("cases: {n: 3, by: [sex]}", "got 'sex', wanted 'class', 'group'"),
        ("repeats: {washout_days: .inf}", "washout_days"),
        ("later_images: sometimes", r"\.later_images: .*valid boolean"),
        ('readers: ["a\\nb"]', r"readers\[0\]: wanted a name"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(tmp_path: Path, added: str, wanted: str) -> None:
    start: dict[str, Any] = {"name": "s", "readers": "[a, b]"}
    given = added.split(":")[0]
    text = "\n".join(f"{key}: {value}" for key, value in start.items() if key != given)
    with pytest.raises(InputError, match=wanted):
        load(tmp_path, f"{text}\n{added}")


def test_problems_between_keys_are_told_together(tmp_path: Path) -> None:
    found = problems(tmp_path, "name: open\nreaders: [a]\nadjudicators: [a]\nreads_per_case: 2")
    assert len(found) == 3


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml is missing"):
        load_protocol(tmp_path / "none.yaml")
