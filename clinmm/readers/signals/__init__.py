"""One format of signal files each: `read(path) -> Signal`."""
