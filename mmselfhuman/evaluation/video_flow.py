"""How far an optical flow is off."""

import numpy as np


def end_point_errors(flow: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Distance between where each vector points and where it should.

    Args:
        flow: ``(..., 2, H, W)`` in pixels, (x, y).
        truth: Likewise. Not finite where unknown.

    Returns:
        ``(..., H, W)`` in pixels; NaN where the truth is unknown, infinite where only ``flow`` is not finite.

    Raises:
        ValueError: The shapes differ or are others.
    """
    flow, truth = np.asarray(flow, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if flow.ndim < 3 or flow.shape[-3] != 2 or flow.shape != truth.shape:
        raise ValueError(f"expected two flows of one shape (..., 2, H, W), got {flow.shape} and {truth.shape}")
    known, found = (np.isfinite(field).all(axis=-3) for field in (truth, flow))
    with np.errstate(invalid="ignore"):  # infinity minus infinity, where both are unknown
        x, y = np.moveaxis(flow - truth, -3, 0)
    return np.where(known, np.where(found, np.hypot(x, y), np.inf), np.nan)


def mean_end_point_error(
    flow: np.ndarray,
    truth: np.ndarray,
    unreliable: np.ndarray | None = None,
    occluded: np.ndarray | None = None,
) -> dict[str, float]:
    """Mean end-point error over all pixels, and over the hard ones.

    Args:
        flow: ``(..., 2, H, W)`` in pixels, (x, y).
        truth: Likewise. Pixels where it is not finite count nowhere.
        unreliable: ``(..., H, W)``, true for vectors that are inconsistent with the masks (they link different labels).
        occluded: ``(..., H, W)``, true for pixels that are hidden in the destination frame.

    Returns:
        ``'all'``, and ``'unreliable'`` and ``'occluded'`` where these are given, in pixels; NaN for a kind of pixel
        that does not occur.

    Raises:
        ValueError: Shapes do not fit together.
    """
    errors = end_point_errors(flow, truth)
    result = {"all": _mean(errors)}
    for name, chosen in (("unreliable", unreliable), ("occluded", occluded)):
        if chosen is None:
            continue
        chosen = np.asarray(chosen) != 0
        if chosen.shape != errors.shape:
            raise ValueError(f"expected {name} of shape {errors.shape} for this flow, got {chosen.shape}")
        result[name] = _mean(errors[chosen])
    return result


def _mean(errors: np.ndarray) -> float:
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if known.size else float("nan")
