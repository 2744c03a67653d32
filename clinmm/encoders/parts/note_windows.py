"""A note in overlapping windows, and what a network makes of many of them.

Nothing here differs between a network held still and one in training: `read` cuts a batch down to
its longest note, so that short ones cost little, and without gradients bounds the memory taken.
"""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from clinmm.encoders.parts.pooling import mean_of

PIECES_AT_ONCE = {"cpu": 1024, "cuda": 65536}
"""Word pieces that go through the network together where no gradient is kept: on a CPU few of one
length are the fastest, on a GPU many."""


class Windows(NamedTuple):
    """A note in W windows of T word pieces.

    ids: (W, T) int32, the piece's number plus 1; 0 where there is none.
    special: (W, T) bool, marks such as [CLS]. spans: (W, T, 2), start and end in characters.
    """

    ids: Tensor
    special: Tensor
    spans: NDArray[np.int_]


def windows_of(note: str, tokenizer: Any, longest: int, overlap: int, at_most: int) -> Windows:
    """The first `at_most` windows of `longest` pieces, with `overlap` shared by neighbours."""
    cut = tokenizer(
        note,
        truncation=True,
        max_length=longest,
        stride=min(overlap, longest // 4),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        padding=True,
        return_tensors="pt",
    )
    first = slice(at_most)
    real = cut["attention_mask"][first].bool()
    return Windows(
        torch.where(real, cut["input_ids"][first] + 1, 0).int(),
        cut["special_tokens_mask"][first].bool() & real,
        cut["offset_mapping"][first].numpy(),
    )


def side_by_side(notes: Collection[Tensor], n_windows: int, longest: int) -> Tensor:
    """ids of each note, (w, t) -> (N, n_windows, longest), zeros behind."""
    together = torch.zeros(len(notes), n_windows, longest, dtype=torch.int32)
    for row, ids in enumerate(notes):
        together[row, : ids.shape[0], : ids.shape[1]] = ids
    return together


class Read(NamedTuple):
    """vectors: (B, w, hidden), the mean of each window's pieces; zero where there is no window.

    there: (B, w) bool, where there is one. pieces: (B, w, t, hidden), zero where there is none, or
    None if not kept. real: (B, w, t) bool, where there is a piece.
    """

    vectors: Tensor
    there: Tensor
    pieces: Tensor | None
    real: Tensor


def read(
    network: Any, blank: int, ids: Tensor, shown: Tensor | None = None, *, keep: bool = False
) -> Read:
    """What the network makes of B notes, cut down to the windows and pieces of the longest.

    Args:
        blank: number of the piece that means nothing.
        ids: (B, W, T), as in `Windows`.
        shown: (B, W, T), the share of each piece that is there; left out, all of it.
        keep: give the pieces too.
    """
    real = ids > 0
    w, t = (max(1, int(real.any(dim).any(0).sum())) for dim in (2, 1))
    real = real[:, :w, :t]
    there = real.any(2)
    flat, flat_real = ids[:, :w, :t][there].long() - 1, real[there]
    flat_shown = None if shown is None else shown[:, :w, :t][there]
    places = there.nonzero()

    def placed(parts: list[Tensor]) -> Tensor:
        """The parts, in the order in which they were read, each at its note and window."""
        values = torch.cat(parts)
        empty = values.new_zeros(*there.shape, *values.shape[1:])
        return empty.index_put(tuple(places[torch.cat(order)].T), values)

    order: list[Tensor] = []
    means, pieces = [], []
    for rows, longest in _by_length(flat_real):
        here = flat_real[rows, :longest]
        part = None if flat_shown is None else flat_shown[rows, :longest]
        states = _states(network, blank, flat[rows, :longest], here, part)
        order.append(rows)
        means.append(mean_of(states, here))
        if keep:
            pieces.append(functional.pad(states * here[..., None], (0, 0, 0, t - longest)))
    if not order:  # no note at all
        hidden = int(network.config.hidden_size)
        nothing = torch.zeros(*real.shape, hidden, device=ids.device)
        return Read(nothing[:, :, 0], there, nothing if keep else None, real)
    return Read(placed(means), there, placed(pieces) if keep else None, real)


def _states(network: Any, blank: int, ids: Tensor, real: Tensor, shown: Tensor | None) -> Tensor:
    """(n, t) -> (n, t, hidden), the network's last layer."""
    ids = ids.masked_fill(~real, blank)
    if shown is None:
        given = {"input_ids": ids}
    else:
        look_up = network.get_input_embeddings()
        nothing = look_up(torch.full_like(ids, blank))
        given = {"inputs_embeds": nothing + shown[..., None] * (look_up(ids) - nothing)}
    states: Tensor = network(**given, attention_mask=real.long()).last_hidden_state
    return states


def _by_length(real: Tensor) -> Iterator[tuple[Tensor, int]]:
    """(rows, length of the longest of them) of (n, t) pieces: all together where gradients are
    kept, else the long ones first, at most PIECES_AT_ONCE together."""
    lengths, at_once = real.sum(1), PIECES_AT_ONCE.get(real.device.type, 1024)
    order = lengths.argsort(descending=True, stable=True)
    first = 0
    while first < len(order):
        longest = int(lengths[order[first]])
        n = len(order) if torch.is_grad_enabled() else max(1, at_once // longest)
        yield order[first : first + n], longest
        first += n
