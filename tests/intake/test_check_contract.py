"""What every check promises, on odd cohorts: it answers, names itself, says the same again, and
repeats nothing that identifies a person."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin

from clinmm import registry, schema
from clinmm.cohort.cohort import Cohort
from clinmm.cohort.manifest import spec_from
from clinmm.cohort.split_config import SplitConfig
from clinmm.intake.context import Context
from clinmm.intake.duplicates.links import find_links
from clinmm.intake.finding import SEVERITIES, as_table, examples_table, from_tables
from clinmm.intake.images_read import read_images
from clinmm.intake.rates_on_test import rates_on_test

N = 48
SECRETS = ("Torquil", "Wanda", "867-5309", "84512390", "1931", "Pennyfeather")
PHI = (
    "Seen by Dr. Wanda Torquil, born 12/03/1931, tel 555-867-5309, MRN 84512390, "
    "wanda.torquil@example.org. "
)
SIGNED = {True: "Seen by Dr. Torquil. ", False: "Seen by Dr. Pennyfeather. "}
"""One doctor sees those with the outcome, another the rest: the names give the label away."""

BINARY = {
    "name": "died", "kind": "binary", "column": "outcome", "positive": ["1"], "negative": ["0"],
}  # fmt: skip
IMAGE = {"kind": "image", "column": "file"}
NOTE = {"kind": "note", "column": "text"}
RECORD = {"kind": "record", "numeric": {"age": "years", "crp": "mg/L"}, "categorical": ["smokes"]}
INPUTS = {"image": IMAGE, "note": NOTE, "record": RECORD}
EVERYTHING = {
    "inputs": INPUTS,
    "site": "site",
    "sensitive": {"sex": {"column": "sex"}, "age": {"column": "age", "bins": [0, 40, 65]}},
    "index_time": {"column": "at", "formats": ["%Y-%m-%d"]},
}


def cohort_of(
    folder: Path, settings: dict[str, Any] | None = None, n: int = N, **columns: list[Any]
) -> Cohort:
    """Two cases a patient; `columns` replace those below. PHI stands wherever text may."""
    rng = np.random.default_rng(0)
    positive = [i // 2 % 2 == 1 for i in range(n)]
    table = pd.DataFrame(
        {
            "case_id": [f"c{i}" for i in range(n)],
            "patient_id": [f"p{i // 2}" for i in range(n)],
            "outcome": [str(int(p)) for p in positive],
            "file": [f"{i % 24}.png" for i in range(n)],
            "text": [
                SIGNED[p] + (PHI if i % 12 == 2 else "") + f"Cough for {i} days."
                for i, p in enumerate(positive)
            ],
            "age": [str(30 + i) if i % 7 else "Wanda Torquil" for i in range(n)],
            "crp": [str(rng.integers(1, 90)) if i % 3 else None for i in range(n)],
            "smokes": ["Torquil, Wanda" if i == 5 else "no" if i % 4 else None for i in range(n)],
            "sex": ["F" if i % 4 < 2 else "M" for i in range(n)],
            "site": ["A" if p else "B" for p in positive],
            "at": ["2020-01-02" if i % 5 else "12 March 1931" for i in range(n)],
            **columns,
        },
        dtype=object,
    )
    said: dict[str, Any] = {
        "name": "t", "table": "t.csv", "case_id": "case_id", "patient_id": "patient_id",
        "target": BINARY, "inputs": INPUTS, **(settings or {}),
    }  # fmt: skip
    return Cohort(spec_from(said, "t.yaml"), folder, table, {})


def multiclass(folder: Path) -> Cohort:
    target = {"name": "grade", "kind": "multiclass", "column": "grade", "classes": ["a", "b", "z"]}
    grades = ["ab"[i // 2 % 2] for i in range(N)]
    return cohort_of(folder, {**EVERYTHING, "target": target}, grade=grades)


def multilabel(folder: Path) -> Cohort:
    """One class is not known of half, one of anybody; one is everybody's."""
    target = {"name": "findings", "kind": "multilabel", "columns": ["oedema", "mass", "normal"]}
    return cohort_of(
        folder,
        {**EVERYTHING, "target": target},
        oedema=[str(i % 2) if i % 3 else None for i in range(N)],
        mass=[None] * N,
        normal=["1"] * N,
    )


def several(folder: Path) -> Cohort:
    """Three image inputs, two notes, two records."""
    images = {f"view{k}": {"kind": "image", "column": f"file{k}"} for k in range(3)}
    return cohort_of(
        folder,
        {
            **EVERYTHING,
            "inputs": {
                **images, "note": NOTE, "letter": {"kind": "note", "column": "letter"},
                "record": RECORD,
                "more": {"kind": "record", "numeric": {"hb": "g/L"}},
            },
        },
        **{f"file{k}": [f"{(i + k) % 24}.png" if i % (k + 2) else None for i in range(N)]
           for k in range(3)},
        letter=[PHI if i % 6 == 2 else None for i in range(N)],
        hb=["130"] * N,
    )  # fmt: skip


def volumes(folder: Path) -> Cohort:
    """NIfTI, a file that is none, a folder without a series, an absent file."""
    cells = [["a.nii", "0.png", "empty", "nowhere.nii"][i % 4] for i in range(N)]
    image = {"kind": "image", "column": "file", "dimensions": 3}
    return cohort_of(folder, {"inputs": {"image": image, "note": NOTE}}, file=cells)


def nothing_recorded(folder: Path) -> Cohort:
    empty = {c: [None] * N for c in ("file", "text", "age", "crp", "smokes", "sex", "site", "at")}
    return cohort_of(folder, EVERYTHING, **empty)  # type: ignore[arg-type]


COHORTS: dict[str, Callable[[Path], Cohort]] = {
    "everything": lambda folder: cohort_of(folder, EVERYTHING),
    "multiclass": multiclass,
    "multilabel": multilabel,
    "several": several,
    "volumes": volumes,
    "nothing recorded": nothing_recorded,
    "no image": lambda folder: cohort_of(folder, {"inputs": {"note": NOTE, "record": RECORD}}),
    "no note": lambda folder: cohort_of(folder, {"inputs": {"image": IMAGE, "record": RECORD}}),
    "no record": lambda folder: cohort_of(folder, {"inputs": {"image": IMAGE, "note": NOTE}}),
    "one case": lambda folder: cohort_of(folder, EVERYTHING, n=1),
    "one patient": lambda folder: cohort_of(folder, EVERYTHING, patient_id=["p0"] * N),
    "files of no use": lambda folder: cohort_of(
        folder, EVERYTHING, file=[["bad.png", "nowhere.png"][i % 2] for i in range(N)]
    ),
    "one class": lambda folder: cohort_of(folder, EVERYTHING, outcome=["1"] * N),
}

MOST = np.arange(N) < 32
CONTEXTS: dict[str, Callable[[int], Context]] = {
    "undivided": lambda n: Context(),
    "folds": lambda n: Context(SplitConfig(folds=3), MOST[:n]),
    "sites": lambda n: Context(SplitConfig(by="site"), MOST[:n]),
    "no label": lambda n: Context(SplitConfig(), np.zeros(n, dtype=bool)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny pictures with the person in their metadata, a volume, and files of no use."""
    import nibabel as nib

    path = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    person = PngImagePlugin.PngInfo()
    person.add_text("Description", PHI)
    for i in range(24):
        shade = rng.integers(0, 255, (12, 9 + i % 2), dtype=np.uint8)
        Image.fromarray(shade).save(path / f"{i}.png", pnginfo=person)
    nib.save(nib.Nifti1Image(rng.random((6, 5, 4), np.float32), np.eye(4)), path / "a.nii")  # type: ignore[no-untyped-call]
    (path / "bad.png").write_text(PHI)
    (path / "empty").mkdir()
    return path


@pytest.fixture(scope="module")
def looked(folder: Path) -> Callable[[str, str], tuple[Cohort, Context]]:
    """A cohort by its name, with its files read once and its twins found."""
    known: dict[str, tuple[Cohort, Context]] = {}

    def of(name: str, division: str) -> tuple[Cohort, Context]:
        if name not in known:
            cohort = COHORTS[name](folder)
            images = read_images(cohort)
            known[name] = cohort, Context(images=images, links=find_links(cohort, images))
        cohort, seen = known[name]
        context = CONTEXTS[division](cohort.n_cases)
        return cohort, replace(context, images=seen.images, links=seen.links)

    return of


@pytest.mark.parametrize(
    ("name", "division"),
    [(name, "folds") for name in COHORTS]
    + [("everything", division) for division in CONTEXTS if division != "folds"]
    + [("multilabel", "no label")],
)
def test_every_check_answers_for_itself_and_repeats_nobody(
    looked: Callable[[str, str], tuple[Cohort, Context]], name: str, division: str
) -> None:
    cohort, context = looked(name, division)
    ids = set(cohort.table["case_id"])
    everything = []
    for check in registry.available("checks"):
        findings = registry.load("checks", check).check(cohort, context)
        if division == "folds":
            assert findings == registry.load("checks", check).check(cohort, context), check
        for finding in findings:
            assert finding.check == check
            assert finding.severity in SEVERITIES
            assert finding.subject
            assert finding.detail[-1] in ".)"
            assert finding.advice[-1] == "."
            assert set(finding.case_ids) <= ids
            assert {e.case_id for e in finding.examples} <= ids
            assert all(e.input in cohort.spec.inputs for e in finding.examples), finding
            words = [e.words for e in finding.examples]
            for said in (finding.subject, finding.detail, finding.advice, *words):
                for secret in SECRETS:
                    assert secret.lower() not in said.lower(), (check, said)
        everything += findings
    schema.INTAKE.validate(as_table(everything))
    again = from_tables(as_table(everything), examples_table(everything))
    assert len(again) == len(everything)
    measured = rates_on_test(cohort, context, everything, ~context.learnt(cohort))
    assert (
        not measured.astype(str)
        .apply(lambda c: c.str.contains("torquil|1931", case=False))
        .any(axis=None)
    )
