"""What a user may write or read is documented: a new key, column, member or verb fails here."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pages import PAGES, ROOT, code, page, says, section
from pydantic import BaseModel

from clinmm import registry, schema
from clinmm.cohort.manifest import spec_from
from clinmm.cohort.spec import CohortSpec
from clinmm.config import Component, StudyConfig, TrainConfig, load_config
from clinmm.encoders.parts.embedded import PACKAGES
from clinmm.explain.audit.parts.rules import DEFAULT_RULES
from clinmm.model import settings_of
from clinmm.runs import STAGES
from clinmm.settings_file import read_settings


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every settings model that an annotation holds, such as those of `dict[str, A | B]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation is not Component:
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    """The keys of a settings model and of the models in it, as written in a file."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in _models(field.annotation):
            yield from _keys(inner)


def _undocumented(model: type[BaseModel], text: str, keys_section: str) -> list[str]:
    """Keys that are missing: of the model in its table, of the models in it in their sections."""
    absent = [key for key in model.model_fields if not says(keys_section, key)]
    for key, field in model.model_fields.items():
        inner = [name for part in _models(field.annotation) for name in _keys(part)]
        absent += [f"{key}.{name}" for name in inner if not says(section(text, key), name)]
    return absent


def test_every_key_of_the_cohort_file_is_documented() -> None:
    text = page("docs/cohort_file.md")
    assert _undocumented(CohortSpec, text, section(text, "Keys")) == []


def test_every_key_of_the_study_config_is_documented() -> None:
    text = page("docs/study_config.md")
    assert _undocumented(StudyConfig, text, text.split("\n## ")[0]) == []


@pytest.mark.parametrize("name", schema.TABLES)
def test_every_column_of_a_table_is_documented_in_its_section(name: str) -> None:
    text = section(page("docs/run_folder.md"), f"{name}.parquet")
    assert [column for column in schema.TABLES[name].names if not says(text, column)] == []


@pytest.mark.parametrize(("family", "title"), [("encoders", "encoders"), ("fusions", "fusion")])
def test_every_component_is_documented_with_its_settings(family: str, title: str) -> None:
    text = section(page("docs/study_config.md"), title)
    entries = {entry.split("`")[1]: entry for entry in re.split(r"^- ", text, flags=re.M)[1:]}
    assert sorted(entries) == registry.available(family)
    for name, entry in entries.items():
        settings = registry.load(family, name).Config.model_fields
        assert [key for key in settings if not _gives(entry, key, settings[key].default)] == [], (
            name
        )


def _shown(value: object) -> str:
    """A default as a config spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return str(list(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _gives(text: str, key: str, default: object) -> bool:
    """Whether the text has the key with its default behind it, as in: `size` (224)."""
    return bool(re.search(rf"`{key}`\s+\(`?{re.escape(_shown(default))}(?![\w.])", text))


def test_defaults_of_the_training_budget_are_those_of_the_code() -> None:
    text = section(page("docs/study_config.md"), "train")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text, flags=re.M))
    fields = {
        k: f.default for k, f in TrainConfig.model_fields.items() if k not in ("optimiser", "loss")
    }
    assert {key: rows[key].replace("`", "") for key in fields} == {
        key: _shown(default) for key, default in fields.items()
    }


def test_limits_in_the_statistics_are_those_of_the_code() -> None:
    from clinmm.calibration import temperature
    from clinmm.evaluation.arms import MIN_PATIENTS_FOR_CALIBRATORS
    from clinmm.explain.explanation import CLOSE_ENOUGH, NEGLIGIBLE
    from clinmm.intervals import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS

    text = " ".join(page("docs/statistics.md").split())
    wanted = [
        f"needs {MIN_PATIENTS} patients, and {MIN_PATIENTS_PER_CLASS} patients in each class",
        f"below {temperature.MIN_PATIENTS_PER_CLASS} calibration patients",
        f"Below {MIN_PATIENTS_FOR_CALIBRATORS} patients in a class",
        f"to within {100 * CLOSE_ENOUGH:g} % of it, or {NEGLIGIBLE:g}",
    ]
    assert [said for said in wanted if said not in text] == []


@pytest.mark.parametrize(
    ("family", "file", "title"),
    [
        ("checks", "docs/intake.md", "The checks"),
        ("attributions", "docs/explanations.md", "Attributions"),
    ],
)
def test_every_member_of_a_family_is_documented(family: str, file: str, title: str) -> None:
    text = section(page(file), title)
    assert [name for name in registry.available(family) if not says(text, name)] == []


def test_every_test_of_explanations_is_documented() -> None:
    text = section(page("docs/explanations.md"), "The audit")
    modules = [
        registry.load("explanation_tests", name) for name in registry.available("explanation_tests")
    ]
    names = {re.sub(r"(shortcut_\w+?)_.*", r"\1", name) for m in modules for name in m.TESTS}
    plain = {re.sub(r"_stage_\d+$", "", name) for name in names}
    assert [name for name in sorted(plain) if name not in text] == []


def test_rules_of_explanations_are_those_of_the_code() -> None:
    text = section(page("docs/explanations.md"), "Rules")
    for name, rule in DEFAULT_RULES.items():
        side = "above" if rule.above is not None else "below"
        said = re.sub(r"^(shortcut_(?:mass|effect))_\w+", r"\1_ZONE", name)
        assert f"{side} {rule.bound:g}".replace(" 0.", " .") in text, name
        assert said in text or name.startswith("localisation_over"), name


@pytest.mark.parametrize("family", ["metrics", "calibrators"])
def test_every_metric_and_calibrator_is_documented(family: str) -> None:
    text = page("docs/statistics.md")
    assert [name for name in registry.available(family) if not says(text, name)] == []


def test_every_stage_has_its_row_in_the_run_folder() -> None:
    rows = re.findall(r"^\| .+? \| ([\w, ]+) \|", page("docs/run_folder.md"), flags=re.M)
    written_by = {word for row in rows for word in row.split(", ")}
    assert set(STAGES) <= written_by


def test_every_dependency_is_documented() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *(need for group in extras.values() for need in group)]
    names = {re.split(r"[\[<>=~! ;]", need)[0].lower() for need in needed} - {"clinmm"}
    listed = set(re.findall(r"^\| `([\w.-]+)` \|", page("docs/dependencies.md"), flags=re.M))
    assert names - listed == set()


def test_hashes_of_embedded_weights_are_documented() -> None:
    text = page("docs/dependencies.md")
    assert [name for name, (*_, sha256) in PACKAGES.items() if sha256 not in text] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page(name))
    assert [t for t in targets if not (ROOT / name).parent.joinpath(t).exists()] == []


def test_every_file_that_the_architecture_names_exists() -> None:
    text = page("docs/architecture.md")
    named = re.findall(r"`((?:clinmm|pipelines|dashboards)/[\w/.]*)", text)
    known = [path for path in named if "NAME" not in path]
    assert len(known) > 20
    assert [path for path in known if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_yaml_in_the_docs_is_accepted(name: str, tmp_path: Any) -> None:
    for number, text in enumerate(code(page(name), "yaml")):
        file = tmp_path / f"block_{number}.yaml"
        file.write_text(text, encoding="utf-8")
        settings = read_settings(file)
        if "cohort" not in settings:
            spec_from(settings, name)
            continue
        config = load_config(file)
        for key, component in config.encoders.items():
            settings_of("encoders", component, key)
        settings_of("fusions", config.fusion, "fusion")


def test_the_readme_describes_a_cohort_in_ten_lines_and_a_study_of_it(tmp_path: Any) -> None:
    cohort, study = code(page("README.md"), "yaml")
    assert len(cohort.strip().splitlines()) <= 10
    files = {"cohort.yaml": cohort, "study.yaml": study}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    spec = spec_from(read_settings(tmp_path / "cohort.yaml"), "README.md")
    config = load_config(tmp_path / "study.yaml")
    kinds = {key: source.kind for key, source in spec.inputs.items()}
    encoders = {
        key: registry.load("encoders", component.name).Encoder.kind
        for key, component in config.encoders.items()
    }
    assert encoders == kinds


def test_the_readme_shows_a_picture_that_loads_quickly() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page("README.md"))
    assert (ROOT / picture).stat().st_size < 400_000


def test_the_python_of_the_readme_uses_what_exists() -> None:
    (text,) = code(page("README.md"), "python")
    assert len(text.strip().splitlines()) <= 6
    names: dict[str, Any] = {}
    imports = [line for line in text.splitlines() if line.startswith("from ")]
    exec("\n".join(imports), names)  # noqa: S102 (our own page)
    assert callable(names["load_config"])
    assert callable(names["run"].main)
    compile(text, "README.md", "exec")
