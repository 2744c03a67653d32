"""A long short-term memory over the word pieces of a note, both ways, learned from the notes alone.

Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997).
"""

from torch import nn

from clinmm.encoders.parts.recurrent import Recurrent, RecurrentConfig


class Config(RecurrentConfig, frozen=True, extra="forbid"):
    """See `recurrent.py`."""


class Encoder(Recurrent):
    cells = nn.LSTM
