"""On a GPU: what a CPU says, and trainings in mixed precision. Runners of other tests run there too."""

import math
from pathlib import Path

import pytest
import torch
from detector_toys import noise, random_poses, sample, tiny_detector
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from tiny_data import cut_down, write_tiny_data

from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.tpr import TemporalParsingRefiner
from mmselfhuman.utils import load_config

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_tpr_gives_the_labels_of_a_cpu() -> None:
    generator = torch.Generator().manual_seed(0)
    picture = torch.randint(0, 256, (3, 96, 160), dtype=torch.uint8, generator=generator)
    images = [picture[:, :, 4 * t : 4 * t + 96].contiguous() for t in range(8)]
    blob = torch.zeros(96, 160).index_fill(1, torch.arange(40, 90), 2.0)
    logits = [blob[:, 4 * t : 4 * t + 96] - 1 + torch.randn(96, 96, generator=generator) for t in range(8)]
    logits = [torch.stack([-one, one]) for one in logits]

    def refined(device: str) -> list[torch.Tensor]:
        frames = [(image.to(device), logit.to(device)) for image, logit in zip(images, logits, strict=True)]
        return [frame.logits for frame in TemporalParsingRefiner(DISFlow())(frames)]

    for here, there in zip(refined("cpu"), refined("cuda"), strict=True):
        assert there.is_cuda
        assert (here.argmax(0) == there.argmax(0).cpu()).float().mean() > 0.999


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_instance_segmenter_gives_the_masks_of_a_cpu(precision: torch.dtype) -> None:
    size, poses = (72, 96), random_poses(5, (72, 96))
    found = {}
    for device in ("cpu", "cuda"):
        with DefaultScope.overwrite_default_scope("mmselfhuman"):
            detector = tiny_detector(same_pose=2.0, same_mask=2.0, min_pose_score=0.0).to(device)
        with torch.autocast(device, precision, enabled=precision != torch.float32 and device != "cpu"):
            (result,) = detector.test_step({"inputs": [noise(size)], "data_samples": [sample(poses, size)]})
        found[device] = result.pred_instances
    here, there = (found[device].masks.cpu() for device in ("cpu", "cuda"))
    assert len(here) == len(there)
    overlap = (here & there).flatten(1).sum(1) / (here | there).flatten(1).sum(1).clamp(min=1)
    assert overlap.mean() > (0.999 if precision == torch.float32 else 0.95)


@pytest.mark.parametrize("wrapper", ["AmpOptimWrapper", "BFloat16OptimWrapper"])
@pytest.mark.parametrize(
    "path",
    [
        "seg/seg-small_1xb16-1k_synthetic-128x128.py",
        "pose/ae_small_1xb16-2k_synthetic-128x128.py",
        "pose2seg/pose2seg-small_1xb16-1k_synthetic-96x96.py",
        "tpr/tpr_seg-small_1xb16-5x200_synthetic-128x128.py",
        "gbsr/gbsr_ae-small_1xb32-2x300_synthetic-128x128.py",
    ],
)
def test_networks_train_in_mixed_precision(path: str, wrapper: str, tmp_path: Path) -> None:
    config = cut_down(load_config(ROOT / "configs" / path), write_tiny_data(tmp_path / "data"), tmp_path)
    config.optim_wrapper.type = wrapper
    runner = Runner.from_cfg(config)
    runner.train()
    assert next(runner.model.parameters()).is_cuda
    assert math.isfinite(MessageHub.get_current_instance().get_scalar("train/loss").current())
