"""A gated recurrent unit over the word pieces of a note, both ways, learned from the notes alone.

Source: Cho et al., EMNLP 2014.
"""

from torch import nn

from clinmm.encoders.parts.recurrent import Recurrent, RecurrentConfig


class Config(RecurrentConfig, frozen=True, extra="forbid"):
    """See `recurrent.py`."""


class Encoder(Recurrent):
    cells = nn.GRU
