"""The study config: frozen, every key known, every problem told at once.

`load_config` finds the file (a path, or the bare name of a shipped study), applies
`key.path=value` overrides and returns the settings with the cohort's path resolved.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from clinmm import thresholds
from clinmm.cohort.split_config import SplitConfig
from clinmm.errors import InputError, did_you_mean
from clinmm.explain.audit.parts.rules import DEFAULT_RULES, Rule
from clinmm.settings_errors import as_input_error
from clinmm.settings_file import read_settings
from clinmm.thresholds import OperatingPoint

NotNegative = Annotated[float, Field(ge=0)]


class _Settings(BaseModel, frozen=True, extra="forbid"):
    pass


class Component(BaseModel, frozen=True, extra="allow"):
    """An encoder or a fusion: its file's name, and settings that go to that file's Config."""

    name: str

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


def _component(value: Any) -> Any:
    """A component may be given by its name alone."""
    return {"name": value} if isinstance(value, str) else value


class Accept(_Settings):
    """An intake finding that may stand, and why. `subject: "*"` means every subject."""

    check: str
    subject: str = "*"
    reason: str = Field(min_length=3)


class IntakeConfig(_Settings):
    """accept: findings that may stand.

    mask_stated_label: hide from every model the names and synonyms of a class that the check
        `stated_label` finds, chosen anew in each fold on its patients that are not test.
    """

    accept: tuple[Accept, ...] = ()
    mask_stated_label: bool = False


class Optimiser(_Settings):
    """AdamW.

    weight_decay: one value, or several, of which each arm keeps in each fold the one with the
        lowest loss on `validate`.
    schedule: `constant` stops early; `one_cycle` and `warm_up_cosine` run every epoch, which nets
        trained from their first layer need.
    pretrained_lr: learning rate of a body that came with weights, as a share of `lr`.
    """

    lr: float = Field(default=1e-3, gt=0)
    weight_decay: NotNegative | Annotated[tuple[NotNegative, ...], Field(min_length=1)] = 1e-2
    schedule: Literal["constant", "one_cycle", "warm_up_cosine"] = "constant"
    pretrained_lr: float = Field(default=0.1, gt=0, le=1)


class Loss(_Settings):
    """What is minimised, in mean over the known targets.

    name: `cross_entropy`; `focal` (gamma) and `asymmetric` (gamma_negative, margin) turn down cases
        that are answered well already, whose probabilities then need calibration. Ordered and
        continuous targets take `cross_entropy` alone, which for them is the likelihood.
    label_smoothing: share of a label that is spread evenly over the classes.
    """

    name: Literal["cross_entropy", "focal", "asymmetric"] = "cross_entropy"
    gamma: float = Field(default=2.0, ge=0)
    gamma_negative: float = Field(default=4.0, ge=0)
    margin: float = Field(default=0.05, ge=0, lt=0.5)
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)


class TrainConfig(_Settings):
    """The budget, the same for every arm.

    patience: epochs without a better validation loss before stopping (constant schedule).
    class_weights: `balanced` gives both outcomes of a class the same weight in training; the
        probabilities given out are put back to the prevalence seen.
    input_dropout: chance that an input is hidden from a case in a training step.
    single_input_loss: weight of the loss of the heads on each input alone.
    distillation: weight of the loss that draws the answer from the inputs left by input_dropout to
        the answer from all of them.
    absent: what the fusion sees of an absent input, nothing (`masked`) or a `learned_token`.
    balance: `slow_dominant` turns down the steps of an encoder whose input is ahead of the others.
    ema: decay of the running mean of the weights that is kept in their place; 0 keeps the weights.
    accumulate: batches a step is made of.
    release_after: epochs for which a body that came with weights is held still.
    compile: `torch.compile`, where it works.
    arms: `all` trains every input alone, every pair and all together; `single` leaves out the
        pairs; `fused` trains all together only.
    baselines: also a plain model for each input, and their stacked late fusion.
    ensemble: seeds of the arm `ensemble`, the mean of so many fused models, 2 or more; 0 leaves it
        out.
    """

    epochs: PositiveInt = 30
    batch_size: int = Field(default=32, ge=2)
    patience: PositiveInt = 8
    optimiser: Optimiser = Optimiser()
    class_weights: Literal["balanced", "none"] = "balanced"
    input_dropout: float = Field(default=0.15, ge=0, lt=1)
    single_input_loss: float = Field(default=0.5, ge=0)
    loss: Loss = Loss()
    distillation: float = Field(default=0.0, ge=0)
    absent: Literal["masked", "learned_token"] = "masked"
    balance: Literal["none", "slow_dominant"] = "none"
    ema: float = Field(default=0.0, ge=0, lt=1)
    accumulate: PositiveInt = 1
    release_after: int = Field(default=0, ge=0)
    compile: bool = False
    arms: Literal["all", "single", "fused"] = "all"
    baselines: bool = True
    ensemble: int = Field(default=0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"

    @field_validator("ensemble")
    @classmethod
    def _one_is_no_ensemble(cls, seeds: int) -> int:
        if seeds == 1:
            raise ValueError("one model is no ensemble: give 2 or more, or 0 for none.")
        return seeds

    def fine_tuning(self, factor: float) -> "TrainConfig":
        """The same budget at most, with factor times the learning rate, stopping early."""
        slower = {"lr": self.optimiser.lr * factor, "schedule": "constant"}
        return self.model_copy(update={"optimiser": self.optimiser.model_copy(update=slower)})


class SetsConfig(_Settings):
    """Prediction sets. coverage: share of patients whose set is to hold the truth.

    method: `lac` (smallest sets), `aps`, `raps` (several exclusive classes), `recall` (multilabel);
        left out, lac for binary and exclusive classes, recall for multilabel.
    by: a promise for each `class`, `pattern` or group of a sensitive column, not only for all.
    """

    method: Literal["lac", "aps", "raps", "recall"] | None = None
    coverage: float = Field(default=0.9, ge=0.5, lt=1)
    by: tuple[str, ...] = ("class",)


class DeferralConfig(_Settings):
    """Which cases are handed back: the least certain `share`, or as few as bring the wrong calls
    among the kept down to `risk`. Exactly one of the two."""

    share: float | None = Field(default=None, gt=0, lt=1)
    risk: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _exactly_one(self) -> "DeferralConfig":
        if (self.share is None) == (self.risk is None):
            raise ValueError("deferral needs exactly one of share and risk")
        return self


class CalibrateConfig(_Settings):
    """candidates: calibrators that may be chosen; every one that the size allows if left out.

    by: cells of the hierarchical calibrator, `pattern` or a sensitive column.
    """

    candidates: tuple[str, ...] | None = None
    by: str = "pattern"
    sets: SetsConfig = SetsConfig()
    deferral: DeferralConfig = DeferralConfig(share=0.2)


class EvaluateConfig(_Settings):
    """prevalence: class -> prevalence of the place of use, at which PPV and NPV are also given.

    non_inferiority: metric -> how much worse than its rival the headline arm may be and still count
        as as good.
    """

    operating_points: dict[str, OperatingPoint] = Field(
        default_factory=lambda: dict(thresholds.DEFAULT)
    )
    n_bootstrap: int = Field(default=1000, ge=100)
    prevalence: dict[str, Annotated[float, Field(gt=0, lt=1)]] = {}
    non_inferiority: dict[str, Annotated[float, Field(gt=0)]] = {}


class AuditConfig(_Settings):
    """group_by: sensitive columns, or several joined by *; every sensitive column if left out.

    depth: also every intersection of up to so many of the attributes.
    primary: metrics whose gaps are judged, one family for each arm; all others are exploratory.
    permutations: of the test whether some group is served worse; 0 leaves it out.
    slices: look for groups that nobody named, on half of the test patients, and confirm on the
        other half.
    exclude: columns that are never used to describe such a group.
    sources: look for where gaps come from.
    """

    group_by: tuple[str, ...] | None = None
    depth: PositiveInt = 1
    primary: Annotated[tuple[str, ...], Field(min_length=1)] = ("auroc", "fnr")
    permutations: int = Field(default=1000, ge=0)
    slices: bool = True
    exclude: tuple[str, ...] = ()
    sources: bool = True


class MitigateConfig(_Settings):
    """What `clinmm mitigate` trains beside plain training, with the same budget.

    attribute: the sensitive column; the one with the largest gap if left out.
    methods: files of clinmm/fairness/mitigation, or {name: ..., settings}; every one if left out.
    seeds: models of each method that differ in their seed.
    metric: what the worst group and the pooled cohort are held to.
    rule: how one method is chosen on `validate`: best in the worst group (`worst_group`), best over
        all (`pooled`), or best in the worst group among those whose pooled loss stays within the
        margin (`trade_off`).
    margin: how much of the pooled metric may be lost.
    """

    attribute: str | None = None
    methods: tuple[Annotated[Component, BeforeValidator(_component)], ...] | None = None
    seeds: PositiveInt = 3
    metric: str = "auroc"
    rule: Literal["worst_group", "pooled", "trade_off"] = "trade_off"
    margin: float = Field(default=0.01, ge=0)


class ExplanationAuditConfig(_Settings):
    """The audit of explanations: what passes it may be drawn.

    cases: test cases that it looks at, each for one class; 0 leaves the audit out, and every
        explanation is withheld.
    folds: folds of repeat 0 from which they come.
    retrain: how often each of these folds is trained again, on the same labels and on permuted
        ones; 0 leaves out what needs it.
    gate: withhold what explains a class whose AUROC interval holds .5.
    rules: test -> {above: bound} or {below: bound}, and `needed`; they replace the defaults of
        the tests that they name.
    """

    cases: int = Field(default=60, ge=0)
    folds: PositiveInt = 1
    retrain: int = Field(default=2, ge=0, le=5)
    gate: bool = True
    rules: dict[str, Rule] = {}

    @property
    def all_rules(self) -> dict[str, Rule]:
        """The defaults with the config's own in their place."""
        return {**DEFAULT_RULES, **self.rules}


class ExplainConfig(_Settings):
    """cases: how many test cases are explained for the reading room.

    methods: files of clinmm/explain/methods; the first is shown first.
    steps: points on the path of integrated gradients, samples of gradient_shap.
    classes: of several exclusive classes, how many of the likeliest are explained.
    baselines: input -> what the case is compared with: `own` (the encoder's), `absent`, `blurred`
        (images), `mean` (of training cases), `averaged` (over several training cases).
    """

    cases: int = Field(default=40, ge=0)
    methods: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "integrated_gradients",
        "grad_cam",
        "input_shapley",
    )
    steps: int = Field(default=32, ge=8)
    classes: PositiveInt = 3
    baselines: dict[str, Literal["own", "absent", "blurred", "mean", "averaged"]] = {}
    audit: ExplanationAuditConfig = ExplanationAuditConfig()


class ReviewConfig(_Settings):
    """copy_images: put display copies into the run; false keeps paths only."""

    copy_images: bool = True


AUTO = "auto"
"""As the name of a fusion: fall back on the inputs that did best on `validate`."""


class StudyConfig(_Settings):
    """One study. What is left out has a default; the resolved file is saved in the run.

    fusion: a file of clinmm/fusion with its settings; or `auto`, or {name: auto, of: {name: ...}},
        which answers from the inputs that do best on `validate`, in each fold anew.
    """

    cohort: str
    seed: int = 0
    split: SplitConfig = SplitConfig()
    intake: IntakeConfig = IntakeConfig()
    encoders: dict[str, Component]
    fusion: Annotated[Component, BeforeValidator(_component)] = Component(name="gated")
    train: TrainConfig = TrainConfig()
    calibrate: CalibrateConfig = CalibrateConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    audit: AuditConfig = AuditConfig()
    mitigate: MitigateConfig = MitigateConfig()
    explain: ExplainConfig = ExplainConfig()
    review: ReviewConfig = ReviewConfig()

    @model_validator(mode="after")
    def _auto_takes_only_of(self) -> "StudyConfig":
        if self.falls_back and (extra := sorted(set(self.fusion.settings) - {"of"})):
            raise ValueError(
                f"fusion: auto has no setting {', '.join(extra)}. Settings of the fusion that is "
                "trained go under of: {name: ...}."
            )
        return self

    @property
    def falls_back(self) -> bool:
        """Whether the fused arm may answer from fewer inputs (`fusion: auto`)."""
        return self.fusion.name == AUTO

    @property
    def fusion_file(self) -> Component:
        """The fusion that is trained; of `auto`, the one named under `of`, else concat."""
        if not self.falls_back:
            return self.fusion
        return Component.model_validate(_component(self.fusion.settings.get("of", "concat")))

    def as_yaml(self) -> str:
        """The resolved config, as saved in a run."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def shipped_configs() -> Path:
    """The folder of the shipped study configs: in the package, or beside it in a checkout."""
    inside = Path(__file__).parent / "configs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "configs"


def find_config(name: str | Path) -> Path:
    """A config file by its path or by the bare name of a shipped study.

    Raises:
        InputError: neither; says which studies are shipped.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = shipped_configs() / (path.name if path.suffix else f"{path.name}.yaml")
    if shipped.is_file() and len(path.parts) <= 2:
        return shipped
    known = sorted(file.stem for file in shipped_configs().glob("*.yaml"))
    raise InputError(f"{name} is no config file. {did_you_mean(path.stem, known)}")


def load_config(name: str | Path, overrides: list[str] | None = None) -> StudyConfig:
    """Reads a study config; the cohort's path becomes absolute.

    Args:
        name: path, or the bare name of a shipped study.
        overrides: `key.path=value`, the value in YAML (`train.epochs=2`).

    Raises:
        InputError: with every problem of the file and of the overrides.
    """
    path = find_config(name)
    content = read_settings(path)
    for override in overrides or []:
        _set(content, override)
    try:
        config = StudyConfig.model_validate(content)
    except ValidationError as error:
        raise as_input_error(error, str(path), StudyConfig) from None
    cohort = Path(config.cohort)
    if not cohort.is_absolute():
        cohort = (path.parent / cohort).resolve()
    return config.model_copy(update={"cohort": str(cohort)})


def _set(content: dict[str, Any], override: str) -> None:
    """Puts the value of `key.path=value` where it belongs."""
    dotted, equals, text = override.partition("=")
    if not equals or not dotted:
        raise InputError(f"'{override}' is no setting. Write key.path=value, as train.epochs=2.")
    *parents, last = dotted.split(".")
    here = content
    for key in parents:
        here = here.setdefault(key, {})
        if not isinstance(here, dict):
            raise InputError(f"{override}: '{key}' holds no settings of its own.")
    try:
        here[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"'{override}': the value is not valid YAML.") from None
