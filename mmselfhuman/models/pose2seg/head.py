"""From a frame and its poses to a mask's logits for each person."""

import torch
from mmengine.model import BaseModule
from mmseg.structures import SegDataSample
from torch import Tensor

from mmselfhuman.models.pose2seg.crops import crop_skeleton_maps, cut, person_regions
from mmselfhuman.registry import MODELS


@MODELS.register_module()
class Pose2SegHead(BaseModule):
    """Runs a :class:`~mmselfhuman.models.pose2seg.segmentor.Pose2Seg` network on every person of a frame.

    Its logits go to :class:`~mmselfhuman.models.pose2seg.fusion.PersonFusion` by way of ``paste_windows``.

    Args:
        segmentor: Config of the network, with its ``data_preprocessor``, or the network. Its checkpoints load into
            :attr:`segmentor`.
        size: ``(height, width)`` of the crops, in pixels, as the network was trained on.
        context: See :func:`~mmselfhuman.models.pose2seg.crops.person_regions`.
        min_side: See the same.
        whole: See the same.
        fill: See :func:`~mmselfhuman.models.pose2seg.crops.person_crops`.
        joint_sigma: Of the skeleton maps, in pixels of the crop.
        limb_sigma: Of the skeleton maps, in pixels of the crop.
        stride: Of the skeleton maps, see :func:`~mmselfhuman.models.pose2seg.crops.crop_skeleton_maps`.
        batch_size: How many persons go through the network at a time, which bounds memory.
        init_cfg: See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        segmentor: dict | torch.nn.Module,
        size: tuple[int, int] = (96, 96),
        context: float = 1.4,
        min_side: float = 32.0,
        whole: bool = False,
        fill: float = 127.5,
        joint_sigma: float = 3.0,
        limb_sigma: float = 2.0,
        stride: int = 1,
        batch_size: int = 32,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.segmentor = MODELS.build(segmentor) if isinstance(segmentor, dict) else segmentor
        self.size = tuple(size)
        self.context, self.min_side, self.whole, self.fill = context, min_side, whole, fill
        self.drawing = {"joint_sigma": joint_sigma, "limb_sigma": limb_sigma, "stride": stride}
        self.batch_size = batch_size

    def forward(
        self, image: Tensor, poses: Tensor, visibility: Tensor | None = None, boxes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits of all persons of a frame.

        Args:
            image: ``(3, H, W)``, in the channel order and units that the network's data preprocessor expects: BGR, 0 to
                255.
            poses: ``(n, 17, 3)`` of ``(x, y, score)`` in pixels; joints with score 0 are not there.
            visibility: ``(n, 17)``, COCO's 0, 1, 2; ``None``: all joints are visible.
            boxes: ``(n, 4)`` ``(x, y, w, h)`` in pixels, around which to look instead of around the joints.

        Returns:
            ``(n, K, h, w)`` logits before softmax of the crops, and ``(n, 4)`` ``(x, y, w, h)``, the regions of the
            frame that they cover.
        """
        aspect = self.size[1] / self.size[0]
        regions = person_regions(poses, image.shape[-2:], boxes, self.context, aspect, self.min_side, self.whole)
        logits = [regions.new_zeros((0, self.segmentor.out_channels, *self.size))]
        for start in range(0, len(poses), self.batch_size):
            persons = torch.arange(start, min(start + self.batch_size, len(poses)), device=poses.device)
            pictures = cut(image, regions[persons], self.size, self.fill)
            maps = crop_skeleton_maps(poses, regions[persons], self.size, persons, visibility, **self.drawing)
            logits.append(self._predict(torch.cat([pictures, maps], dim=1)))
        return torch.cat(logits), regions

    def _predict(self, inputs: Tensor) -> Tensor:
        samples = [SegDataSample(metainfo={"img_shape": self.size, "ori_shape": self.size}) for _ in inputs]
        data = self.segmentor.data_preprocessor({"inputs": list(inputs), "data_samples": samples})
        padded = tuple(data["inputs"].shape[-2:])
        metainfo = [{"img_shape": padded, "pad_shape": padded, "ori_shape": self.size} for _ in inputs]
        return self.segmentor.inference(data["inputs"], metainfo)[..., : self.size[0], : self.size[1]]
