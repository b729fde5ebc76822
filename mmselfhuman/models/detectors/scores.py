r"""How good a person's mask is expected to be.

Average precision ranks masks by score, so the score should rise with the IoU that the mask will have. Two things are
known without ground truth: how sure the Pose Module was of the person, and how sure the fusion was of the mask's pixels
(the mean probability over the mask). They are joined in log-odds,

.. math:: s = \sigma(b + w_p \operatorname{logit}(p) + w_m \operatorname{logit}(m)),

which with :math:`b = 0, w_p = w_m = 1` multiplies the odds of two independent witnesses. On labelled data the three
numbers are fitted, so that s is the expected IoU. The paper does not say how it scores masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment
from torch import Tensor

_MARGIN = 1e-4  # how close to 0 and 1 a score is believed
_LEAST_STEP = 1e-3
_STEPS = 50


@dataclass(frozen=True)
class MaskScore:
    """Score of a mask from those of its pose and its pixels.

    Attributes:
        bias, pose, mask: b, w_p and w_m of the formula above.
    """

    bias: float = 0.0
    pose: float = 1.0
    mask: float = 1.0

    def __call__(self, pose_scores: Tensor, mask_scores: Tensor) -> Tensor:
        """``(n,)`` float32 in (0, 1), of two ``(n,)`` in [0, 1]."""
        p, m = (values.float().clamp(_MARGIN, 1 - _MARGIN).logit() for values in (pose_scores, mask_scores))
        return torch.sigmoid(self.bias + self.pose * p + self.mask * m)


def fit_mask_score(
    pose_scores: np.ndarray, mask_scores: np.ndarray, ious: np.ndarray, ridge: float = 1e-2
) -> MaskScore:
    """Fit the score to what masks turned out to be worth: logistic regression with the IoU as the soft label.

    Args:
        pose_scores: ``(n,)`` in [0, 1].
        mask_scores: ``(n,)`` in [0, 1].
        ious: ``(n,)`` in [0, 1]; see :func:`matched_ious`.
        ridge: Draws both weights to 1, as strongly as ``ridge * n`` persons would. It decides where data do not, e.g.
            between poses that all have score 1.

    Raises:
        ValueError: There is nobody, or the arrays differ in length.
    """
    if not len(pose_scores) == len(mask_scores) == len(ious) or not len(ious):
        raise ValueError(
            f"expected as many scores as IoUs, and at least one, got {len(pose_scores)} pose scores, "
            f"{len(mask_scores)} mask scores and {len(ious)} IoUs"
        )
    features = np.stack([np.ones(len(ious)), _logit(pose_scores), _logit(mask_scores)], axis=1)
    prior = np.array([0.0, 1.0, 1.0])
    strength = ridge * len(ious) * np.array([1e-3, 1.0, 1.0])

    def loss(weights: np.ndarray) -> float:
        activations = features @ weights
        fit = (np.logaddexp(0, activations) - ious * activations).sum()
        return float(fit + (strength * (weights - prior) ** 2).sum() / 2)

    weights = prior.copy()
    for _ in range(_STEPS):  # Newton's method; the loss is convex
        predicted = 1 / (1 + np.exp(-features @ weights))
        gradient = features.T @ (predicted - ious) + strength * (weights - prior)
        curvature = (features * (predicted * (1 - predicted))[:, None]).T @ features + np.diag(strength)
        step = np.linalg.solve(curvature, gradient)
        # Far from the optimum a whole step may overshoot where the sigmoid is flat, and come back for ever.
        here, length = loss(weights), 1.0
        while length > _LEAST_STEP and loss(weights - length * step) > here - length * float(gradient @ step) / 4:
            length /= 2
        weights -= length * step
        if np.abs(step).max() < 1e-8:
            break
    return MaskScore(*map(float, weights))


def matched_ious(masks: Sequence[dict], truth: Sequence[dict]) -> np.ndarray:
    """What each predicted mask of an image is worth: its IoU with the person that it is assigned to.

    Predictions and persons are assigned one to one with the largest total IoU; who is left over is worth 0.

    Args:
        masks: n compressed RLEs.
        truth: m compressed RLEs of the same image.

    Returns:
        ``(n,)`` float64 in [0, 1].
    """
    ious = np.zeros(len(masks))
    if len(masks) and len(truth):
        overlap = np.asarray(coco_mask.iou(list(masks), list(truth), [0] * len(truth)))
        rows, columns = linear_sum_assignment(-overlap)
        ious[rows] = overlap[rows, columns]
    return ious


def _logit(values: np.ndarray) -> np.ndarray:
    clipped = np.clip(np.asarray(values, dtype=np.float64), _MARGIN, 1 - _MARGIN)
    return np.log(clipped / (1 - clipped))
