"""A detector's masks of videos are what the self-training can begin from."""

import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmselfhuman.datasets.synthetic import SyntheticVideos
from mmselfhuman.engine.label_making import StoredPredictions
from mmselfhuman.engine.self_training.settings import load_settings

pytest.importorskip("mmdet")

HERE = Path(__file__).parent


class Bright:
    """Stands for a detector: finds whatever is bright, once as a person, once as something else, once unsure."""

    def __call__(self, image: np.ndarray) -> object:
        masks = torch.from_numpy(np.stack([image[..., 0] > 128, image[..., 0] > 64, image[..., 0] >= 0]))
        from mmengine.structures import InstanceData

        found = InstanceData(masks=masks, labels=torch.tensor([0, 1, 0]), scores=torch.tensor([0.9, 0.9, 0.1]))
        return type("Sample", (), {"pred_instances": found})


def test_masks_are_the_union_of_sure_persons(tmp_path: Path) -> None:
    script = runpy.run_path(str(HERE / "masks_of_detector.py"))
    detector = Bright()
    script["write_masks"].__globals__["inference_detector"] = lambda model, image: model(image)
    videos = SyntheticVideos(num_videos=1, num_frames=2, size=(32, 32))
    assert script["write_masks"](detector, videos, tmp_path, 0, 0.5) == 2
    stored = StoredPredictions(tmp_path, foreground=True)
    frames = list(videos[0])
    for frame, logits in zip(frames, stored(videos[0].name, frames), strict=True):
        assert np.array_equal(logits.argmax(0).numpy(), frame.image[..., 0] > 128)


def test_a_stock_detector_writes_masks(tmp_path: Path) -> None:
    from mmdet.apis import init_detector

    torch.set_num_threads(1)
    path = tmp_path / "config.py"
    path.write_text("_base_ = 'mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py'\n")
    config = Config.fromfile(path)
    config.model.backbone.update(depth=18, init_cfg=None)
    config.model.neck.in_channels = [64, 128, 256, 512]
    config.model.test_cfg.rpn.update(nms_pre=16, max_per_img=8)
    config.test_dataloader.dataset.pipeline[1].scale = (64, 64)
    model = init_detector(config, device="cpu")
    script = runpy.run_path(str(HERE / "masks_of_detector.py"))
    videos = SyntheticVideos(num_videos=1, num_frames=1, size=(40, 32))
    script["write_masks"](model, videos, tmp_path / "out", 0, 0.0)
    mask = cv2.imread(str(next((tmp_path / "out").rglob("*.png"))), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (32, 40)
    assert set(np.unique(mask)) <= {0, 255}


def test_the_loop_begins_from_them() -> None:
    settings = load_settings(HERE / "self-train_detector-round0.py")
    assert settings.predictions == {"folder": "work_dirs/detector_masks", "foreground": True}
    assert settings.networks["seg"].finetune is not None
