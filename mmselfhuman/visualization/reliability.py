"""How far a prediction, or a flow vector, is trusted, as an image."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmselfhuman.visualization.palette import Colour

UNRELIABLE: Colour = (255, 0, 255)
"""BGR of a vector that links different labels and was left as it was (magenta)."""

RENEWED: Colour = (0, 255, 0)
"""BGR of such a vector for which the search found another one (green)."""

_GLOW = 0.75  # opacity of the colours where nothing is trusted, so that the picture can still be made out
_ARROW_SPACING = 30  # at least so many pixels between drawn vectors, at 480 rows


def reliability_to_colour(reliability: np.ndarray) -> np.ndarray:
    """Colour-code a map of reliability or trust.

    What is trusted is dark, what is not glows: 1 is black, 0 bright yellow, over violet and orange.

    Args:
        reliability: ``(H, W)`` in [0, 1]; values outside count as the nearer end.

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        ValueError: The shape is another.
    """
    reliability = np.asarray(reliability, dtype=np.float32)
    if reliability.ndim != 2:
        raise ValueError(f"expected reliability of shape (H, W), got {reliability.shape}")
    doubt = np.rint(255 * (1 - np.clip(reliability, 0, 1))).astype(np.uint8)
    return cv2.applyColorMap(doubt, cv2.COLORMAP_INFERNO)


def draw_reliability(image: np.ndarray, reliability: np.ndarray) -> np.ndarray:
    """Let a frame glow where its prediction is not trusted; what is trusted stays a dim grey picture.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        reliability: ``(h, w)`` in [0, 1] at any size; brought to the image's bilinearly.

    Returns:
        ``(H, W, 3)`` uint8, BGR.
    """
    canvas = dimmed(image)
    reliability = np.clip(np.asarray(reliability, dtype=np.float32), 0, 1)
    reliability = cv2.resize(reliability, canvas.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    glow = reliability_to_colour(reliability)
    share = _GLOW * (1 - reliability)[..., None]
    return np.rint(canvas * (1 - share) + glow * share).astype(np.uint8)


def draw_unreliable_vectors(
    image: np.ndarray,
    flow: np.ndarray,
    unreliable: np.ndarray,
    renewed: np.ndarray | None = None,
) -> np.ndarray:
    """Show which flow vectors contradict the masks, and where some of them point.

    Their pixels are tinted over a dim grey picture: magenta where the vector was left as it was, green where the search
    replaced it. A few have arrows.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        flow: ``(2, H, W)`` in pixels, (x, y), as it was before the search.
        unreliable: ``(H, W)`` bool.
        renewed: ``(2, H, W)`` flow after the search; nothing was searched if ``None``.

    Returns:
        ``(H, W, 3)`` uint8, BGR.

    Raises:
        ValueError: Shapes do not fit together.
    """
    canvas = dimmed(image)
    size = canvas.shape[:2]
    unreliable = np.asarray(unreliable, dtype=bool)
    fields: Sequence[np.ndarray] = (flow,) if renewed is None else (flow, renewed)
    if unreliable.shape != size or any(np.shape(field) != (2, *size) for field in fields):
        raise ValueError(
            f"expected unreliable of shape {size} and flow of shape {(2, *size)}, got {unreliable.shape} and "
            f"{', '.join(str(np.shape(field)) for field in fields)}"
        )
    replaced = np.zeros(size, bool) if renewed is None else unreliable & (np.asarray(flow) != renewed).any(axis=0)
    canvas[unreliable] = UNRELIABLE
    canvas[replaced] = RENEWED
    shown = flow if renewed is None else renewed
    thickness = max(1, round(min(size) / 240))
    for y, x in _spread(unreliable, max(8, round(_ARROW_SPACING * min(size) / 480))):
        end = np.clip([x, y] + np.asarray(shown)[:, y, x], -(2**14), 2**14)
        end = tuple(int(c) for c in np.rint(end))
        cv2.arrowedLine(canvas, (x, y), end, (255, 255, 255), thickness, cv2.LINE_AA, tipLength=0.25)
    return canvas


def dimmed(image: np.ndarray) -> np.ndarray:
    """A grey picture at half the brightness, on which colours stand out; ``(H, W, 3)`` uint8."""
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2GRAY)
    return cv2.cvtColor(grey // 2, cv2.COLOR_GRAY2BGR)


def _spread(mask: np.ndarray, spacing: int) -> list[tuple[int, int]]:
    """Places (y, x) in a mask, the first in each cell of a grid with that spacing."""
    y, x = np.nonzero(mask)
    _, first = np.unique(y // spacing * mask.shape[1] + x // spacing, return_index=True)
    return [(int(y[i]), int(x[i])) for i in first]
