"""tools/train.py, tools/test.py, print_config.py and the scripts that launch them, as their users call them."""

import json
import os
import pickle
import resource
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.utils import ManagerMixin

ROOT = Path(__file__).resolve().parents[2]
SMALL = ROOT / "configs/seg/seg-small_1xb16-1k_synthetic-128x128.py"
MINI = ROOT / "configs/seg/seg-small_1xb8-1k_coco-persons-mini-256x256.py"
MASK_RCNN = ROOT / "configs/baselines/mask-rcnn_r50-fpn_8xb2-12e_cocopersons.py"

RunTool = Callable[..., None]


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> RunTool:
    """Run a tool in this process, which is spared the libraries' import."""
    torch.set_num_threads(1)

    def run(tool: str, *arguments: object) -> None:
        monkeypatch.setenv("LOCAL_RANK", "0")
        monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
        _forget_earlier_runs()
        runpy.run_path(str(ROOT / tool), run_name="__main__")

    return run


@pytest.fixture
def tiny_config(tmp_path: Path) -> Path:
    """The small Seg model for two steps, on two to four rendered images."""
    config = Config.fromfile(SMALL)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    domains = config.test_dataloader.dataset.datasets
    for dataset, number in zip((config.train_dataloader.dataset, *domains), (4, 2, 3), strict=True):
        dataset.source.num_images = number
    config.val_dataloader.dataset.source.num_images = 2
    config.train_cfg.update(max_iters=2, val_interval=2)
    config.default_hooks.checkpoint.interval = 2
    config.default_hooks.logger.interval = 1
    path = tmp_path / "tiny.py"
    config.dump(path)
    return path


@pytest.mark.parametrize("tool", ["tools/train.py", "tools/test.py", "tools/misc/print_config.py"])
def test_help_comes_within_three_seconds(tool: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, ROOT / tool, "--help"], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "--cfg-options" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_trains_resumes_and_tests(run_tool: RunTool, tiny_config: Path, tmp_path: Path) -> None:
    work_dir = tmp_path / "work"
    run_tool("tools/train.py", tiny_config, "--work-dir", work_dir)
    checkpoint = Path((work_dir / "last_checkpoint").read_text())
    assert checkpoint == work_dir / "iter_2.pth"

    options = ["train_cfg.max_iters=3", "default_hooks.checkpoint.interval=1"]
    run_tool("tools/train.py", tiny_config, "--work-dir", work_dir, "--resume", "--cfg-options", *options)
    steps = [entry["step"] for entry in _log(work_dir) if "loss" in entry]
    assert steps == [3]

    results = tmp_path / "metrics.json"
    run_tool("tools/test.py", tiny_config, checkpoint, "--work-dir", work_dir, "--out", results)
    metrics = json.loads(results.read_text())
    assert {"source_test/IoU_person", "target_test/IoU_person"} <= metrics.keys()
    assert all(0 <= metrics[f"{domain}_test/mIoU"] <= 100 for domain in ("source", "target"))

    predictions, drawings = tmp_path / "predictions.pkl", tmp_path / "drawings"
    arguments = ["--out", predictions, "--show-dir", drawings, "--tta"]
    run_tool("tools/test.py", tiny_config, checkpoint, "--work-dir", work_dir, *arguments)
    dumped = pickle.loads(predictions.read_bytes())
    assert [sample["pred_sem_seg"]["data"].shape for sample in dumped] == [(1, 128, 128)] * 5
    images = sorted(drawings.iterdir())
    assert [image.name.partition("_")[0] for image in images] == [f"{index:06d}" for index in range(5)]
    # annotated and predicted side by side
    assert {cv2.imread(str(image)).shape for image in images} == {(128, 256, 3)}


def test_work_dir_is_named_after_the_config(
    run_tool: RunTool, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_tool("tools/train.py", tiny_config, "--cfg-options", "train_cfg.max_iters=1")
    assert (tmp_path / "work_dirs" / "tiny" / "tiny.py").is_file()


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("train", ["absent.py"], "config file not found: absent.py"),
        ("train", ["{config}", "--resume", "absent.pth"], "checkpoint to resume from not found: absent.pth"),
        ("train", ["{config}", "--cfg-options", "train_dataloder.batch_size=1"], "no key 'train_dataloder'"),
        ("train", ["{config}", "--amp", "--cfg-options", "optim_wrapper.type=X"], "but .*tiny.py uses 'X'"),
        ("test", ["{config}", "absent.pth"], "checkpoint not found: absent.pth"),
        ("test", ["{config}", "{config}", "--cfg-options", "test_dataloader=None"], "tiny.py has no test_dataloader"),
        ("test", ["{config}", "{config}", "--tta", "--cfg-options", "tta_model=None"], "--tta needs 'tta_model'"),
        ("test", ["{config}", "{config}", "--show", "--cfg-options", "visualizer=None"], "need a visualizer"),
        ("misc/print_config", ["absent.py"], "config file not found: absent.py"),
    ],
)
def test_mistakes_of_the_command_line_are_named(
    run_tool: RunTool, tiny_config: Path, tool: str, arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit, match=f"^error: .*{message}"):
        run_tool(f"tools/{tool}.py", *(argument.format(config=tiny_config) for argument in arguments))


def test_format_of_results_is_checked_first(run_tool: RunTool, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        run_tool("tools/test.py", "any.py", "any.pth", "--out", "results.txt")
    assert "--out results.txt: expected a name that ends in .pkl, .pickle or .json" in capsys.readouterr().err


def test_print_config_shows_and_writes_what_is_merged(
    run_tool: RunTool, tiny_config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    saved = tmp_path / "whole.py"
    run_tool("tools/misc/print_config.py", tiny_config, "--save-path", saved, "--cfg-options", "log_level='ERROR'")
    assert "log_level = 'ERROR'" in capsys.readouterr().out
    whole = Config.fromfile(saved)
    assert (whole.log_level, whole.train_cfg.max_iters, whole.model.backbone.type) == ("ERROR", 2, "mmseg.UNet")


@pytest.mark.parametrize(
    ("script", "program", "arguments", "expected"),
    [
        (
            "dist_train",
            "python",
            ["c.py", "4", "--amp"],
            ["--nproc_per_node=4", "train.py c.py --launcher pytorch --amp"],
        ),
        (
            "dist_test",
            "python",
            ["c.py", "w.pth", "4"],
            ["--nproc_per_node=4", "test.py c.py w.pth --launcher pytorch"],
        ),
        ("slurm_train", "srun", ["part", "job", "c.py", "out dir"], ["-p part", "train.py c.py --work-dir out dir"]),
        (
            "slurm_test",
            "srun",
            ["part", "job", "c.py", "w.pth"],
            ["--gres=gpu:2", "test.py c.py w.pth --launcher slurm"],
        ),
    ],
)
def test_launch_scripts_hand_on_their_arguments(
    script: str, program: str, arguments: list[str], expected: list[str], tmp_path: Path
) -> None:
    stub = tmp_path / program
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GPUS_PER_NODE": "2"}
    command = [ROOT / "tools" / f"{script}.sh", *arguments]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert [part for part in expected if part not in output] == []
    short = subprocess.run(command[:2], env=environment, capture_output=True, text=True)
    assert short.returncode != 0
    assert f"usage: tools/{script}.sh" in short.stderr


@pytest.mark.slow
def test_loss_falls_on_photographs(
    run_tool: RunTool, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMSELFHUMAN_DATA", str(shared_data))
    options = ["train_dataloader.batch_size=4", "train_dataloader.num_workers=0", "train_cfg.max_iters=40"]
    options += ["train_dataloader.persistent_workers=False", "val_dataloader.num_workers=0"]
    options += ["val_dataloader.persistent_workers=False", "default_hooks.logger.interval=10"]
    run_tool("tools/train.py", MINI, "--work-dir", tmp_path, "--cfg-options", *options, "log_processor.window_size=10")
    losses = [entry["loss"] for entry in _log(tmp_path) if "loss" in entry]
    assert len(losses) == 4
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
def test_mask_rcnn_is_scored_on_photographs_of_ochuman(run_tool: RunTool, shared_data: Path, tmp_path: Path) -> None:
    images = shared_data / "mmpose_tests" / "ochuman"
    config = tmp_path / "ochuman_sample.py"
    config.write_text(f"""
_base_ = '{MASK_RCNN}'
annotations = '{images}/test_ochuman.json'
model = dict(backbone=dict(init_cfg=None))
test_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='PersonInstanceDataset',
        test_mode=True,
        source=dict(type='OCHuman', ann_file=annotations, img_prefix='{images}'),
        pipeline=_base_.ochuman_pipeline))
test_evaluator = dict(
    _delete_=True, type='OCHumanMetric', metric=['bbox', 'segm'], ann_file=dict(all=annotations), split='test')
""")
    checkpoint, metrics = tmp_path / "random.pth", tmp_path / "metrics.json"
    untrained = Config.fromfile(config)
    untrained.work_dir = str(tmp_path)
    torch.save(Runner.from_cfg(untrained).model.state_dict(), checkpoint)
    smaller = "test_dataloader.dataset.pipeline.1.scale=(400,300)"
    run_tool("tools/test.py", config, checkpoint, "--work-dir", tmp_path, "--out", metrics, "--cfg-options", smaller)
    table = "\n".join(path.read_text() for path in tmp_path.rglob("*.log"))
    assert "OCHuman protocol | split test | variant original | range_mode drop (official)" in table
    assert "AP_M (MaxIoU .50-.75)" in table
    scores = json.loads(metrics.read_text())
    assert 0 <= scores["ochuman/segm_AP"] <= 1


def _forget_earlier_runs(kind: type = ManagerMixin) -> None:
    """Drop loggers and visualizers, which MMEngine keeps by name and would use again."""
    kind._instance_dict.clear()
    for child in kind.__subclasses__():
        _forget_earlier_runs(child)


def _log(work_dir: Path) -> list[dict]:
    """What the latest run in a work dir has logged."""
    latest = max(work_dir.rglob("scalars.json"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line) for line in latest.read_text().splitlines()]
