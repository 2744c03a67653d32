"""The table `readings`: every answer that counts, beside the target and what the model says."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from clinmm.review.answers import Answer
from clinmm.review.desk import Desk, NotAllowed
from clinmm.review.results.of_model import VALUE, model_rows
from clinmm.runs import Run
from clinmm.schema.reading import READINGS

ALONE, WITH_MODEL, ADJUDICATION = "alone", "with_model", "adjudication"


def reading_rows(run: Run, desk: Desk) -> pd.DataFrame:
    """One row per answer and class. Of a blind-first reading the locked opinion is `alone` and the
    final answer `with_model`; the final answer without the model is `alone`, model-first
    `with_model`. Of corrections the latest counts; the time stays that of the answer corrected.

    Raises:
        NotAllowed: the desk is no administrator's.
    """
    if "administrator" not in desk.roles:
        raise NotAllowed("the results of a study are for its administrators.")
    model = model_rows(run)
    known = model.set_index(["case_id", "class_name"])
    patients = run.read("cases").set_index("case_id")["patient_id"]
    cases = desk.cases()  # none in the open room, where each case stands for itself
    weights = zip(cases["weight"], cases["stratum"], strict=True)
    drawn = dict(zip(cases["case_id"], weights, strict=True))
    rows = []
    for said in (*_answers(desk), *_decisions(desk)):
        answer, case_id = said.pop("answer"), said["case_id"]
        weight, stratum = drawn.get(case_id, (1.0, None))
        for class_name, value in _by_class(answer, run):
            here = known.loc[(case_id, class_name)] if (case_id, class_name) in known.index else {}
            rows.append(
                {
                    "study": desk.study.name,
                    **said,
                    "patient_id": patients.get(case_id, case_id),
                    "class_name": class_name,
                    "answer": value,
                    "confidence": float(answer.confidence),
                    "reasons": list(answer.reasons),
                    "target": here.get("target"),
                    "risk": here.get("risk"),
                    "model_call": here.get("call"),
                    "weight": weight,
                    "stratum": stratum,
                }
            )
    frame = pd.DataFrame(rows) if rows else READINGS.empty()
    order = ["reader", "case_id", "reading", "step", "class_name"]
    return READINGS.fill(frame.sort_values(order, ignore_index=True))


def _answers(desk: Desk) -> Iterator[dict[str, Any]]:
    """Opinion and final answer of each reading, latest correction in place of the latter."""
    arms = desk.study.protocol.arms
    kept = desk.readings().sort_values("version", kind="stable")
    for (reader, case_id, reading, arm), events in kept.groupby(
        ["reader", "case_id", "reading", "arm"], sort=True
    ):
        latest: dict[str, Any] = {one["kind"]: one for one in events.to_dict("records")}
        for kind in ("opinion", "final"):
            if kind not in latest:
                continue
            first = latest[kind]
            counts = latest.get("correction", first) if kind == "final" else first
            blind = kind == "opinion" or arms[str(arm)].mode == "without_model"
            yield {
                "reader": reader,
                "case_id": case_id,
                "reading": reading,
                "arm": arm,
                "step": ALONE if blind else WITH_MODEL,
                "answer": Answer.model_validate(counts["answer"]),
                "seconds": float(first["answer"]["seconds"]),
                "answered": counts["created"].isoformat(),
            }


def _decisions(desk: Desk) -> Iterator[dict[str, Any]]:
    """The latest adjudication of each case."""
    latest = {one.case_id: one for one in desk.decisions()}
    for case_id, kept in sorted(latest.items()):
        answer = Answer.model_validate(kept.payload)
        yield {
            "reader": None,
            "case_id": case_id,
            "reading": 0,
            "arm": None,
            "step": ADJUDICATION,
            "answer": answer,
            "seconds": answer.seconds,
            "answered": kept.created.isoformat(),
        }


def _by_class(answer: Answer, run: Run) -> Iterator[tuple[str, float]]:
    if answer.value is not None:
        yield VALUE, answer.value
    elif answer.choice is not None:
        for name in run.facts["target"]["classes"]:
            yield name, float(name == answer.choice)
    else:
        for name, rating in answer.ratings.items():
            yield name, float(rating)
