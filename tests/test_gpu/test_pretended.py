"""What runs on a GPU, on a pretended one: nothing stays on the CPU by mistake, and what comes out is the same."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from detector_toys import SMALL, shaken, tiny_detector
from gbsr_toys import gliding, true_motion
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, set_random_seed
from pretended_gpu import CPU, GPU, MixedDevicesError, mixed_precision, pretended_gpu
from tiny_data import cut_down, write_tiny_data

from mmselfhuman.apis.video import VideoSegmenter
from mmselfhuman.engine.label_making import LabelMaker, SegmentorPredictor
from mmselfhuman.engine.label_making.pose_maker import PoseLabelMaker
from mmselfhuman.engine.label_making.pose_predictor import PoseEstimatorPredictor
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.gbsr.features import FourteenConvolutions
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.models.tpr import TemporalParsingRefiner
from mmselfhuman.registry import MODELS, TRANSFORMS
from mmselfhuman.structures import Frame, PseudoLabel
from mmselfhuman.utils import load_config

ROOT = Path(__file__).resolve().parents[2]


def on_both(compute: Callable[[torch.device], object]) -> tuple[object, object]:
    """What comes out on the CPU and on the GPU."""
    with torch.no_grad():
        here = compute(CPU)
    with pretended_gpu():
        return here, compute(GPU)


def test_a_pretended_gpu_refuses_what_a_real_one_does() -> None:
    with pretended_gpu() as gpu:
        there, here = torch.arange(4.0).to(GPU), torch.arange(4.0)
        assert there.is_cuda
        assert (there + 1).device == torch.zeros(2, device=GPU).device == GPU
        assert (there * torch.tensor(2.0))[torch.tensor([1, 2])].cpu().tolist() == [2, 4]
        for mixed in (lambda: there + here, lambda: torch.stack([there, here]), lambda: here[there > 1]):
            with pytest.raises(MixedDevicesError):
                mixed()
        with pytest.raises((TypeError, RuntimeError), match="numpy"):
            there.numpy()
        before = gpu.waits
        there[1:3].mul_(2).sum()
        assert gpu.waits == before
        _ = float(there[0]), bool(there[1] > 0), there[there > 1], there.nonzero(), there.cpu(), there.tolist()
        assert gpu.waits == before + 6
    with pytest.raises(MixedDevicesError):
        there + 1
    assert here.device == CPU


def moving_frames(count: int, height: int = 96, width: int = 96) -> list[np.ndarray]:
    """A textured picture that moves by four pixels a frame."""
    picture = np.random.default_rng(0).integers(0, 256, (height, width + 4 * count, 3), dtype=np.uint8)
    picture = cv2.GaussianBlur(picture, (5, 5), 2)
    return [np.ascontiguousarray(picture[:, 4 * t : 4 * t + width]) for t in range(count)]


@pytest.mark.parametrize("options", [{}, {"rounds": 3}])
def test_tpr(options: dict) -> None:
    images = [torch.from_numpy(image).permute(2, 0, 1) for image in moving_frames(6)]
    logits = 2 * torch.randn(6, 2, 96, 96, generator=torch.Generator().manual_seed(0))

    def refined(device: torch.device) -> list[torch.Tensor]:
        frames = [(image.to(device), one.to(device)) for image, one in zip(images, logits, strict=True)]
        return [frame.logits.cpu() for frame in TemporalParsingRefiner(DISFlow(), **options)(frames)]

    torch.testing.assert_close(*on_both(refined), rtol=0, atol=0)


@pytest.mark.parametrize("extractor", [None, FourteenConvolutions])
def test_gbsr(extractor: type[torch.nn.Module] | None) -> None:
    poses = gliding([80, 200], [5, -4], 6)
    poses[2][0, 9] = 0
    poses[3][1, [5, 6]] = poses[3][1, [6, 5]]
    images = moving_frames(6, 200, 320)

    def refined(device: torch.device) -> list[np.ndarray]:
        refiner = GraphPoseRefiner(extractor and shaken(extractor()).to(device), device=device)
        return [one.keypoints for frame in refiner(images, poses, true_motion(poses, [5, -4])) for one in frame]

    np.testing.assert_array_equal(*on_both(refined))


def test_a_video_through_the_instance_segmenter_with_refinement() -> None:
    frames = [Frame(index, image) for index, image in enumerate(moving_frames(6))]

    def found(device: torch.device) -> list[tuple]:
        with DefaultScope.overwrite_default_scope("mmselfhuman"):
            detector = tiny_detector(SMALL, min_pose_score=0.0).to(device)
        segmenter = VideoSegmenter(
            detector, DISFlow(), TemporalParsingRefiner(DISFlow()), GraphPoseRefiner(device=device)
        )
        return [
            (frame.index, persons.poses.keypoints.tolist(), persons.scores.tolist(), persons.masks)
            for frame, persons in segmenter(frames)
        ]

    here, there = on_both(found)
    assert here == there
    assert sum(len(masks) for *_, masks in here) > 6


CONFIGS = [
    "seg/seg-small_1xb16-1k_synthetic-128x128.py",
    "pose/ae_small_1xb16-2k_synthetic-128x128.py",
    "pose2seg/pose2seg-small_1xb16-1k_synthetic-96x96.py",
]


def trained_and_tested(path: str, folder: Path, device: torch.device) -> list[torch.Tensor]:
    """The losses and the raw output of a config's network, which makes its predictions, too."""
    set_random_seed(0)
    config = cut_down(load_config(ROOT / "configs" / path), write_tiny_data(folder / str(device)), folder)
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        model = shaken(MODELS.build(config.model)).to(device)
        learned, shown = (
            next(iter(Runner.build_dataloader(loader, seed=0)))
            for loader in (config.train_dataloader, config.val_dataloader)
        )
    model.test_step(deepcopy(shown))
    learned, shown = (model.data_preprocessor(batch, training=True) for batch in (learned, shown))
    losses, raw = model(**learned, mode="loss"), model(**shown, mode="tensor")
    found = [value for value in losses.values() for value in (value if isinstance(value, list) else [value])]
    return [one.cpu() for one in (*found, *(raw if isinstance(raw, tuple | list) else [raw]))]


@pytest.mark.parametrize("path", CONFIGS)
def test_losses_and_predictions(path: str, tmp_path: Path) -> None:
    here, there = on_both(lambda device: trained_and_tested(path, tmp_path, device))
    for one, other in zip(here, there, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("path", CONFIGS)
def test_mixed_precision(path: str, kind: torch.dtype, tmp_path: Path) -> None:
    with torch.no_grad():
        exact = trained_and_tested(path, tmp_path, CPU)
    with pretended_gpu(), mixed_precision(kind):
        coarse = trained_and_tested(path, tmp_path, GPU)
    assert any(one.dtype == kind for one in coarse)
    for one, other in zip(exact, coarse, strict=True):
        assert (one - other).abs().mean() < 0.05 * one.abs().mean()


class Moving:
    """A clip of :func:`moving_frames`."""

    name = "moving"

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Iterator[Frame]:
        return (Frame(index, image) for index, image in enumerate(moving_frames(6)))


def network(path: str, device: torch.device) -> torch.nn.Module:
    """The network of a config, with random weights."""
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        return shaken(MODELS.build(load_config(ROOT / "configs" / path).model)).to(device)


def test_labels_of_masks() -> None:
    def labels(device: torch.device) -> list[PseudoLabel]:
        predictor = SegmentorPredictor(network("seg/seg-small_1xb16-1k_synthetic-128x128.py", device))
        return list(LabelMaker(TemporalParsingRefiner(DISFlow()), batch_size=4)(Moving(), predictor))

    for here, there in zip(*on_both(labels), strict=True):
        np.testing.assert_array_equal(here.semantic, there.semantic)
        np.testing.assert_array_equal(here.confidence, there.confidence)
        assert here.provenance == there.provenance


def test_labels_of_poses() -> None:
    def labels(device: torch.device) -> list[PseudoLabel]:
        with DefaultScope.overwrite_default_scope("mmselfhuman"):
            resize = TRANSFORMS.build({"type": "mmpose.BottomupResize", "input_size": (128, 128), "size_factor": 16})
        model = network("pose/ae_small_1xb16-2k_synthetic-128x128.py", device)
        predictor = PoseEstimatorPredictor(model, [resize])
        maker = PoseLabelMaker(GraphPoseRefiner(device=device), DISFlow(), person_threshold=0.0, nobody_threshold=0.0)
        return list(maker(Moving(), predictor))

    here, there = on_both(labels)
    assert sum(len(label.persons) for label in here) > 0
    for label, other in zip(here, there, strict=True):
        assert label.provenance == other.provenance
        for person, same in zip(label.persons, other.persons, strict=True):
            np.testing.assert_array_equal(person.keypoints, same.keypoints)
