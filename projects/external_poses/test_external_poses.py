"""Persons that another model has found get masks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from detector_toys import shaken
from mmengine.config import Config
from mmengine.runner import Runner
from tiny_data import TinyData

pytest.importorskip("mmdet")
pytest.importorskip("mmseg")
pytest.importorskip("mmpose")

CONFIG = Path(__file__).with_name("pose2seg_external-poses_ochuman.py")


def test_every_sure_pose_of_the_file_becomes_a_person(
    small_config: Callable, tiny_data: TinyData, tmp_path: Path
) -> None:
    annotations = json.loads(tiny_data.persons.read_text())["annotations"]
    poses = [
        {"file_name": f"{entry['image_id']}.png", "category_id": 1, "score": score, "keypoints": entry["keypoints"]}
        for entry, score in zip(annotations, (0.9, 0.8, 0.1, 0.7), strict=True)
    ]
    (tmp_path / "poses.json").write_text(json.dumps(poses))
    config: Config = small_config(CONFIG)
    config.model.pose.file = str(tmp_path / "poses.json")
    config.model.update(same_pose=2.0, same_mask=2.0)  # masks of an untrained network are much alike
    for network in (config.model.seg.segmentor, config.model.pose2seg.segmentor):
        network.backbone.update(model_name="resnet18")
        network.decode_head.update(in_channels=512, channels=32, c1_in_channels=64)
    runner = Runner.from_cfg(config)
    shaken(runner.model)  # else everything is background
    predict, found = runner.model.test_step, {}

    def count(data: dict) -> list:
        samples = predict(data)
        found.update({Path(sample.img_path).name: len(sample.pred_instances.masks) for sample in samples})
        return samples

    runner.model.test_step = count
    metrics = runner.test()
    assert found == {"1.png": 2, "2.png": 1}
    assert 0 <= metrics["val/ochuman/segm_AP"] <= 1
