"""Flow tools and flow refinement against the exact motion of synthetic people."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmselfhuman.datasets.synthetic import SyntheticClip, SyntheticVideos
from mmselfhuman.evaluation.video_flow import mean_end_point_error
from mmselfhuman.models.flow import DISFlow, compose, consistency_error, fetch_labels, occlusion
from mmselfhuman.models.tpr import FlowRefinement, unreliable_vectors


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return SyntheticVideos("target", num_videos=1, num_frames=12, seed=3)[0]


def motion(clip: SyntheticClip, start: int, end: int) -> tuple[Tensor, Tensor]:
    flow, hidden = clip.flow(start, end)
    return torch.from_numpy(flow)[None].double(), torch.from_numpy(hidden)[None, None]


def smooth(flow: Tensor, within: float = 0.5) -> Tensor:
    """Pixels whose vector differs little from all around it: within a layer, where bilinear lookup mixes no motions."""
    window = {"kernel_size": 5, "stride": 1, "padding": 2}
    spread = F.max_pool2d(flow, **window) + F.max_pool2d(-flow, **window)
    return (spread < within).all(1, keepdim=True)


def inner(flow: Tensor, next_flow: Tensor) -> Tensor:
    """Pixels within a layer that also arrive within one."""
    return smooth(flow) & (fetch_labels(smooth(next_flow)[:, 0].long(), flow)[:, None] > 0)


def test_labels_fetched_along_the_true_flow_are_the_persons_own(clip):
    for t in range(4):
        flow, hidden = motion(clip, t, t + 1)
        back, _ = motion(clip, t + 1, t)
        here, there = (torch.from_numpy(clip.truth(i).owners)[None] for i in (t, t + 1))
        same = fetch_labels(there, flow) == here
        # Of a layer that moves like what is behind it, pixels at the edge may round to the other side.
        whole = smooth(here[:, None].double())
        assert same[(inner(flow, back) & whole & ~hidden)[:, 0]].float().mean() > 0.99


def test_two_true_steps_chain_to_the_true_motion_across_them(clip):
    first, gone = motion(clip, 0, 1)
    second, _ = motion(clip, 1, 2)
    whole, hidden = motion(clip, 0, 2)
    kept = inner(first, second) & ~gone & ~hidden
    error = torch.linalg.vector_norm(compose(first, second) - whole, dim=1, keepdim=True)[kept]
    assert kept.float().mean() > 0.4
    assert error.median() < 1e-4
    assert error.quantile(0.99) < 0.1


def test_true_vectors_lead_back_unless_their_pixel_is_hidden(clip):
    forward, hidden = motion(clip, 0, 1)
    backward, _ = motion(clip, 1, 0)
    seen = inner(forward, backward) & ~hidden
    error = consistency_error(forward, backward)[seen]
    assert error.median() < 1e-4
    assert error.quantile(0.99) < 0.1
    found = occlusion(forward, backward)
    assert found[seen].float().mean() < 0.03
    assert found[hidden].float().mean() > 0.5


def test_refined_flow_is_nearer_the_truth_where_it_was_unreliable_and_the_same_elsewhere():
    estimator, search = DISFlow(), FlowRefinement()
    errors = {"before": [], "after": []}
    for clip in SyntheticVideos("target", num_videos=4, num_frames=16, seed=5):
        for t in (3, 11):
            images = [torch.from_numpy(clip.image(i)).permute(2, 0, 1)[None] for i in (t, t + 1)]
            labels = [torch.from_numpy((clip.truth(i).owners >= 0).astype(np.uint8))[None] for i in (t, t + 1)]
            forward, backward = estimator.bidirectional(*images)
            grey = [image.float().mean(1, keepdim=True) for image in images]
            wrong = unreliable_vectors(forward, *labels)
            refined = search(*grey, forward, backward, wrong)
            assert torch.equal(refined.masked_fill(wrong[:, None], 0), forward.masked_fill(wrong[:, None], 0))
            truth, hidden = clip.flow(t, t + 1)
            seen = wrong.numpy() & ~hidden
            for name, flow in (("before", forward), ("after", refined)):
                errors[name].append(mean_end_point_error(flow.numpy(), truth[None], seen)["unreliable"] * seen.sum())
    assert sum(errors["after"]) < sum(errors["before"])
