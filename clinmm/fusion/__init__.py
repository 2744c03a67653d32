"""One fusion a file; the file's name is its name in a config.

A file defines `Config`, a frozen pydantic model, and `Fusion`, a module with `out_dim` and
`forward(encoded, present)`: a list of (B, d_i), one per input, and (B, M) bool -> (B, out_dim).
What stands in the slot of an absent input cannot change the output.
"""
