"""torch.compile where it works, and plain PyTorch with one sentence where it does not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch


@lru_cache
def works_on(device: torch.device) -> bool:
    """Whether torch.compile makes a small function here; if not, says why on standard error."""
    try:
        line = torch.compile(lambda x: x * 2 + 1)
        return bool((line(torch.ones(3, device=device)) == 3).all())
    except Exception as error:  # any part of its tool chain may be absent
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        sys.stderr.write(
            f"train.compile: torch.compile does not work here ({reason}); "
            "training goes on without it.\n"
        )
        return False


@contextmanager
def compiled(model: Any, wanted: bool) -> Iterator[None]:
    """Compiles the encoders, where the work is, for as long as it is open. The weights and their
    names stay as they are."""
    encoders = [model.encoder(name) for name in model.names] if wanted else []
    if encoders and works_on(model.start.device):
        for encoder in encoders:
            encoder.compile(dynamic=True)
    try:
        yield
    finally:
        for encoder in encoders:
            encoder._compiled_call_impl = None  # what nn.Module.compile has set
