r"""How far a flow vector can be trusted, from the images and the flow alone.

Ours; the paper adds all activations alike. The labels must have no say here: a sum over neighbours that agree already
has the same argmax as before, so gating by label agreement makes the fusion a no-op. Labels say where flow is searched
again (:mod:`~mmselfhuman.models.tpr.flow_refinement`), never who is heard.
"""

from dataclasses import dataclass

from torch import Tensor

from mmselfhuman.models.flow.ops import consistency_error, inside, photometric_error

_SAMPLING = 4  # medians are taken over every fourth pixel of every fourth row


@dataclass(frozen=True)
class FlowTrust:
    r"""Weights of flow vectors by photometric and forward-backward error.

    With the photometric error e (mean absolute difference of the colours that a vector links) and the consistency error
    c (how far from its start one ends that goes forward and back),

    .. math::
        w = \exp(-(e / \sigma_e)^2 - (c / \sigma_c)^2), \qquad
        \sigma_e = e_0 + e_1 \min(\tilde e, e_2), \quad \sigma_c = c_0 + c_1 \min(\tilde c, c_2)

    where :math:`\tilde e` and :math:`\tilde c` are the medians over the image. The scales adapt to the pair: between a
    blurred and a sharp frame all errors are large and the least of them still tell the better vectors. Vectors that end
    outside have weight 0; so have all vectors of a pair whose median photometric error exceeds ``cut``, which shows two
    scenes.

    Attributes:
        photometric: ``(e_0, e_1, e_2)``; the first and last in the images' units, meant for [0, 255].
        consistency: ``(c_0, c_1, c_2)``; the first and last in pixels of the flow.
        cut: In the images' units.
    """

    photometric: tuple[float, float, float] = (6.0, 2.0, 8.0)
    consistency: tuple[float, float, float] = (3.0, 6.0, 4.0)
    cut: float = 24.0

    def __call__(self, src: Tensor, dst: Tensor, flow: Tensor, backward: Tensor) -> Tensor:
        """Weigh the vectors of pairs of frames.

        Args:
            src, dst: ``(N, C, H, W)`` images in [0, 255] of the flow's dtype, best smoothed a little: the error of a
                sharp edge says more about half a pixel than about the vector.
            flow: ``(N, 2, H, W)``, ``src`` to ``dst``.
            backward: ``(N, 2, H, W)``, ``dst`` to ``src``.

        Returns:
            ``(N, 1, H, W)`` in [0, 1].
        """
        colour, detour = photometric_error(src, dst, flow), consistency_error(flow, backward)
        medians = _medians(colour)
        weight = -(colour / _scale(medians, self.photometric)).square_()
        weight -= detour.div_(_scale(_medians(detour), self.consistency)).square_()
        # Below, the exponential gets so small that it would slow all later arithmetic down.
        return weight.clamp_(min=-30).exp_() * (inside(flow) & (medians <= self.cut))


def _scale(medians: Tensor, coefficients: tuple[float, float, float]) -> Tensor:
    base, slope, cap = coefficients
    return base + slope * medians.clamp(max=cap)


def _medians(errors: Tensor) -> Tensor:
    return errors[..., ::_SAMPLING, ::_SAMPLING].flatten(1).median(1).values.view(-1, 1, 1, 1)
