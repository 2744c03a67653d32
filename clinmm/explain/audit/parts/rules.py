"""What an explanation has to show: a bound for each test, with its source.

With the estimate and its interval on the good side of the bound a test is passed; with the estimate
alone there it is weak; otherwise it fails. Too few patients for an interval: weak at best.
"""

from typing import Self

from pydantic import BaseModel, model_validator


class Rule(BaseModel, frozen=True, extra="forbid"):
    """above or below: the bound, exactly one of them. needed: whether a failure withholds the
    explanation, or is told only."""

    above: float | None = None
    below: float | None = None
    needed: bool = True

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError("a rule needs exactly one of above and below")
        return self

    @property
    def bound(self) -> float:
        """The number that the test is held against."""
        return self.above if self.above is not None else float(self.below or 0.0)


DEFAULT_RULES: dict[str, Rule] = {
    # Sundararajan, Taly, Yan, ICML 2017, section 5: within 5 % of the change, here 10 %.
    "completeness_error": Rule(below=0.1),
    # Arun et al., Radiology: AI 2021: a similarity of .5 divides the same from another map.
    "stability": Rule(above=0.5),
    "weight_randomisation": Rule(below=0.5),
    "weight_randomisation_unsigned": Rule(below=0.5),
    # Petsiuk, Das, Saenko, BMVC 2018, against a random map as smooth as the method's.
    "deletion": Rule(above=0.0),
    # A blob in one piece can pass deletion alone: patches that are taken away disturb.
    "insertion": Rule(above=0.0),
    # DeYoung et al., ACL 2020, against a random attribution.
    "comprehensiveness": Rule(above=0.0),
    "sufficiency": Rule(above=0.0, needed=False),
    # Adebayo et al., NeurIPS 2018, as a contrast: nearer to the same labels than to permuted ones.
    # On five phantoms, three pairs: integrated gradients of trained nets pass 18 times in 20, those
    # of nets on random weights or permuted labels never (40).
    "label_randomisation": Rule(above=0.1),
    "label_randomisation_over_unrelated": Rule(above=0.1),
    # Arun et al., Radiology: AI 2021, against what knows nothing. An area under the curve is about
    # the share of the image that the finding takes, .003 to .12 on the demo, so the bound is low.
    "localisation_over_chance": Rule(above=0.01),
    "localisation_over_random_weights": Rule(above=0.01),
    "localisation_over_permuted_labels": Rule(above=0.01),
    # Zech et al., PLoS Medicine 2018. On the demo a planted letter draws .14 of the map beyond its
    # corner's share of the image, a finding that reaches into a corner at most .05.
    "shortcut_mass_outside_body": Rule(below=0.1),
    "shortcut_mass_border": Rule(below=0.1, needed=False),
    "shortcut_mass_marks": Rule(below=0.1),
    "shortcut_mass_upper_left": Rule(below=0.1),
    "shortcut_mass_upper_right": Rule(below=0.1),
    "shortcut_mass_lower_left": Rule(below=0.1),
    "shortcut_mass_lower_right": Rule(below=0.1),
    # Ours: without a planted letter no corner of the phantom reaches .30, with one its corner has
    # .42 and more. Told, not needed: a faithful map of such a model is what shows the shortcut.
    "shortcut_effect_marks": Rule(below=0.35, needed=False),
    "shortcut_effect_upper_left": Rule(below=0.35, needed=False),
    "shortcut_effect_upper_right": Rule(below=0.35, needed=False),
    "shortcut_effect_lower_left": Rule(below=0.35, needed=False),
    "shortcut_effect_lower_right": Rule(below=0.35, needed=False),
    "baseline_agreement": Rule(above=0.5, needed=False),
}
"""Test -> rule. A test without one is told and decides nothing."""
