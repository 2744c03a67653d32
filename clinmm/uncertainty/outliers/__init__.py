"""Cases unlike those that a model was made from, found without labels.

Two detectors judge every input of a case:

    embedding   how far the case lies from the training cases in what the encoders make of it
                (`embedding.py`; the input `all` is every encoder's output side by side)
    inputs      what can be said before any model: `aspects/`, one file each, such as the shape of
                a picture, the words of a note, a value beyond what was ever measured

Both give a score and a conformal p-value (`conformal.py`): the share of reference patients that
are at least as odd. The reference patients were not learned from: cross-fitted, or not in `train`.
`fold.py` fits and applies both for one fold, `stored.py` keeps them beside the models, and
`rows.py` makes the table.
"""
