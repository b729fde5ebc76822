"""The Pose Module's head and loss: mmpose's Associative Embedding made trainable."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.registry import DefaultScope
from mmpose.models.heads import AssociativeEmbeddingHead as UntrainableAssociativeEmbeddingHead
from torch import Tensor, nn

from mmselfhuman.models.pose.associative_embedding import pull_and_push
from mmselfhuman.registry import MODELS


@MODELS.register_module()
class PullPushLoss(nn.Module):
    """Pull and push of :func:`~mmselfhuman.models.pose.associative_embedding.pull_and_push`, weighted.

    mmpose's ``AssociativeEmbeddingLoss`` adds up the images of a batch, so that its weight depends on the batch size,
    and visits one joint at a time.

    Args:
        loss_weight: Of both terms, against the heatmaps' mean squared error.
        push_loss_factor: Further weight of the push term.
    """

    def __init__(self, loss_weight: float = 1e-3, push_loss_factor: float = 0.5) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.push_loss_factor = push_loss_factor

    def forward(self, tags: Tensor, keypoint_indices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The weighted pull and push; arguments as in ``pull_and_push``."""
        # exp(-x^2) of half-precision tags is flat where it matters.
        pull, push = pull_and_push(tags.float(), keypoint_indices)
        return self.loss_weight * pull, self.loss_weight * self.push_loss_factor * push


@MODELS.register_module()
class AssociativeEmbeddingHead(UntrainableAssociativeEmbeddingHead):
    """mmpose's head with a loss for images of any number of persons, none included.

    Its parameters have the names and shapes of mmpose's, so that checkpoints of either load into the other.

    Args:
        in_channels: Channels of the last feature map.
        num_keypoints: K.
        keypoint_loss: Heatmap loss, called with predicted and true heatmaps ``(B, K, H, W)`` and the mask of the pixels
            that count, of the same shape.
        tag_loss: Loss of tags, see :class:`PullPushLoss`.
        tag_span: The network's tags are added to the position in the image, which rises by ``tag_span`` from one border
            to the other: x in the tag's first number, y in its second, and so on by turns. Without it (0, as published)
            all tags begin alike and push has no gradient there, which takes a large network many epochs to get out of;
            with it the network only learns where the person of a joint is, and to part those that are in one place.
            With ``flip_test`` a joint has twice as many tags, which are then scaled so that persons are as far apart,
            and the decoder's ``decode_tag_thr`` means the same, as without.
        **kwargs: Of mmpose's head: ``tag_dim``, ``tag_per_keypoint``, ``deconv_out_channels``, ``decoder``, ...
    """

    def __init__(
        self,
        in_channels: int | Sequence[int],
        num_keypoints: int,
        keypoint_loss: dict | None = None,
        tag_loss: dict | None = None,
        tag_span: float = 0.0,
        **kwargs: Any,
    ) -> None:
        # mmpose builds losses of its own here, and names them without its scope.
        with DefaultScope.overwrite_default_scope("mmpose"):
            super().__init__(in_channels, num_keypoints, **kwargs)
        self.loss_module = nn.ModuleDict(
            {
                "keypoint_loss": MODELS.build(keypoint_loss or {"type": "mmpose.KeypointMSELoss"}),
                "tag_loss": MODELS.build(tag_loss or {"type": "mmselfhuman.PullPushLoss"}),
            }
        )
        self.tag_span = tag_span

    def forward(self, feats: tuple[Tensor]) -> tuple[Tensor, Tensor]:
        """Heatmaps ``(B, K, h, w)`` and tags ``(B, L * K, h, w)``, channel ``l * K + k`` for number l of joint k."""
        # In memory order, which mmpose's `flip_test` needs.
        heatmaps, tags = (maps.contiguous() for maps in super().forward(feats))
        if not self.tag_span:
            return heatmaps, tags
        height, width = tags.shape[-2:]
        x = torch.linspace(0, self.tag_span, width, device=tags.device).expand(height, width)
        y = torch.linspace(0, self.tag_span, height, device=tags.device)[:, None].expand(height, width)
        number = torch.arange(tags.shape[1], device=tags.device) // (tags.shape[1] // self.tag_dim)
        return heatmaps, tags + torch.stack([x, y])[number % 2]

    def predict(self, feats: Sequence, batch_data_samples: list, test_cfg: dict | None = None) -> Any:
        """Persons of a batch, as mmpose's head finds them, whether the backbone gives its maps as a list or a tuple.

        Args:
            feats: Feature maps of the backbone; with ``flip_test``, of the images and of the flipped images; with
                ``multiscale_test``, these for each scale.
            batch_data_samples: B mmpose samples.
            test_cfg: mmpose's ``flip_test``, ``multiscale_test``, ``output_heatmaps``, ...
        """
        config = test_cfg or {}
        if not config.get("multiscale_test", False):
            feats = [tuple(maps) for maps in feats] if config.get("flip_test", False) else list(feats)
        return super().predict(feats, batch_data_samples, config)

    def decode(self, batch_outputs: tuple[Tensor, Tensor]) -> list:
        """Persons of heatmaps ``(B, K, h, w)`` and tags ``(B, L * K, h, w)``, of flipped images too ``2 * L * K``."""
        heatmaps, tags = (maps.float() for maps in batch_outputs)  # NumPy, which decodes, has no bfloat16
        if self.tag_span:
            own = self.tag_dim * (self.num_keypoints if self.tag_per_keypoint else 1)
            tags = tags * (own / tags.shape[1]) ** 0.5
        return super().decode((heatmaps, tags))

    def loss(self, feats: tuple[Tensor], batch_data_samples: list, train_cfg: dict | None = None) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            feats: Feature maps of the backbone.
            batch_data_samples: B mmpose samples with ``gt_fields`` ``heatmaps (K, H, W)`` and
                ``heatmap_mask (1, H, W)`` or ``(K, H, W)``, and ``gt_instance_labels.keypoint_indices (N_b, K, 2)``.
            train_cfg: Not used.

        Returns:
            ``loss_kpt``, ``loss_pull`` and ``loss_push``.
        """
        heatmaps, tags = self.forward(feats)
        if not self.tag_per_keypoint:
            tags = tags.repeat_interleave(self.num_keypoints, dim=1)
        fields = [sample.gt_fields for sample in batch_data_samples]
        true_heatmaps = torch.stack([field.heatmaps for field in fields])
        # A mask of all joints, or one of each.
        masks = torch.stack([field.heatmap_mask.expand_as(field.heatmaps) for field in fields])
        indices = [sample.gt_instance_labels.keypoint_indices for sample in batch_data_samples]
        pull, push = self.loss_module["tag_loss"](tags, indices)
        # No weight per joint: a joint that one person lacks, another one may have, and the heatmap is shared.
        heatmap_loss = self.loss_module["keypoint_loss"](heatmaps, true_heatmaps, mask=masks)
        return {"loss_kpt": heatmap_loss, "loss_pull": pull, "loss_push": push}
