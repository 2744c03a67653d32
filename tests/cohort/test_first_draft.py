from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clinmm.cohort.first_draft import draft_cohort
from clinmm.cohort.manifest import load_cohort, read_spec
from clinmm.cohort.spec import BinaryTarget, NoteInput, RecordInput
from clinmm.errors import InputError


def table(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "patient": [f"p{i // 2}" for i in range(n)],
            "study id": [f"s{i}" for i in range(n)],
            "file": [f"images/{i}.dcm" for i in range(n)],
            "history": [f"Case {i}: a cough that lasted {i} days, then fever." for i in range(n)],
            "age": rng.integers(20, 90, n),
            "sex": np.where(np.arange(n) % 2, "F", "M"),
            'odd "name"': rng.normal(size=n),
            "death": np.where(np.arange(n) % 3, "no", "yes"),
            "in_icu": np.where(np.arange(n) % 4, "0", "1"),
            "nothing": "",
            "code": [f"k{i}" for i in range(n)],
        }
    )


def test_the_draft_is_a_cohort_file_that_loads(tmp_path: Path) -> None:
    frame = table()
    frame.loc[3, "sex"] = "?"
    frame.to_csv(tmp_path / "mine.csv", index=False)
    text = draft_cohort(tmp_path / "mine.csv")
    (tmp_path / "cohort.yaml").write_text(text)
    cohort = load_cohort(tmp_path / "cohort.yaml")
    assert (cohort.n_cases, cohort.n_patients) == (60, 30)
    target = cohort.spec.target
    assert isinstance(target, BinaryTarget)
    assert (target.column, target.positive, target.negative) == ("death", ("yes",), ("no",))
    assert list(cohort.spec.inputs) == ["image", "note", "record"]
    note, record = cohort.spec.inputs["note"], cohort.spec.inputs["record"]
    assert isinstance(note, NoteInput)
    assert note.column == "history"
    assert isinstance(record, RecordInput)
    assert list(record.numeric) == ["age", 'odd "name"']
    assert record.categorical == ("sex",)
    assert set(cohort.spec.sensitive) == {"age", "sex"}
    assert cohort.spec.missing == ("", "?")


def test_what_looks_like_an_outcome_is_no_input_and_is_told(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "mine.csv", index=False)
    text = draft_cohort(tmp_path / "mine.csv")
    assert "so they are no inputs: in_icu" in text
    assert "# Not used: nothing, code" in text
    assert text.count("CHECK") >= 6
    assert "does not guess anywhere else" in text


def test_the_table_is_named_from_where_the_draft_will_lie(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table().to_parquet(tmp_path / "data" / "mine.parquet")
    out = tmp_path / "studies" / "cohort.yaml"
    out.parent.mkdir()
    out.write_text(draft_cohort(tmp_path / "data" / "mine.parquet", out))
    assert read_spec(out).table == "../data/mine.parquet"
    assert load_cohort(out).n_cases == 60


def test_a_table_without_outcome_or_input_gives_a_draft_that_says_so(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [f"x{i}" for i in range(30)]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    text = draft_cohort(tmp_path / "t.csv")
    (tmp_path / "cohort.yaml").write_text(text)
    assert "no column looks like an outcome" in text
    assert "It is the case id" in text
    with pytest.raises(InputError, match="no column 'FILL_IN'"):
        load_cohort(tmp_path / "cohort.yaml")
