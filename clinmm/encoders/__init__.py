"""One encoder a file; the file's name is its name in a config.

What a file of this folder defines (see `interface.py`): `Config`, a frozen pydantic model, and
`Encoder`, a module with

    kind            the kind of input it reads: image, note, record or signal
    learn           what must be learned from training cases without labels, as JSON
    prepare         raw values of cases -> the tensors that `forward` takes
    forward         those tensors -> (B, out_dim)
    attributable    one case's raw value -> the continuous tensor that explanations go back to
    trunk           that tensor -> what `forward` takes
    located         attributions to that tensor -> a map, words, columns or pieces of a signal

and, where it applies, `pretrained` (the trainable part that came with weights), `with_tokens` and
`token_dim` (the input in parts), `lengths` (what a case costs), `map_net` (the network that ends in
feature maps) and `attention` (what it looks at). What several files share is in `parts/`.
"""
