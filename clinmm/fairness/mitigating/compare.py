"""One study's mitigations against plain training."""

import pandas as pd

from clinmm.evaluation.rows import Key
from clinmm.fairness.mitigating import PLAIN
from clinmm.fairness.mitigating.answers import Answers, Rules, afterwards, of_training
from clinmm.fairness.mitigating.asked import Asked, column_of
from clinmm.fairness.mitigating.scored import Scores, coverage, draws_of, scores
from clinmm.fairness.mitigating.table import TEST, VALIDATE, table
from clinmm.fairness.mitigating.trained import Trainings
from clinmm.progress import Tell
from clinmm.study import Study

METRICS = ("auroc", "fnr", "fpr", "brier", "ece")
"""Given on `test`, beside the metric that the rule looks at and the coverage of the sets."""


def compare(study: Study, asked: Asked, trainings: Trainings, tell: Tell) -> pd.DataFrame:
    """The rows of schema.MITIGATION.

    Raises:
        InputError: as `train_arm` and `calibration.tables`.
    """
    config = study.config
    point = next(iter(config.evaluate.operating_points))
    rules = Rules(
        kind=study.run.facts["target"]["kind"],
        config=config.calibrate,
        point=config.evaluate.operating_points[point],
        groups=study.cohort.groups(),
        codes=_codes(asked),
        seed=config.seed,
    )
    answers = _answers(trainings, asked, rules, tell)
    key = (asked.metric, column_of(asked.metric, point))
    keys = list(dict.fromkeys([key, *((m, column_of(m, point)) for m in METRICS)]))
    every = [one for seeds in answers.values() for one in seeds]
    draws = draws_of(every, config.evaluate.n_bootstrap, config.seed)
    found: dict[str, dict[str, Scores]] = {VALIDATE: {}, TEST: {}}
    covered = {}
    for number, (method, seeds) in enumerate(answers.items()):
        tell("score", number, len(answers), method)
        test = [one.test for one in seeds]
        chosen_on = [one.chosen_on for one in seeds]
        of_choice: list[Key] = [key]
        found[VALIDATE][method] = scores(chosen_on, asked.groups, of_choice, point, draws)
        found[TEST][method] = scores(test, asked.groups, keys, point, draws)
        covered[method] = coverage(test, rules.kind, asked.groups, draws)
    tell("score", len(answers), len(answers))
    with_sets = covered if all(covered.values()) else {}
    return table(found, with_sets, asked, key)


def _answers(
    trainings: Trainings, asked: Asked, rules: Rules, tell: Tell
) -> dict[str, list[Answers]]:
    """Method -> an answer for each seed; plain training first."""
    predictions = trainings.predictions()
    total = sum(map(len, predictions.values()))
    answers: dict[str, list[Answers]] = {}
    for method, seeds in predictions.items():
        answers[method] = []
        for rows in seeds:
            tell("calibrate", sum(map(len, answers.values())), total, method)
            answers[method].append(of_training(rows, rules))
    tell("calibrate", total, total)
    for component in asked.afterwards:
        plain = answers[PLAIN]
        answers[component.name] = [afterwards(one, component, rules) for one in plain]
    return answers


def _codes(asked: Asked) -> pd.Series:
    ids = asked.groups.index
    return pd.Series(asked.codes(ids), index=ids)
