"""Which stretches of a note are denied, for colours on words and for effects of words."""

from itertools import groupby

from clinmm.intake.denial import LINKS, sentences_said


def negated_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) in characters of what the note denies, in order; none overlap.

    A stretch is a run of denied words of one sentence, without the denial itself and without
    words such as `was` at its ends: of "No effusion or oedema, but fever" it is "effusion or
    oedema". English; what reaches how far, and the sources, stand in `clinmm.intake.denial`, which
    the checks of the data use as well.

    Reference:
        NegEx: Chapman, Bridewell, Hanbury, Cooper, Buchanan. J Biomed Inform 34:301 (2001).

    >>> text = "No effusion or oedema, but fever. Embolism was ruled out."
    >>> [text[start:end] for start, end in negated_spans(text)]
    ['effusion or oedema', 'Embolism']
    """
    found = []
    for said in sentences_said(text):
        at = 0
        for standing, run in groupby(said.standing):
            places = range(at, at := at + len(list(run)))
            telling = [i for i in places if said.words[i] not in LINKS]
            if standing == "denied" and telling:
                found.append((said.spans[telling[0]][0], said.spans[telling[-1]][1]))
    return found
