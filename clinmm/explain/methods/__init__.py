"""One attribution method a file; the file's name is its name in a config.

A file defines

    READS         kinds of input that it explains, of image, note, record, signal
    ADDS_UP       whether its sums over all inputs are the change of the logit (completeness)
    DRAWS_POINTS  whether `steps` says how many points it takes
    IN_LOGITS     whether its scores are in logits (in the unit of a value), so that inputs, and two
                  classes, can be set beside each other; else they are relative to each other
    USES_REFERENCE (optional) kinds of input whose scores depend on the reference
    SIGNED         (optional) False where scores say how much, and not for or against
    MEANING       what its numbers are, in a sentence for the reader
    attribute(joint, target, steps, seed) -> Found

and, where its sums add up to something other than the logit of the case less that of the reference,
`change(joint, target)`, which gives it. It explains all inputs of its kinds together, so that their
attributions share one scale.
"""
