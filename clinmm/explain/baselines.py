"""Names of what a case is compared with, and which kinds of input can have which.

| baseline | what it is |
|---|---|
| own | the encoder's: a flat or blurred picture, a note without words, nothing measured |
| absent | a flat picture or signal, a note without words, a record in which nothing is measured |
| blurred | the same picture or signal without detail |
| mean | the mean of training cases |
| averaged | several training cases, each a reference; attributions are averaged over them |
"""

from collections.abc import Mapping

from clinmm.errors import InputError, did_you_mean

OWN, ABSENT, BLURRED, MEAN, AVERAGED = "own", "absent", "blurred", "mean", "averaged"
POSSIBLE = {
    "image": (OWN, ABSENT, BLURRED, MEAN, AVERAGED),
    "signal": (OWN, ABSENT, BLURRED, MEAN, AVERAGED),
    "record": (OWN, ABSENT, MEAN, AVERAGED),
    "note": (OWN, ABSENT),
}
"""Kind of input -> baselines. What other notes say has no place in this one, on which its part of
the attribution could be shown."""


def check_baselines(baselines: Mapping[str, str], kinds: Mapping[str, str]) -> None:
    """Raises InputError with every input that the cohort has not, and every baseline that the
    input's kind cannot have.

    Args:
        baselines: of the config. kinds: input -> kind.
    """
    problems = []
    for name, baseline in baselines.items():
        if name not in kinds:
            problems.append(
                f"explain.baselines: the cohort has no input '{name}'. "
                f"{did_you_mean(name, list(kinds))}"
            )
        elif baseline not in (possible := POSSIBLE[kinds[name]]):
            problems.append(
                f"explain.baselines: input '{name}', of kind {kinds[name]}, cannot be compared "
                f"with '{baseline}'. Possible: {', '.join(possible)}."
            )
    if problems:
        raise InputError(problems)
