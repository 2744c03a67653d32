"""Encoders of the record: what they make of columns, few or thousands of them."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from tiny_encoders import RECORD_SPEC, RECORDS, Make

from clinmm import registry
from clinmm.cohort.record_rows import numbers, rows_of, words
from clinmm.encoders.parts import record_columns
from clinmm.encoders.parts.record_columns import FURTHEST, RecordColumns
from clinmm.errors import InputError


def by_the_cell(columns: RecordColumns, raw: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """What `prepare` gives, cell by cell."""
    values = np.zeros((len(raw), columns.n_values), np.float32)
    measured = np.zeros((len(raw), len(columns.names)), np.float32)
    for i, row in enumerate(raw):
        for j, (column, (mean, deviation)) in enumerate(columns.numeric.items()):
            if row is not None and pd.notna(row[column]):
                values[i, j] = np.clip((float(row[column]) - mean) / deviation, -FURTHEST, FURTHEST)
                measured[i, j] = 1
        at = len(columns.numeric)
        for j, (column, known) in enumerate(columns.categorical.items(), at):
            if row is not None and isinstance(row[column], str):
                measured[i, j] = 1
                if row[column] in known:
                    values[i, at + known.index(row[column])] = 1
            at += len(known)
    return values, measured


def test_columns_are_prepared_as_cell_by_cell_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            **{f"x{i}": rng.normal(5, 10.0**i, 40) for i in range(4)},
            "word": rng.choice(["a", "b", "never"], 40),
            "empty": [None] * 40,
        }
    ).astype({"word": object, "empty": object})
    table.iloc[3:9, 1] = np.nan
    table.iloc[5, 4] = None
    spec = SimpleNamespace(
        numeric=dict.fromkeys(table.columns[:4], ""), categorical=("word", "empty")
    )
    shared: list[Any] = [None, *rows_of(table)]
    apart: list[Any] = [None, *table.to_dict("records")]
    facts = record_columns.learn(
        [row for row in shared if row is None or row["word"] != "never"], spec
    )
    columns = RecordColumns(facts)
    assert facts["categorical"] == {"word": ["a", "b"], "empty": []}
    values, measured = by_the_cell(columns, apart)
    for raw in (shared, apart):
        prepared = columns.prepare(raw)
        np.testing.assert_array_equal(prepared["values"].numpy(), values)
        np.testing.assert_array_equal(prepared["measured"].numpy(), measured)


def test_rows_that_share_a_table_read_like_dicts() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan], "b": np.array(["x", None], dtype=object)})
    rows = rows_of(table)
    assert dict(rows[0]) == {"a": 1.0, "b": "x"}
    assert np.isnan(rows[1]["a"])
    assert rows[1]["b"] is None
    assert len(rows[0]) == 2
    with pytest.raises(KeyError):
        rows[0]["c"]
    mixed = [rows[1], {"a": 7, "b": "y"}, None, rows[0]]
    np.testing.assert_array_equal(numbers(mixed, ["a"])[:, 0], [np.nan, 7, np.nan, 1])
    assert words(mixed, ["b"])[:, 0].tolist() == [None, "y", None, "x"]
    assert numbers([], ["a"]).shape == (0, 1)


def test_tokens_of_columns_by_hand(tiny: Make) -> None:
    """x_j * direction_j + bias_j, a category's direction + bias, or the learned one of absence."""
    _, encoder, raw, _ = tiny("feature_tokens")
    prepared = encoder.prepare(raw)
    tokens = encoder._columns(**prepared)
    assert tokens.shape == (6, 3, 8)
    z = (31 - np.mean([31, 67, 45, 58, 80])) / np.std([31, 67, 45, 58, 80])
    torch.testing.assert_close(tokens[0, 0], float(z) * encoder.direction[0] + encoder.bias[0])
    torch.testing.assert_close(tokens[0, 2], encoder.direction[2] + encoder.bias[2])  # F
    torch.testing.assert_close(tokens[1, 1], encoder.not_measured[1])
    torch.testing.assert_close(tokens[2, 2], encoder.not_measured[2])


@pytest.mark.parametrize("name", ["feature_tokens", "conv1d", "log_mel"])
def test_the_vector_is_that_of_the_tokens_and_no_signal_has_none(name: str, tiny: Make) -> None:
    """That a column was not measured is a token too; models never ask for an absent record's."""
    _, encoder, raw, _ = tiny(name)
    prepared = encoder.prepare([*raw[:3], None])
    vector, values, real = encoder.with_tokens(**prepared)
    torch.testing.assert_close(vector, encoder(**prepared))
    assert values.shape == (*real.shape, encoder.token_dim)
    assert real.dtype == torch.bool
    assert real[0].any()
    assert real[3].any() == (name == "feature_tokens")


def test_too_many_columns_are_sent_to_wide_and_heads_must_divide() -> None:
    module = registry.load("encoders", "feature_tokens")
    many = SimpleNamespace(numeric={f"g{i}": "" for i in range(1001)}, categorical=())
    with pytest.raises(InputError, match="1001 columns, at most 1000 make tokens"):
        module.Encoder.learn(module.Config(), [], many)
    with pytest.raises(ValidationError, match="5 heads do not divide a width of 32"):
        module.Config(heads=5)


def test_wide_marks_only_columns_that_some_lack(tiny: Make) -> None:
    _, encoder, _, module = tiny("wide")
    assert encoder.columns.names == ["age", "crp", "sex"]
    assert encoder.marked.tolist() == [0, 1, 2]
    whole = [row for row in RECORDS if row["age"] == row["age"] and row["sex"]]
    facts = module.Encoder.learn(module.Config(), whole, RECORD_SPEC)
    assert facts["marked"] == [1]
    assert module.Encoder(module.Config(), facts).prepare(whole)["known"].shape == (4, 2 + 3 + 1)


def test_wide_drops_columns_in_training_alone(tiny: Make) -> None:
    _, encoder, raw, _ = tiny("wide")
    prepared = encoder.prepare(raw)
    torch.manual_seed(0)
    with torch.no_grad():
        assert torch.equal(encoder(**prepared), encoder(**prepared))
        encoder.train()
        assert not torch.equal(encoder(**prepared), encoder(**prepared))


def test_wide_reads_thousands_of_columns_quickly_and_finds_the_few_that_matter() -> None:
    rng = np.random.default_rng(1)
    n, k = 300, 3000
    y = rng.integers(0, 2, n)
    x = rng.normal(size=(n, k))
    x[:, :50] += 1.2 * y[:, None]
    table = pd.DataFrame(x, columns=[f"gene_{i}" for i in range(k)])
    rows = rows_of(table)
    spec = SimpleNamespace(numeric=dict.fromkeys(table.columns, "counts"), categorical=())
    module = registry.load("encoders", "wide")
    began = time.process_time()
    facts = module.Encoder.learn(module.Config(), rows[:200], spec)
    encoder = module.Encoder(module.Config(out_dim=8), facts).eval()
    prepared = encoder.prepare(rows)
    assert time.process_time() - began < 5
    encoder.start_from({"known": prepared["known"][:200]})
    with torch.no_grad():
        z = encoder(**prepared).numpy()
    from sklearn.linear_model import LogisticRegression

    reading = LogisticRegression().fit(z[:200], y[:200])
    assert reading.score(z[200:], y[200:]) > 0.9
