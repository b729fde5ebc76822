"""The loss that teaches tags to tell persons apart (Associative Embedding, https://arxiv.org/abs/1611.05424, eq. 2)."""

from collections.abc import Sequence

import torch
from torch import Tensor


def pull_and_push(tags: Tensor, joint_indices: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    r"""How far the tags of one person differ, and how alike those of two persons are.

    Symbols: B images, N_b persons in image b, K joints, L numbers in a tag, heatmaps of H x W.

    .. math::
        pull_b = \frac{1}{N_b} \sum_n \frac{1}{L |V_n|} \sum_{k \in V_n} |t_{nk} - \bar t_n|^2, \qquad
        push_b = \frac{1}{N_b (N_b - 1)} \sum_{n \neq m} \sum_l e^{-(\bar t_{nl} - \bar t_{ml})^2}

    with :math:`V_n` the joints of person n that are labelled inside the image, :math:`t_{nk}` the tag at joint k, and
    :math:`\bar t_n` the person's mean tag. Persons without such a joint do not count. Both are 0 for an image without
    persons, and push also for an image with one.

    Args:
        tags: ``(B, L * K, H, W)``, channel ``l * K + k`` holding number l of joint k's tag (the layout of mmpose).
        joint_indices: B tensors ``(N_b, K, 2)`` of integers ``[y * W + x, labelled]``: each joint's heatmap pixel, and
            whether it is labelled inside the image (the ``keypoint_indices`` of mmpose's codec).

    Returns:
        ``pull`` and ``push``, each the mean over the B images, a scalar.

    Raises:
        ValueError: The number of images or joints of the two arguments differ.
    """
    images, channels, height, width = tags.shape
    joints = joint_indices[0].shape[1] if joint_indices else 0
    if len(joint_indices) != images or not joints or channels % joints:
        raise ValueError(
            f"tags are {tuple(tags.shape)}, expected (B, L * K, H, W) with B, K of joint_indices: "
            f"{[tuple(indices.shape) for indices in joint_indices]}"
        )
    image_of = torch.cat([torch.full((len(indices),), b) for b, indices in enumerate(joint_indices)]).to(tags.device)
    places, labelled = torch.cat(list(joint_indices)).to(tags.device).unbind(dim=-1)
    labelled = labelled > 0

    by_joint = tags.view(images, -1, joints, height * width)
    # An unlabelled joint may have any index, even one outside the image.
    places = places.where(labelled, 0)
    joint_tags = by_joint[image_of[:, None], :, torch.arange(joints, device=tags.device), places]  # (sum N_b, K, L)
    weight = labelled / labelled.sum(dim=1, keepdim=True).clamp(min=1)
    person_tags = (joint_tags * weight[..., None]).sum(dim=1)  # (sum N_b, L)
    scatter = ((joint_tags - person_tags[:, None]).square().mean(dim=-1) * weight).sum(dim=1)

    counted = labelled.any(dim=1)
    persons = torch.zeros(images, device=tags.device).index_add(0, image_of, counted.float())[image_of]
    pull = (scatter * counted / persons.clamp(min=1)).sum() / images

    likeness = (person_tags[:, None] - person_tags).square().neg().exp().sum(dim=-1)
    rivals = (image_of[:, None] == image_of) & counted[:, None] & counted
    rivals = rivals & ~torch.eye(len(image_of), dtype=torch.bool, device=tags.device)
    push = (likeness * rivals / (persons * (persons - 1)).clamp(min=1)[:, None]).sum() / images
    return pull, push
