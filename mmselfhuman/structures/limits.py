"""How large the images may be that strangers' files hold or describe."""

import numpy as np

MAX_PIXELS = 2**27
"""134 megapixels, which decode to 400 MB. A file of some kilobytes can announce any number."""

MAX_SIDE = 2**16 - 1
"""JPEG's limit. Polygons are drawn along the sides, pixel by pixel."""


def is_image_size(height: object, width: object) -> bool:
    """Whether two values from a file can be the height and width of an image, in pixels."""
    sides = (height, width)
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) for side in sides)
    return whole and all(0 < side <= MAX_SIDE for side in sides) and int(height) * int(width) <= MAX_PIXELS
