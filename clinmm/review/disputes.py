"""Which cases of a study an adjudicator decides, from what its readers answered in the end."""

from collections.abc import Mapping

from clinmm.review.adjudicating import Judgement, disputed
from clinmm.review.assigned import Assigned
from clinmm.review.events import Events
from clinmm.review.protocol import Adjudication

Finals = Mapping[str, Mapping[str, Judgement]]
"""Case -> reader -> what the answer that counts judges."""


class Disputes:
    """Cases of one study that are to be decided.

    Args:
        events: of the study.
        assigned: of the study.
        rule: of its protocol.
    """

    def __init__(self, events: Events, assigned: Assigned, rule: Adjudication) -> None:
        self._events = events
        self._assigned = assigned
        self._rule = rule

    def waiting(self) -> dict[str, list[str]]:
        """Case -> what is disputed, of the cases that nobody has decided yet."""
        finals, decided = self._events.judgements(), self._events.decided()
        undecided = {case: said for case, said in finals.items() if case not in decided}
        return to_decide(self._rule, self._assigned.n_readers(), undecided)

    def of_case(self, case_id: str) -> list[str] | None:
        """What is disputed; None where the case is not to be decided, or not yet. A case that was
        decided stays so, should its readers correct themselves until they agree."""
        arms = self._assigned.arms(case_id=case_id)
        n_readers = {case_id: sum(reading == 1 for _, _, reading in arms)}
        found = to_decide(self._rule, n_readers, self._events.judgements(case_id)).get(case_id)
        if found is None and self._events.decision(case_id) is not None:
            return []
        return found


def to_decide(
    rule: Adjudication, n_readers: Mapping[str, int], finals: Finals
) -> dict[str, list[str]]:
    """Case -> what is disputed, of the cases that every reader has finished and the rule names.

    Args:
        rule: of the protocol.
        n_readers: case -> how many are to read it.
        finals: from `Events.judgements`.
    """
    found = {}
    for case_id, answers in finals.items():
        if rule.when != "none" and len(answers) == n_readers.get(case_id):
            what = disputed(list(answers.values()), rule.tolerance)
            if what or rule.when == "all":
                found[case_id] = what
    return found
