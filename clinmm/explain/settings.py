"""Whether what a config asks of explanations can be done, before anything is trained."""

from clinmm import registry
from clinmm.cohort.cohort import Cohort
from clinmm.config import ExplainConfig
from clinmm.errors import InputError, did_you_mean
from clinmm.explain.baselines import check_baselines


def check_explain(config: ExplainConfig, cohort: Cohort) -> None:
    """Raises InputError with every method, baseline and rule that there is not."""
    problems = check_methods(config.methods)
    kinds = {name: source.kind for name, source in cohort.spec.inputs.items()}
    try:
        check_baselines(config.baselines, kinds)
    except InputError as error:
        problems += error.problems
    tests = all_tests() if config.audit.rules else {}
    problems += [
        f"explain.audit.rules: there is no test '{test}'. {did_you_mean(test, list(tests))}"
        for test in config.audit.rules
        if test not in tests
    ]
    if problems:
        raise InputError(problems)


def check_methods(methods: tuple[str, ...]) -> list[str]:
    """What is wrong with the names of methods."""
    known = registry.available("attributions")
    problems = [
        f"explain.methods: there is no attribution '{name}'. {did_you_mean(name, known)}"
        for name in methods
        if name not in known
    ]
    if len(set(methods)) < len(methods):
        problems.append("explain.methods: a method is named twice.")
    return problems


def all_tests() -> dict[str, str]:
    """Every test that the audit reads off -> what it asks."""
    files = [registry.load("explanation_tests", n) for n in registry.available("explanation_tests")]
    return {name: asks for file in files for name, asks in file.TESTS.items()}
