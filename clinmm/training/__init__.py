"""Parts of the training loop in `clinmm.fit`, one idea a file."""
