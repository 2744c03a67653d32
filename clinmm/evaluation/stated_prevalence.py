"""What a call is worth where the finding is rarer, or more frequent, than in these data."""

from collections.abc import Iterator, Mapping, Sequence

from clinmm.errors import InputError, did_you_mean
from clinmm.evaluation.rows import Row, metric_rows
from clinmm.intervals import estimate, module_of
from clinmm.samples import CALL, Samples
from clinmm.subgroups import everyone


def at_stated_prevalence(
    samples: Samples, names: Sequence[str], prevalence: Mapping[str, float]
) -> Iterator[Row]:
    """PPV and NPV of each operating point at a stated prevalence, and the prevalence itself.

    Args:
        samples: every arm and class of the test part.
        names: metrics asked for; those with NEEDS "prevalence" are given here.
        prevalence: class -> prevalence in the place of use, between 0 and 1.

    Raises:
        InputError: a prevalence for a class that is not there.
    """
    if unknown := [name for name in prevalence if name not in samples.classes]:
        raise InputError(
            [f"prevalence: no class '{n}'. {did_you_mean(n, samples.classes)}" for n in unknown]
        )
    wanted = [
        (name, CALL + point)
        for name in names
        if module_of(name).NEEDS == "prevalence"
        for point in samples.points
    ]
    for (arm, class_name), scored in samples.parts.items():
        stated = prevalence.get(class_name)
        if stated is None:
            continue
        given = {"prevalence": stated}
        found = estimate(scored.sample, wanted, samples.draws, given=given)
        rows = metric_rows(arm, class_name, everyone(scored.case_ids.size), found)
        yield from rows
        for row in rows[:1]:
            yield {
                **row,
                **{"metric": "prevalence_stated", "operating_point": None, "value": stated},
                **{"low": float("nan"), "high": float("nan"), "interval": "none"},
                **{"status": "ok", "reason": None},
            }
