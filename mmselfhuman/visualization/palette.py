"""Colours that tell persons, and the sides of a body, apart."""

import colorsys
from collections.abc import Sequence

Colour = tuple[int, int, int]

LEFT: Colour = (80, 160, 255)
"""BGR of a person's left side (orange)."""

RIGHT: Colour = (255, 160, 40)
"""BGR of a person's right side (blue)."""

MIDDLE: Colour = (120, 220, 120)
"""BGR of what joins both sides, and of the nose (green)."""

_GOLDEN_RATIO = 0.618033988749895


def person_colour(number: int) -> Colour:
    """BGR colour of a person, the same wherever the number is the same; neighbouring numbers differ clearly in hue."""
    hue = (0.02 + number * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75 if number % 2 else 0.95, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def person_colours(count: int, ids: Sequence[int] | None = None) -> list[Colour]:
    """Colours of ``count`` persons: by their track ``ids`` where given, else by position.

    Raises:
        ValueError: There are not as many ids as persons.
    """
    if ids is None:
        return [person_colour(number) for number in range(count)]
    if len(ids) != count:
        raise ValueError(f"{len(ids)} ids were given for {count} persons")
    return [person_colour(int(number)) for number in ids]
