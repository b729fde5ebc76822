"""Long-range propagation, equations (6)-(9) of the paper: a prediction travels from an easy frame to a hard one.

Convention: flow as in :mod:`mmselfhuman.models.flow.ops`. A *step* is the refined flow between neighbouring frames.
"""

from collections.abc import Iterable, Iterator

from torch import Tensor

from mmselfhuman.models.flow.ops import compose, warp


def integrate(steps: Iterable[Tensor]) -> Iterator[Tensor]:
    """The displacement from a frame A to the frames after it, equations (7) and (8): the integral of the steps.

    ``u(p) = u_1(p) + u_2(p + u_1(p)) + ...``: each step is sampled where the one before arrived.

    Args:
        steps: ``(N, 2, H, W)`` each, A to A + 1, A + 1 to A + 2, ...

    Yields:
        ``(N, 2, H, W)``, A to A + 1, A to A + 2, ...; with each, equation (6) holds for the masks:
        ``I_A(p) = I_B(p + u(p))``.
    """
    displacement = None
    for step in steps:
        displacement = step if displacement is None else compose(displacement, step)
        yield displacement


def propagate(logits: Tensor, steps_back: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Carry the prediction of frame A to frame B and every frame between, equation (9).

    Each frame on the way looks up its pixels in A along the steps that lead back there. The lookup is one, however long
    the way, so that a mask does not blur from frame to frame.

    Args:
        logits: ``(N, K, H, W)``, of A.
        steps_back: ``(N, 2, H, W)`` each, A + 1 to A, A + 2 to A + 1, ..., up to B. For a B before A: A - 1 to A, A - 2
            to A - 1, ...

    Yields:
        The logits ``(N, K, H, W)`` as seen from each frame, and the displacement ``(N, 2, H, W)`` from that frame to A,
        from which :func:`~mmselfhuman.models.flow.inside` tells the pixels that A shows.
    """
    displacement = None
    for step in steps_back:
        displacement = step if displacement is None else compose(step, displacement)
        yield warp(logits, displacement), displacement
