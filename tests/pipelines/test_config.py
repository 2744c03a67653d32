from pathlib import Path

import pytest
from pydantic import ValidationError

from clinmm import registry
from clinmm.config import (
    Component,
    StudyConfig,
    find_config,
    load_config,
    shipped_configs,
)
from clinmm.errors import InputError
from clinmm.model import settings_of

SHIPPED = sorted(shipped_configs().glob("*.yaml"))
LEAST = "cohort: c.yaml\nencoders: {image: {name: densenet}}\n"


def load(tmp_path: Path, text: str = LEAST, *overrides: str) -> StudyConfig:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    return load_config(tmp_path / "s.yaml", list(overrides))


def test_what_is_left_out_has_a_default_and_the_cohort_is_found_from_the_file(
    tmp_path: Path,
) -> None:
    config = load(tmp_path)
    assert config.cohort == str(tmp_path / "c.yaml")
    assert (config.fusion.name, config.seed, config.train.arms) == ("gated", 0, "all")
    absolute = load(tmp_path, LEAST.replace("c.yaml", "/data/c.yaml"))
    assert absolute.cohort == "/data/c.yaml"


def test_settings_can_be_changed_by_their_path(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        LEAST,
        "train.epochs=2",
        "train.optimiser.lr=1e-2",
        "split={folds: 3, repeats: 2}",
        "encoders.image.size=64",
        "explain.cases=0",
        "fusion.name=concat",
    )
    assert (config.train.epochs, config.train.optimiser.lr) == (2, 0.01)
    assert (config.split.folds, config.split.repeats) == (3, 2)
    assert config.encoders["image"].settings == {"size": 64}
    assert (config.explain.cases, config.fusion.name) == (0, "concat")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.epochs", "is no setting. Write key.path=value"),
        ("=3", "is no setting"),
        ("seed.deep=3", "'seed' holds no settings of its own"),
        ("train.epohcs=3", "unknown key 'epohcs'. Did you mean 'epochs'"),
        ("train.epochs=many", "train.epochs"),
        ("train.epochs=-1", "train.epochs"),
        ("train.ensemble=1", "train.ensemble: one model is no ensemble: give 2 or more, or 0"),
    ],
)
def test_a_wrong_override_is_refused(tmp_path: Path, override: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        load(tmp_path, LEAST + "seed: 1\n", override)


def test_an_override_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"split=.*YAML"):
        load(tmp_path, LEAST, "split={folds: ")


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    text = (
        "cohort: c.yaml\n"
        "fuson: {name: gated}\n"
        "train: {epochs: 0, optimiser: {lrr: 1}, precision: 64}\n"
        "evaluate: {n_bootstrap: 5}\n"
        "split: {folds: 2, fractions: {train: 1}}\n"
    )
    with pytest.raises(InputError) as refused:
        load(tmp_path, text)
    for said in (
        "unknown key 'fuson'. Did you mean 'fusion'?",
        "key 'encoders' is missing",
        "s.yaml.train.epochs",
        "unknown key 'lrr'. Did you mean 'lr'?",
        "s.yaml.train.precision: got 64",
        "s.yaml.evaluate.n_bootstrap",
        "folds and fractions exclude each other",
    ):
        assert said in str(refused.value), said


def test_a_config_is_data_and_cannot_be_changed(tmp_path: Path) -> None:
    config = load(tmp_path)
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3  # type: ignore[misc]
    with pytest.raises(InputError, match="YAML"):
        load(tmp_path, LEAST + "seed: !!python/object/apply:os.getpid []\n")


def test_the_resolved_file_gives_the_same_config_again(tmp_path: Path) -> None:
    config = load(tmp_path, LEAST, "split={by: time, test_from: 2020-04-01}", "train.epochs=3")
    (tmp_path / "again.yaml").write_text(config.as_yaml(), encoding="utf-8")
    assert load_config(tmp_path / "again.yaml") == config


def test_a_bare_name_finds_a_shipped_study_and_a_wrong_one_says_which_there_are() -> None:
    assert find_config("demo") == shipped_configs() / "demo.yaml"
    assert find_config("configs/demo.yaml").name == "demo.yaml"
    with pytest.raises(InputError, match=r"no config file. Did you mean 'demo'"):
        find_config("demoo")
    with pytest.raises(InputError, match="covid_cxr_outcome"):
        find_config("something else")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies_are_valid_to_the_settings_of_each_encoder(path: Path) -> None:
    config = load_config(path)
    for name, component in config.encoders.items():
        settings_of("encoders", component, f"encoders.{name}")
    settings_of("fusions", config.fusion_file, "fusion")
    assert set(config.explain.methods) <= set(registry.available("attributions"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies_fit_their_cohorts(path: Path) -> None:
    from clinmm.cohort.manifest import read_spec

    config = load_config(path)
    if path.stem.startswith("demo"):
        assert not Path(config.cohort).exists(), "a demo makes its cohort itself"
        return
    spec = read_spec(Path(config.cohort))
    assert set(config.encoders) == set(spec.inputs)
    for name, component in config.encoders.items():
        encoder = registry.load("encoders", component.name).Encoder
        assert encoder.kind == spec.inputs[name].kind
    accepted = {entry.check for entry in config.intake.accept}
    assert accepted <= set(registry.available("checks"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_studies_begin_with_what_to_expect(path: Path) -> None:
    """Score, duration and command are said on top."""
    head = path.read_text(encoding="utf-8").split("\ncohort:")[0]
    assert head.startswith("#")
    assert "clinmm" in head


def test_a_component_keeps_its_settings_for_its_own_file() -> None:
    component = Component.model_validate({"name": "mlp", "hidden": 3})
    assert component.settings == {"hidden": 3}
    assert settings_of("encoders", component, "x").hidden == 3
