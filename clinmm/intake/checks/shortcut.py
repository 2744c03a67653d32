"""Whether the label follows from how and where a picture was made, and the picture shows it."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import MOST_EXAMPLES, Example, Finding, Severity
from clinmm.intake.leaks.acquisition import acquisition, facts_by_case
from clinmm.intake.leaks.asked import Question, classes
from clinmm.intake.leaks.marks import RING, STANDS_OUT, marks, place
from clinmm.intake.leaks.sites import across_sites, within_sites
from clinmm.intake.leaks.told import Told, auroc_of, holm, told_by, told_on_others

LEVEL = 0.05
MATTERS = 0.6
"""Lower limit of an AUROC from which a shortcut is worth a warning."""
GIVES_AWAY = 0.9
"""Lower limit from which acquisition nearly is the label."""
COMPONENTS = 32
"""Principal components of the thumbnails: what intake takes for an embedding of the picture."""
COARSE = 32
SHOWN = 3
VISIBLE = ("site", "photometric", "manufacturer", "model", "view", "format", "modality")
"""Facts that are asked of the picture."""

Columns = NDArray[np.float64]


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per image input and class, all cross-validated by patient:

    - AUROC of the class from acquisition facts alone (site, what the file says, its size, black
      borders): a warning where the lower limit is above .6, an error above .9.
    - Burned-in marks: a warning where small bright things stand in one place of the border more
      often with the class (lower limit above .6, Holm over places and classes).
    - For information: what site, scanner and view can be told from the picture (32 principal
      components of its thumbnail), and, where `site` is declared, the AUROC of the class from the
      picture within sites and on sites that were not learned from.
    """
    findings = []
    for name in cohort.spec.input_names("image"):
        seen = _Seen(cohort, context, name)
        if seen.rows.size == 0:
            continue
        facts = _varying(seen)
        for question in classes(cohort):
            findings += _by_acquisition(seen, facts, question)
        findings += _burned_in(seen, classes(cohort))
        findings += _shown_by_picture(seen)
        findings += _by_site(seen, classes(cohort))
    return findings


def on_test(
    cohort: Cohort, context: Context, findings: list[Finding], test: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Per image input and class: the AUROC on test patients of acquisition facts alone, by a
    regression on the others."""
    from clinmm.intake.checks.missingness import test_row

    rows = []
    for name in cohort.spec.input_names("image"):
        facts = acquisition(cohort, context.images_of(cohort), name)
        here = facts_by_case(cohort, context.images_of(cohort), name)["sha256"].notna()
        if not facts:
            continue
        for question in classes(cohort):
            at = question.known(here.to_numpy(bool))
            told = told_on_others(
                np.concatenate([columns[at] for columns in facts.values()], axis=1),
                question.answer[at],
                cohort.table["patient_id"].to_numpy()[at],
                context.learnt(cohort)[at],
                test[at],
            )
            rows.append(
                {**test_row("shortcut", name, question.name, told), "measure": "AUROC, acquisition"}
            )
    return rows


class _Seen:
    """Pictures of one input that were read, of the cases that may be looked at.

    rows: their cases. thumbnails: (n, side, side). patients: (n,).
    """

    def __init__(self, cohort: Cohort, context: Context, name: str) -> None:
        self.cohort, self.images, self.name = cohort, context.images_of(cohort), name
        self.facts = facts_by_case(cohort, self.images, name)
        learns = context.learnt(cohort)
        self.rows = np.array(
            [
                row
                for row, digest in enumerate(self.facts["sha256"])
                if learns[row] and isinstance(digest, str) and digest in self.images.thumbnails
            ],
            dtype=int,
        )
        digests = self.facts["sha256"].iloc[self.rows]
        if self.rows.size:
            self.thumbnails = np.stack([self.images.thumbnails[digest] for digest in digests])
        self.patients = cohort.table["patient_id"].to_numpy()[self.rows]

    def known(self, question: Question) -> NDArray[np.int_]:
        """Positions in `rows` whose answer is known."""
        return np.flatnonzero(~np.isnan(question.answer[self.rows]))

    @cached_property
    def embedding(self) -> Columns:
        """(n, at most 32) principal components of the thumbnails at 32 x 32, each of variance 1."""
        from sklearn.decomposition import PCA

        n, side, _ = self.thumbnails.shape
        step = side // COARSE
        blocks = self.thumbnails[:, : step * COARSE, : step * COARSE]
        small = blocks.reshape(n, COARSE, step, COARSE, step).mean(axis=(2, 4)) / 255
        flat = small.reshape(n, -1)
        n = min(COMPONENTS, len(self.rows) - 1)
        if n < 1 or not np.ptp(flat, axis=0).any():  # one picture, or one picture many times
            return np.zeros((len(self.rows), 1))
        made = PCA(n, whiten=True, svd_solver="randomized", random_state=0).fit_transform(flat)
        return np.asarray(made, dtype=np.float64)


def _varying(seen: _Seen) -> dict[str, Columns]:
    facts = {
        fact: columns[seen.rows]
        for fact, columns in acquisition(seen.cohort, seen.images, seen.name).items()
    }
    return {fact: columns for fact, columns in facts.items() if np.ptp(columns, axis=0).any()}


def _by_acquisition(seen: _Seen, facts: dict[str, Columns], question: Question) -> list[Finding]:
    at = seen.known(question)
    y, patients = question.answer[seen.rows][at], seen.patients[at]
    if not facts:
        return []
    together = told_by(np.concatenate([f[at] for f in facts.values()], axis=1), y, patients)
    if not together.known:
        return []
    alone = {fact: told_by(columns[at], y, patients) for fact, columns in facts.items()}
    best = sorted((f for f in alone if alone[f].known), key=lambda f: -alone[f].value)[:SHOWN]
    severity = _severity(together)
    return [
        Finding(
            "shortcut",
            severity,
            seen.name,
            f"how the picture was made ({len(facts)} facts, none of them anatomy) tells "
            f"'{question.name}' with AUROC {together}; most by "
            + ", ".join(f"{fact} {alone[fact].value:.2f}" for fact in best)
            + ".",
            "Nothing."
            if severity == "info"
            else "A model can learn where a picture comes from instead of what it shows. Take "
            "cases with and without the class from the same places and machines, split by site, or "
            "crop and resample so that it does not show.",
            count=together.n_patients,
            value=together.value,
            low=together.low,
            high=together.high,
        )
    ]


def _severity(told: Told) -> Severity:
    return "error" if told.low > GIVES_AWAY else "warning" if told.low > MATTERS else "info"


def _burned_in(seen: _Seen, asked: Sequence[Question]) -> list[Finding]:
    """Only marks that go *with* a class are reported: anatomy dims the border where it is ill."""
    peaks = marks(seen.thumbnails)
    marked = (peaks > STANDS_OUT).astype(np.float64)
    tried = []
    for question in asked:
        at = seen.known(question)
        y, patients = question.answer[seen.rows][at], seen.patients[at]
        tried += [
            (question, cell, auroc_of(marked[at, cell], y, patients)) for cell in range(len(RING))
        ]
    p = holm(np.array([told.p for _, _, told in tried]))
    findings = []
    for question in asked:
        mine = [
            (told, cell)
            for (q, cell, told), adjusted in zip(tried, p, strict=True)
            if q is question and told.known and told.low > MATTERS and adjusted < LEVEL
        ]
        if not mine:
            continue
        told, cell = max(mine)
        with_class = np.flatnonzero(question.answer[seen.rows] == 1)
        brightest = with_class[np.argsort(-peaks[with_class, cell], kind="stable")]
        ids = seen.cohort.table["case_id"].to_numpy()[seen.rows[brightest]]
        findings.append(
            Finding(
                "shortcut",
                "warning",
                seen.name,
                f"something small and bright in the {place(cell)} of the border goes with "
                f"'{question.name}': AUROC {told} (Holm over {len(RING)} places and every class).",
                "Look at the examples. If it is a letter or a mark, cover or crop it in every "
                "picture.",
                tuple(ids.tolist()),
                told.n_patients,
                told.value,
                told.low,
                told.high,
                examples=tuple(
                    Example(case, seen.name, value=float(peaks[at, cell]))
                    for case, at in zip(ids[:MOST_EXAMPLES], brightest[:MOST_EXAMPLES], strict=True)
                ),
            )
        )
    return findings


def _shown_by_picture(seen: _Seen) -> list[Finding]:
    embedding = seen.embedding
    cells = {fact: seen.facts[fact] for fact in VISIBLE if fact in seen.facts}
    if seen.cohort.spec.site:
        cells["site"] = seen.cohort.table[seen.cohort.spec.site]
    told: list[tuple[Told, str]] = []
    for fact, column in cells.items():
        here = column.iloc[seen.rows].fillna("not recorded").astype(str)
        for value in here.value_counts().index[:SHOWN]:
            y = (here == value).to_numpy(np.float64)
            if 0 < y.sum() < len(y):
                one = told_by(embedding, y, seen.patients, strength=0.1)
                if one.known:
                    told.append((one, f"{fact} '{value}'"))
    if not told:
        return []
    told.sort(key=lambda pair: -pair[0].value)
    best = told[0][0]
    return [
        Finding(
            "shortcut",
            "info",
            seen.name,
            "from the picture alone (32 components of its thumbnail) can be told, by AUROC: "
            + "; ".join(f"{what} {one}" for one, what in told[:6])
            + ".",
            "What shows in the picture a model can use: it matters where the label goes with it.",
            count=best.n_patients,
            value=best.value,
            low=best.low,
            high=best.high,
        )
    ]


def _by_site(seen: _Seen, asked: Sequence[Question]) -> list[Finding]:
    if not seen.cohort.spec.site:
        return []
    site = seen.cohort.table[seen.cohort.spec.site].iloc[seen.rows].fillna("").to_numpy(str)
    embedding = seen.embedding
    findings = []
    for question in asked:
        at = seen.known(question)
        y, patients = question.answer[seen.rows][at], seen.patients[at]
        within = within_sites(embedding[at], y, patients, site[at])
        across = across_sites(embedding[at], y, patients, site[at])
        if within.known and across.known:
            findings.append(
                Finding(
                    "shortcut",
                    "info",
                    seen.name,
                    f"the picture (32 components of its thumbnail) tells '{question.name}' with "
                    f"AUROC {within} within sites, and {across} on sites not learned from.",
                    "Where the second is much lower, expect the same of a model elsewhere.",
                    count=across.n_patients,
                    value=across.value,
                    low=across.low,
                    high=across.high,
                )
            )
    return findings
