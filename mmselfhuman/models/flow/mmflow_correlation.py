"""The correlation of MMFlow's networks, on any device."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Correlation(nn.Module):
    r"""Products of a feature map with shifted copies of another one, in plain PyTorch.

    Of the same definition, arguments and attributes as ``mmcv.ops.Correlation``, which has no kernel for CPUs:

    .. math::
        c(d_y, d_x, p) = \sum_{k} \sum_{channels} a(s p + l k) \, b(s p + l k + m d)

    with the shifts :math:`d` in ``[-max_displacement, max_displacement]``, the taps :math:`k` of the kernel, the stride
    :math:`s`, the dilation :math:`l` and the dilation of the patch :math:`m`. Both maps are 0 outside.

    Args:
        kernel_size: Side of the kernel, in pixels.
        max_displacement: The largest shift, in steps of ``dilation_patch`` pixels.
        stride: Distance of the places at which it is computed, in pixels.
        padding: Rows and columns of zeros around ``a``; the shifts of ``b`` count from the same place.
        dilation: Distance of the kernel's taps, in pixels.
        dilation_patch: Distance of two shifts, in pixels.
    """

    def __init__(
        self,
        kernel_size: int = 1,
        max_displacement: int = 1,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        dilation_patch: int = 1,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.max_displacement = max_displacement
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.dilation_patch = dilation_patch

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Correlate ``(N, C, H, W)`` with ``(N, C, H, W)``.

        Returns:
            ``(N, D, D, h, w)`` with ``D = 2 * max_displacement + 1``; axis 1 is the shift in y, axis 2 in x.
        """
        reach = self.max_displacement * self.dilation_patch
        first = F.pad(first, [self.padding] * 4)
        second = F.pad(second, [self.padding + reach] * 4)
        height, width = first.shape[2:]
        reduce = self._sum_over_kernel if self.kernel_size > 1 else _identity
        step = 1 if self.kernel_size > 1 else self.stride
        first = first[:, :, ::step, ::step]
        shifts = range(0, 2 * reach + 1, self.dilation_patch)
        rows = [
            torch.stack(
                [reduce((first * second[:, :, y : y + height : step, x : x + width : step]).sum(1)) for x in shifts], 1
            )
            for y in shifts
        ]
        return torch.stack(rows, 1)

    def _sum_over_kernel(self, products: Tensor) -> Tensor:
        kernel = products.new_ones(1, 1, self.kernel_size, self.kernel_size)
        return F.conv2d(products[:, None], kernel, stride=self.stride, dilation=self.dilation)[:, 0]


def _identity(products: Tensor) -> Tensor:
    return products
