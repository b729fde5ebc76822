"""How often a GPU and its process would wait for each other: never in a loss, and not the more the more pixels."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from detector_toys import noise, random_poses, sample, tiny_detector
from mmengine.registry import DefaultScope
from pretended_gpu import GPU, PretendedGPU, pretended_gpu

from mmselfhuman.models.flow import FlowEstimator
from mmselfhuman.models.gbsr.solver import GraphMatcher
from mmselfhuman.models.pose.associative_embedding import pull_and_push
from mmselfhuman.models.pose2seg import crop_skeleton_maps, person_regions
from mmselfhuman.models.tpr import TemporalParsingRefiner

SIZE = (72, 96)


@pytest.fixture
def gpu() -> Iterator[PretendedGPU]:
    with pretended_gpu() as gpu:
        yield gpu


def waits(gpu: PretendedGPU, call: Callable) -> int:
    before = gpu.waits
    call()
    return gpu.waits - before


def test_the_loss_of_tags_never_waits(gpu: PretendedGPU) -> None:
    tags = torch.randn(2, 34, 16, 16, device=GPU)
    indices = [torch.randint(0, 2, (count, 17, 2), device=GPU) for count in (0, 7)]
    assert waits(gpu, lambda: pull_and_push(tags, indices)) == 0


def test_matching_waits_as_often_for_many_graphs_as_for_few(gpu: PretendedGPU) -> None:
    def problem(count: int) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(count)
        costs = torch.rand(count, 17, 17, generator=generator)
        upper = (torch.rand(2, count, 17, 17, generator=generator) > 0.8).float().triu(1)
        graphs = upper + upper.mT
        bounds = torch.rand(2, count, 17, generator=generator) + 0.1
        return [one.to(GPU) for one in (costs, *graphs, *bounds, torch.full((count,), 0.5))]

    few, many = (waits(gpu, lambda count=count: GraphMatcher()(*problem(count))) for count in (3, 60))
    assert few == many < 30


def test_skeletons_are_drawn_without_asking_who_is_where(gpu: PretendedGPU) -> None:
    def drawn(count: int) -> int:
        poses = torch.from_numpy(random_poses(count, SIZE)).to(GPU)
        persons = torch.arange(count, device=GPU)
        visibility = torch.full(poses.shape[:2], 2, device=GPU)
        regions = person_regions(poses, SIZE, None, 1.25, 1.0, 8)
        return waits(gpu, lambda: crop_skeleton_maps(poses, regions, (48, 48), persons, visibility))

    # They are drawn some at a time, which bounds memory.
    assert drawn(20) - drawn(5) < 15
    assert drawn(5) < 30


def test_a_person_costs_the_instance_segmenter_a_few_waits(gpu: PretendedGPU) -> None:
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        detector = tiny_detector(same_pose=2.0, same_mask=2.0, min_pose_score=0.0).to(GPU)
        few, many = (
            waits(
                gpu,
                lambda n=n: detector.test_step(
                    {"inputs": [noise(SIZE)], "data_samples": [sample(random_poses(n, SIZE), SIZE)]}
                ),
            )
            for n in (5, 20)
        )
    assert many - few <= 8 * 15
    assert few < 100


class NoisyFlow(FlowEstimator):
    """Nothing moves, give or take a third of a pixel."""

    def estimate(self, src: torch.Tensor, dst: torch.Tensor) -> torch.Tensor:
        height, width = src.shape[-2:]
        generator = np.random.default_rng(height)
        flow = generator.normal(0, 0.3, (len(src), 2, height, width)).astype(np.float32)
        return torch.from_numpy(flow).to(src.device)


@pytest.mark.parametrize("rounds", [1, 3])
def test_tpr_does_not_wait_the_more_the_more_pixels(gpu: PretendedGPU, rounds: int) -> None:
    def clip(height: int, width: int) -> int:
        generator = torch.Generator().manual_seed(0)
        images = [torch.randint(0, 256, (3, height, width), dtype=torch.uint8, generator=generator) for _ in range(6)]
        logits = [3 * torch.randn(2, height, width, generator=generator) for _ in range(6)]
        frames = [(image.to(GPU), logit.to(GPU)) for image, logit in zip(images, logits, strict=True)]
        return waits(gpu, lambda: list(TemporalParsingRefiner(NoisyFlow(), rounds=rounds)(frames)))

    few, many = clip(32, 48), clip(128, 192)
    assert many < 3 * few
    assert few / 6 < 50 * rounds
