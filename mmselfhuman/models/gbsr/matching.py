"""Equation (4) for a whole clip: every person's graph against its graphs in the neighbouring frames, in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mmselfhuman.models.gbsr.clip import TrackedPoses
from mmselfhuman.models.gbsr.distance import appearance_costs, normalised_confidences, normalised_costs
from mmselfhuman.models.gbsr.graph import Appearance, AppearanceCrops, connections, crop_sides
from mmselfhuman.models.gbsr.solver import GraphMatcher, Matching
from mmselfhuman.structures import NUM_JOINTS


@dataclass(frozen=True, eq=False)
class ClipMatching:
    """The matched graph pairs of a clip.

    Attributes:
        pairs: ``(B, 3)`` int, track, frame and neighbouring frame.
        shares: ``(B, 17, 17)`` float64, visibility scores ``v[m, o]`` as shares of the most that namesakes could have:
            divided by the smaller of the bounds of row ``m`` and column ``m``; in [0, 1] on the diagonal.
        matching: The solver's result.
    """

    pairs: np.ndarray
    shares: np.ndarray
    matching: Matching

    def visibility(self, poses: TrackedPoses) -> np.ndarray:
        """How visible every joint is: the mean over the neighbouring frames of its share matched with its namesake.

        Returns:
            ``(K, T, 17)`` in [0, 1]; 0 for missing joints, 1 where a person has no neighbour to compare with.
        """
        total, count = np.zeros(poses.scores.shape), np.zeros(poses.scores.shape)
        diagonal = np.clip(np.diagonal(self.shares, axis1=1, axis2=2), 0, 1)
        for own, other in ((1, 2), (2, 1)):
            np.add.at(total, (self.pairs[:, 0], self.pairs[:, own]), diagonal)
            np.add.at(
                count, (self.pairs[:, 0], self.pairs[:, own]), poses.present[self.pairs[:, 0], self.pairs[:, other]]
            )
        alone = np.zeros(poses.seen.shape)
        np.add.at(alone, (self.pairs[:, 0], self.pairs[:, 1]), 1)
        np.add.at(alone, (self.pairs[:, 0], self.pairs[:, 2]), 1)
        visibility = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        visibility[alone == 0] = 1
        return np.where(poses.present, visibility, 0.0)


def match_clip(
    poses: TrackedPoses,
    frames: Sequence[Appearance],
    offsets: Sequence[int],
    matcher: GraphMatcher,
    crops: AppearanceCrops,
    visibility: np.ndarray | None = None,
) -> ClipMatching:
    """Match all graphs with their neighbours.

    The distance is symmetric, so a pair of frames is matched once and serves both.

    Args:
        poses: Joints as they stand; persons without any joint in a frame have no graph there.
        frames: One for each frame of the clip.
        offsets: From :func:`~mmselfhuman.structures.window_offsets`.
        matcher: The solver.
        crops: What nodes look like.
        visibility: ``(K, T, 17)`` of the first matching, for the second: crops are resized by it.
    """
    graphs, sides = poses.graphs, crop_sides(poses.heads, visibility)
    there = poses.present.any(-1)
    nodes: dict[tuple[int, int], torch.Tensor] = {}
    for t, frame in enumerate(frames):
        tracks = np.flatnonzero(there[:, t])
        described = crops(frame, graphs[tracks, t], sides[tracks, t])
        nodes.update({(int(k), t): one for k, one in zip(tracks, described, strict=True)})
    steps = sorted({abs(d) for d in offsets})
    pairs = np.array([(k, t, t + d) for (k, t) in nodes for d in steps if (k, t + d) in nodes], dtype=int).reshape(
        -1, 3
    )
    if not len(pairs):
        empty = torch.zeros(0, NUM_JOINTS, NUM_JOINTS)
        none = matcher(empty, empty, empty, empty[:, 0], empty[:, 0], empty[:, 0, 0])
        return ClipMatching(pairs, empty.double().numpy(), none)
    first, second = (torch.stack([nodes[k, t] for k, t in pairs[:, [0, c]].tolist()]) for c in (1, 2))
    device = first.device
    scores = [torch.from_numpy(poses.scores[pairs[:, 0], pairs[:, c]]).to(device) for c in (1, 2)]
    links = [torch.from_numpy(connections(graphs[pairs[:, 0], pairs[:, c]])).to(device) for c in (1, 2)]
    rows, columns, mass = normalised_confidences(*scores)
    costs = normalised_costs(appearance_costs(first, second).double(), rows, columns)
    matching = matcher(costs, *links, rows, columns, mass)
    bounds = torch.minimum(rows, columns)
    scale = torch.where(bounds > 0, bounds, torch.ones_like(bounds))
    return ClipMatching(pairs, (matching.plan / scale[:, :, None]).cpu().numpy(), matching)
