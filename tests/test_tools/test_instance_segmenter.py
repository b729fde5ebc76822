"""The instance segmenter through tools/test.py on real images of OCHuman, and the tools that make and tune it."""

import hashlib
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from detector_toys import GIVEN, ROOT, SMALL, shaken, tiny_config, tiny_detector
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import save_checkpoint

from mmselfhuman.apis import SelfHumanInferencer
from mmselfhuman.registry import MODELS

RunTool = Callable[..., None]


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> RunTool:
    torch.set_num_threads(1)

    def run(tool: str, *arguments: object) -> None:
        monkeypatch.setenv("LOCAL_RANK", "0")
        monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
        runpy.run_path(str(ROOT / tool), run_name="__main__")

    return run


def on_ochuman(path: Path, folder: Path, metrics: list[str], tmp_path: Path) -> Path:
    """A tiny config that tests on OCHuman's sample images."""
    config = tiny_config(path)
    pipeline = config.test_dataloader.dataset.datasets[0].pipeline
    # The samples' file has no MaxIoU; OCHumanMetric needs one, and any will do for the range 'all'.
    content = json.loads((folder / "test_ochuman.json").read_text())
    for annotation in content["annotations"]:
        annotation.setdefault("max_iou", 0.6)
    annotations = tmp_path / "ochuman.json"
    annotations.write_text(json.dumps(content))
    source = {"type": "OCHuman", "ann_file": str(annotations), "data_root": "", "img_prefix": str(folder)}
    dataset = {"type": "PersonInstanceDataset", "test_mode": True, "source": source, "pipeline": pipeline}
    config.test_dataloader = {
        "batch_size": 2, "num_workers": 0, "sampler": {"type": "DefaultSampler", "shuffle": False}, "dataset": dataset,
    }  # fmt: skip
    given = config.model.pose.type == "AnnotatedPoses"
    config.test_evaluator = {
        "type": "OCHumanMetric", "metric": metrics, "ann_file": str(annotations), "given_keypoints": given,
    }  # fmt: skip
    result = tmp_path / "config.py"
    config.dump(result)
    return result


def checkpoint(path: Path, tmp_path: Path) -> Path:
    config = tiny_config(path)
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        model = shaken(MODELS.build(config.model), seed=3)
    save_checkpoint({"state_dict": model.state_dict()}, str(tmp_path / "tiny.pth"))
    return tmp_path / "tiny.pth"


def test_detected_poses_on_real_images(run_tool: RunTool, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mmpose_tests" / "ochuman"
    config = on_ochuman(SMALL, folder, ["segm", "bbox", "keypoints"], tmp_path)
    out, drawings = tmp_path / "metrics.json", tmp_path / "drawings"
    arguments = ["--work-dir", tmp_path / "work", "--out", out, "--show-dir", drawings, "--tta"]
    run_tool("tools/test.py", config, checkpoint(SMALL, tmp_path), *arguments)
    metrics = json.loads(out.read_text())
    assert all(0 <= metrics[f"ochuman/{kind}_AP"] <= 1 for kind in ("segm", "bbox", "keypoints"))
    assert len(list(drawings.iterdir())) == 3


def test_annotated_poses_on_real_images(run_tool: RunTool, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "mmpose_tests" / "ochuman"
    config, out = on_ochuman(GIVEN, folder, ["segm"], tmp_path), tmp_path / "metrics.json"
    run_tool("tools/test.py", config, checkpoint(GIVEN, tmp_path), "--work-dir", tmp_path / "work", "--out", out)
    assert 0 <= json.loads(out.read_text())["ochuman/segm_given_keypoints_AP"] <= 1


def test_three_checkpoints_become_one(run_tool: RunTool, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    detector = tiny_detector(SMALL, seed=4)
    save_checkpoint({"state_dict": detector.seg.segmentor.state_dict()}, str(tmp_path / "seg.pth"))
    config = tmp_path / "config.py"
    tiny_config().dump(config)
    run_tool("tools/misc/combine_checkpoints.py", config, tmp_path / "all.pth", "--seg", tmp_path / "seg.pth")
    state = torch.load(tmp_path / "all.pth", weights_only=False)
    assert Config.fromstring(state["meta"]["cfg"], ".py").model.type == "SelfHumanDetector"
    weights = detector.seg.segmentor.state_dict()
    assert all(torch.equal(state["state_dict"][f"seg.segmentor.{name}"], value) for name, value in weights.items())
    with pytest.raises(SystemExit, match="error: no checkpoint is given"):
        run_tool("tools/misc/combine_checkpoints.py", config, tmp_path / "all.pth")
    with pytest.raises(SystemExit, match=r"seg.pth is no checkpoint of the detector's pose network"):
        run_tool("tools/misc/combine_checkpoints.py", config, tmp_path / "all.pth", "--pose", tmp_path / "seg.pth")


def test_a_published_checkpoint_has_weights_and_config_and_no_training(
    run_tool: RunTool, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    trained = tiny_detector(SMALL, seed=5)
    optimizer = torch.optim.AdamW(trained.parameters())
    state = {"state_dict": trained.state_dict(), "optimizer": optimizer.state_dict(), "meta": {"iter": 7}}
    torch.save(state, tmp_path / "iter_7.pth")
    tiny_config().dump(tmp_path / "config.py")
    out = tmp_path / "small.pth"
    run_tool("tools/misc/publish_model.py", tmp_path / "iter_7.pth", out, "--config", tmp_path / "config.py")
    path = Path(capsys.readouterr().out.splitlines()[-1])
    assert path.name == f"small-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"
    assert sorted(tmp_path.glob("small*")) == [path]
    kept = torch.load(path, weights_only=False)
    assert kept.keys() == {"state_dict", "meta"}
    assert kept["meta"].keys() == {"cfg"}
    loaded = SelfHumanInferencer(weights=path, device="cpu").model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in trained.state_dict().items())
    torch.save({"optimizer": {}}, tmp_path / "empty.pth")
    with pytest.raises(SystemExit, match=r"error: the checkpoint has no 'state_dict', only \['optimizer'\]"):
        run_tool("tools/misc/publish_model.py", tmp_path / "empty.pth", out)


def test_scores_are_fitted(run_tool: RunTool, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = tiny_config()
    config.model.update(min_pose_score=0.0)
    config.dump(tmp_path / "config.py")
    source = ["type=SyntheticPeople", "split=source_train", "num_images=2", "size=(64,64)"]
    run_tool(
        "tools/analysis_tools/calibrate_scores.py", tmp_path / "config.py", checkpoint(SMALL, tmp_path),
        "--source", *source,
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert "of 2 images, mean IoU 0." in printed
    assert "score=dict(bias=" in printed


def test_the_demo_writes_what_it_finds(run_tool: RunTool, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    tiny_config().dump(tmp_path / "config.py")
    model = ["--model", tmp_path / "config.py", "--weights", checkpoint(SMALL, tmp_path), "--device", "cpu"]
    settings = ["--settings", "fusion.mode=exclusive", "pose2seg.batch_size=2"]
    run_tool("demo/inferencer_demo.py", tmp_path / "a.png", *model, "--out-dir", tmp_path / "out", *settings)
    assert "in 1 images and frames" in capsys.readouterr().out
    assert (tmp_path / "out" / "predictions.json").is_file()
    with pytest.raises(SystemExit, match=r"error: no such image, video or folder: absent.png"):
        run_tool("demo/inferencer_demo.py", "absent.png", *model)
