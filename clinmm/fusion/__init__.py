"""One fusion a file; the file's name is its name in a config.

A file defines `Config`, a frozen pydantic model; `Fusion`, a module with `out_dim` and
`forward(vectors, present)`: a list of (B, d_i), one per input, and (B, M) bool -> (B, out_dim);
and `cost(config, dims)`. What stands in the slot of an absent input changes neither an output nor
a gradient.

With `weighs_answers = True` the output are the (B, M) weights of what each input says alone. With
`reads_tokens = True` the fusion is made of (config, dims, token_dims), its `forward` is also given
the inputs in parts, and `cost` their lengths.
"""
