"""The reading room's store: what clinicians committed to, before and after the model's output."""
