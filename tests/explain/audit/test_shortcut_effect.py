"""What the answer hangs on, by hand: a model that reads one corner."""

import numpy as np
import pytest
from toy_look import SIDE, Pixels, look_at, record_look, values_of

from clinmm.explain.audit import shortcut_effect
from clinmm.explain.audit.parts.zones import zones_of


def reading(corner: float, middle: float) -> dict[tuple[str, str], float]:
    """Of a model whose logit is `corner` times a bright pixel in the upper right and `middle` times
    the middle of the picture."""
    weights = np.zeros((SIDE, SIDE))
    weights[1, SIDE - 2], weights[SIDE // 2, SIDE // 2] = corner, middle
    picture = np.full((SIDE, SIDE), 0.5)
    picture[1, SIDE - 2] = picture[SIDE // 2, SIDE // 2] = 1.0
    look = look_at({"image": Pixels(weights)}, {"image": picture})
    return values_of(shortcut_effect.measure(look))


def test_painting_over_gives_the_zone_its_own_median() -> None:
    found = reading(corner=4.0, middle=4.0)
    # 4 x 1 + 4 x 1 against nothing is 8; without the letter 4 x .5 is lost.
    assert found["image", "shortcut_effect_upper_right"] == pytest.approx(2.0 / 8.0)
    assert found["image", "shortcut_effect_lower_left"] == 0


def test_the_more_a_corner_decides_the_higher_and_never_above_1() -> None:
    shares = [
        reading(corner, 2.0)["image", "shortcut_effect_upper_right"] for corner in (0, 2, 8, -2.1)
    ]
    assert shares[0] == 0 < shares[1] < shares[2]
    assert shares[3] == 1.0, "corner and middle cancel out: the whole adds next to nothing"


def test_each_zone_that_the_image_has_is_told_and_nothing_of_a_record() -> None:
    found = reading(1.0, 1.0)
    assert {test.removeprefix("shortcut_effect_") for _, test in found} <= set(
        zones_of(np.ones((SIDE, SIDE), np.float32))
    ) | {"marks", "outside_body"}
    assert set(shortcut_effect.TESTS) >= {test for _, test in found}
    assert shortcut_effect.measure(record_look()) == []
