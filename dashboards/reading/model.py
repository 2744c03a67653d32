"""What the model says of a case, beside the reader's own answer. All of it comes from the desk."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from clinmm.review.answers import Draft
from clinmm.review.desk import Desk
from dashboards import panels, run_data, selections, values, words
from dashboards.language import t, tn
from dashboards.reading import said


def risks_of(desk: Desk, case_id: str, reading: int) -> pd.DataFrame:
    """The model's rows of the case, those of the held-out part where there is one; without what
    the cohort records.

    Raises:
        NotAllowed: the reader may not see the model now.
    """
    return selections.test_predictions(desk.risks(case_id, reading)).assign(target=float("nan"))


def arm_of(rows: pd.DataFrame) -> str:
    """The arm of the run that is shown: all inputs together, where that was trained."""
    arms = list(dict.fromkeys(rows["arm"]))
    return "fused" if "fused" in arms or not arms else str(arms[0])


def estimates(
    rows: pd.DataFrame, case_id: str, arm: str, own: Draft | None, facts: Mapping[str, Any]
) -> None:
    """Risks in words and as bars, what was answered beside them.

    Args:
        rows: of predictions, of this case.
        own: what the reader locked; None where nothing is locked yet.
    """
    if values.is_of_values(facts):
        values.output(rows[rows["arm"] == arm], facts, own.value if own else None)
        return
    risks = selections.case_risks(rows, case_id, arm)
    st.html(
        f'<p class="panel-title">{escape(t("The model, all inputs together"))}</p>'
        f'<p class="small">{escape(t("Brown mark: how common it is in this cohort."))}</p>'
    )
    curves = run_data.table_if_made("curves")
    unit = facts.get("unit_name", "patient")
    parts = []
    for row in risks.itertuples():
        if pd.isna(row.probability):
            continue
        near = selections.similar(curves, arm, row.class_name, row.probability)
        seen = ""
        if near is not None:
            seen = words.observed(near["y"], near["low"], near["high"], near["n_cases"])
        parts.append(
            panels.risk_line(
                words.class_label(row.class_name, "").capitalize(),
                words.risk(row.probability, unit),
                row.probability,
                _prevalence(row.class_name),
                said.judgement(own, row.class_name) if own else "",
                seen,
            )
        )
    st.html("".join(parts))
    most = int(risks["n_estimates"].max())
    if most > 1:
        st.caption(tn("Mean of {n} estimate.", "Mean of {n} estimates, one per repeat.", most))
    elif facts.get("predicted_by"):
        st.caption(t("Estimated by {model}.", model=facts["predicted_by"]))


def banners(rows: pd.DataFrame, case_id: str, arm: str) -> None:
    """What asks for care: unlike the study's cases, handed back, no promise of the set."""
    warnings, quiet = [], []
    failed = selections.not_exchangeable(run_data.table_if_made("exchangeability"), arm)
    shown = {"prediction_set", "deferred"} <= set(rows.columns)
    sets = selections.case_sets(rows, case_id, arm) if shown else []
    if sets and failed:
        warnings.append(
            t("No prediction set: the promise does not hold for these cases. {why}", why=failed)
        )
    elif sets:
        quiet.append(words.prediction_set(sets))
    decisions = selections.case_deferred(rows, case_id, arm) if shown else {}
    if decisions:
        back = any(any(one) for one in decisions.values())
        (warnings if back else quiet).append(words.handed_back(decisions))
    if run_data.run().has("outliers"):
        odd = selections.matching(run_data.rows_of("outliers", case_id), {"flag": "yes"})
        parts = [words.odd(row.input, selections.text(row.reason)) for row in odd.itertuples()]
        warnings += dict.fromkeys(parts)
        if not parts:
            quiet.append(t("Nothing about this case is unlike the study's."))
    if warnings or quiet:
        st.html(
            f'<p class="panel-title">{escape(t("How sure the model may be"))}</p>'
            + "".join(f'<p class="banner">{escape(one)}</p>' for one in warnings)
            + "".join(panels.small(one) for one in quiet)
        )


def _prevalence(class_name: str) -> float | None:
    metrics = run_data.table_if_made("metrics")
    if metrics is None:
        return None
    rows = selections.pooled(metrics, "prevalence", class_name=class_name)
    rows = rows[rows["status"] == "ok"]
    return float(rows.iloc[0]["value"]) if len(rows) else None
