from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from test_check_stage import N, study, written

from clinmm import schema
from clinmm.cohort.manifest import load_cohort
from clinmm.cohort.split_config import SplitConfig
from clinmm.cohort.splits import make_splits
from clinmm.config import StudyConfig, load_config
from clinmm.intake.finding import Example, Finding, as_table, examples_table, from_tables
from clinmm.intake.images_read import read_images
from clinmm.intake.look_over import first_fold, make_context
from clinmm.intake.rates_on_test import rates_on_test
from clinmm.study import open_study
from pipelines import check


def opened(path: Path) -> tuple[Any, StudyConfig]:
    config = load_config(path)
    return load_cohort(config.cohort), config


def test_findings_come_back_from_their_tables_gravest_first() -> None:
    mild = Finding("a", "info", "x", "found.", "do.", ("c1",), 1, 0.5, 0.4, 0.6)
    grave = Finding(
        "b", "error", "y", "found.", "do.", accepted="known",
        examples=(Example("c1", "image", "c2", value=3.0), Example("c3", "note", words="cough")),
    )  # fmt: skip
    found = [mild, grave]
    assert from_tables(as_table(found), examples_table(found)) == [grave, mild]
    assert from_tables(as_table([]), examples_table([])) == []


def test_each_file_is_read_once_and_what_it_is_goes_on_record(tmp_path: Path) -> None:
    config = written(tmp_path, file=["0.png", "0.png", None, "gone.png"] + ["5.png"] * (N - 4))
    (tmp_path / "5.png").write_bytes(b"not a picture")
    cohort, _ = opened(config)
    told: list[tuple[int, int]] = []
    read = read_images(cohort, lambda done, total: told.append((done, total)))
    assert len(told) == N
    facts = read.facts.set_index("case_id")
    assert facts["status"].value_counts().to_dict() == {"unreadable": N - 4, "read": 2, "absent": 1}
    assert facts.loc["c0", "format"] == "PNG"
    assert facts.loc["c0", "width"] == "3"
    assert str(tmp_path) not in facts.loc["c5", "reason"]
    assert list(read.thumbnails) == [facts.loc["c0", "sha256"]]
    assert read.thumbnails[facts.loc["c0", "sha256"]].shape == (64, 64)


def test_checks_may_look_at_the_labels_of_cases_that_are_not_test(tmp_path: Path) -> None:
    cohort, config = opened(written(tmp_path))
    learns = make_context(cohort, config).learns
    assert learns is not None
    assert learns.sum() == N * 4 / 5
    patients = cohort.table["patient_id"]
    assert not set(patients[learns]) & set(patients[~learns])
    assert make_context(cohort, None).learns is None


def test_unreadable_files_that_are_accepted_count_as_absent(tmp_path: Path) -> None:
    accept = [{"check": "files", "subject": "image", "reason": "two of sixty"}]
    path = written(tmp_path, changes={"intake": {"accept": accept}})
    (tmp_path / "3.png").write_bytes(b"not a picture")
    (tmp_path / "4.png").unlink()
    run = study(path)
    check.main(run.folder)
    opened_again = open_study(run.folder)
    absent = [case for case, here in zip(
        opened_again.cohort.table["case_id"], opened_again.cohort.present("image"), strict=True
    ) if not here]  # fmt: skip
    assert absent == ["c3", "c4"]
    cases = run.read("cases").set_index("case_id")
    assert cases.loc["c3", "pattern"] == "record"
    assert cases.loc["c3", "image_display"] == ""
    assert cases.loc["c5", "pattern"] == "image+record"
    check.main(run.folder)
    assert run.read("images")["status"].value_counts()["unreadable"] == 1, "found once more"
    assert open_study(run.folder).cohort.present("image").sum() == N - 2


def test_a_checked_cohort_leaves_a_folder_that_can_be_looked_at(tmp_path: Path) -> None:
    written(tmp_path)
    cohort = yaml.safe_load((tmp_path / "cohort.yaml").read_text())
    assert cohort["name"] == "t"
    check.check_file(tmp_path / "cohort.yaml", tmp_path / "out")
    for name in ("intake", "intake_examples", "images", "links", "cases"):
        schema.TABLES[name].validate(pd.read_parquet(tmp_path / "out" / f"{name}.parquet"))


def test_rates_on_test_patients_come_from_the_checks_that_give_them(tmp_path: Path) -> None:
    cohort, config = opened(written(tmp_path))
    context = make_context(cohort, config)
    table = rates_on_test(cohort, context, [], ~context.learnt(cohort))
    schema.INTAKE_TEST.validate(table)


def test_other_cases_of_test_patients_teach_nothing(tmp_path: Path) -> None:
    """By site, a patient's cases elsewhere are left out of the fold that tests the site."""
    site = ["AB"[i % 2] if i % 8 < 2 else "AB"[i // 2 % 2] for i in range(N)]
    path = written(tmp_path, site=site)
    cohort, config = opened(path)
    spec = cohort.spec.model_copy(update={"site": "site"})
    cohort = replace(cohort, spec=spec)
    config = config.model_copy(update={"split": SplitConfig(by="site")})
    splits = make_splits(cohort, config.split, config.seed)
    learns, test = first_fold(cohort, splits)
    patients = cohort.table["patient_id"]
    assert (~learns & ~test).any()
    assert not set(patients[learns]) & set(patients[test])
    context = make_context(cohort, config)
    assert (context.learnt(cohort) == learns).all()
