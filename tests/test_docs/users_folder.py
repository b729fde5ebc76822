"""The folder in which the guides' commands and snippets are run: a user's networks, videos and masks, all tiny.

Its names are those that the guides use. Everything here runs in a process of its own.
"""

import io
import json
import os
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDERS = {
    "CONFIG": "my_seg.py",
    "CHECKPOINT": "my_seg.pth",
    "FRAMES/": "frames/walk/",
    "OUT/": "out/",
    "POSES.json": "poses/walk.json",
    "STORE": "my_store",
}
WIDTH, HEIGHT, LENGTH = 64, 48, 4

_SEG = """
_base_ = 'configs/seg/seg-small_1xb16-1k_synthetic-128x128.py'
model = dict(backbone=dict(base_channels=4), decode_head=dict(in_channels=4, channels=4))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(source=dict(num_images=2, size=(64, 64))))
val_dataloader = val_cfg = val_evaluator = test_dataloader = test_cfg = test_evaluator = None
train_cfg = dict(max_iters=2)
"""
_STOCK = """
_base_ = 'mmseg::pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py'
train_dataloader = dict(dataset=dict(
    _delete_=True, type='mmselfhuman.PersonSegDataset',
    source=dict(type='COCOPersons', data_root='data/coco/', img_prefix='train2017/', person_filter='mask',
                ann_file='annotations/person_keypoints_train2017.json'),
    pipeline=[dict(type='mmselfhuman.LoadPersonImage'), dict(type='mmselfhuman.LoadPersonSegMap'),
              *_base_.train_pipeline[2:]]))
"""
_SEG_TPR = """
_base_ = 'my_seg.py'
train_dataloader = dict(
    sampler=dict(_delete_=True, type='EndlessDraws'),
    dataset=dict(
        _delete_=True, type='PseudoLabelDataset', labelled=_base_.train_dataloader.dataset,
        pseudo=dict(type='PersonSegDataset', source=dict(type='PseudoLabels', store='work_dirs/mine/pseudo_labels'),
                    pipeline=_base_.train_pipeline)))
custom_hooks = [
    dict(type='TPRHook', videos=dict(type='UnlabelledVideos', paths='my_videos/'), interval=1, rounds=1, threshold=0.0,
         guard=dict(largest_class=1.0))
]
train_cfg = dict(max_iters=2)
load_from = 'my_seg.pth'
"""
_POSE = """
_base_ = 'configs/pose/ae_small_1xb16-2k_synthetic-128x128.py'
model = dict(backbone=dict(base_channels=4), head=dict(in_channels=4))
"""
_POSE_GBSR = """
_base_ = 'configs/gbsr/gbsr_ae-small_1xb32-2x300_synthetic-128x128.py'
model = dict(backbone=dict(base_channels=4), head=dict(in_channels=4))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(labelled=dict(source=dict(num_images=2))))
custom_hooks = [
    dict(type='GBSRHook', videos=dict(type='UnlabelledVideos', paths='elsewhere/'), interval=1, rounds=1,
         transforms=[dict(type='mmpose.BottomupResize', input_size=(64, 64), size_factor=16, resize_mode='expand')])
]
val_dataloader = val_cfg = val_evaluator = test_dataloader = test_cfg = test_evaluator = None
"""
_LOOP = """
networks = dict(seg=dict(refine='my_seg_tpr.py'), pose=dict(refine='my_pose_gbsr.py'))
videos = dict(type='UnlabelledVideos', paths='elsewhere/')
rounds, n_tpr = 1, 1
labels = dict(threshold=0.0, guard=dict(largest_class=1.0))
"""


def build(folder: Path) -> None:
    """Fill the folder."""
    for name in ("configs", "demo", "docs", "projects", "tools"):
        (folder / name).symlink_to(ROOT / name)
    _write_videos(folder)
    _write_coco(folder / "data" / "coco")
    box = [8, 12, 20, 24]
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 480, "iscrowd": 0, "score": 0.9}
    person["segmentation"] = [[8, 12, 28, 12, 28, 36, 8, 36]]
    (folder / "labels.json").write_text(json.dumps(_coco("walk/00000.png", WIDTH, HEIGHT, person)))
    texts = {"my_seg": _SEG, "my_seg_tpr": _SEG_TPR, "my_loop": _LOOP, "my_config": _STOCK}
    texts |= {"my_pose": _POSE, "my_pose_gbsr": _POSE_GBSR}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    torch.manual_seed(100)
    for name in ("my_seg", "my_pose"):
        state = _model(folder / f"{name}.py").state_dict()
        if name == "my_seg":  # one that is sure of what it says
            state["decode_head.conv_seg.weight"] *= 100
        torch.save(state, folder / f"{name}.pth")


def _write_videos(folder: Path) -> None:
    """A bright square crosses a dark ground, as videos and as frames; its masks and a pose in it."""
    rng = np.random.default_rng(0)
    ground, square = rng.integers(0, 60, (HEIGHT, WIDTH, 3), np.uint8), rng.integers(180, 255, (24, 20, 3), np.uint8)
    films = {"my_videos/one.mp4": LENGTH, "clips/walk.mp4": 40, "clip.mp4": LENGTH, "talk.mp4": LENGTH}
    for place in (
        "frames/walk",
        "label_maps/walk",
        "photos",
        "masks/walk",
        "their_masks/one",
        "their_masks/walk",
        "poses",
        *map(os.path.dirname, films),
    ):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for name, length in films.items():
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter_fourcc(*"mp4v"), 10, (WIDTH, HEIGHT))
        for index in range(length):
            image, mask = ground.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
            place = np.s_[12:36, 4 + index : 24 + index]
            image[place], mask[place] = square[:, : image[place].shape[1]], 255
            writer.write(image)
            for masks in ("masks/walk", "their_masks/walk") if "walk" in name else ("their_masks/one",):
                cv2.imwrite(str(folder / masks / f"{index:05d}.png"), mask)
            if "walk" in name and index < LENGTH:
                cv2.imwrite(str(folder / "frames" / "walk" / f"{index:05d}.png"), image)
                cv2.imwrite(str(folder / "label_maps" / "walk" / f"{index:05d}.png"), mask // 255)
        writer.release()
    cv2.imwrite(str(folder / "photos" / "one.jpg"), ground)
    joints = [value for joint in range(17) for value in (8 + joint % 4 * 3, 14 + joint, 0.9)]
    poses = [
        {"image_id": index, "file_name": f"{index:05d}.png", "category_id": 1, "keypoints": joints, "score": 0.9}
        for index in range(LENGTH)
    ]
    (folder / "poses" / "walk.json").write_text(json.dumps(poses))


def _write_coco(folder: Path) -> None:
    for split in ("train", "val"):
        (folder / f"{split}2017").mkdir(parents=True)
        cv2.imwrite(str(folder / f"{split}2017" / "1.jpg"), np.zeros((600, 600, 3), np.uint8))
        keypoints = [value for joint in range(17) for value in (100 + 10 * joint, 100 + 20 * joint, 2)]
        person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [50, 50, 400, 500], "area": 200000, "iscrowd": 0}
        person |= {"segmentation": [[50, 50, 450, 50, 450, 550, 50, 550]], "keypoints": keypoints, "num_keypoints": 17}
        content = _coco("1.jpg", 600, 600, person)
        (folder / "annotations").mkdir(exist_ok=True)
        (folder / "annotations" / f"person_keypoints_{split}2017.json").write_text(json.dumps(content))
    ochuman = folder.parent / "ochuman"
    ochuman.mkdir()
    for split in ("val", "test"):
        for limits in ("0.00_1.00", "0.50_0.75", "0.75_1.00"):
            (ochuman / f"ochuman_coco_format_{split}_range_{limits}.json").write_text(json.dumps(content))


def _coco(file_name: str, width: int, height: int, person: dict) -> dict:
    image = {"id": 1, "file_name": file_name, "width": width, "height": height}
    return {"images": [image], "annotations": [person], "categories": [{"id": 1, "name": "person"}]}


def _model(config: Path) -> torch.nn.Module:
    from mmengine.registry import MODELS, init_default_scope

    from mmselfhuman.utils import load_config

    settings = load_config(config)
    init_default_scope(settings.default_scope)
    return MODELS.build(settings.model)


def _ground_truth() -> dict:
    content = json.loads(Path("data/coco/annotations/person_keypoints_val2017.json").read_text())
    content["annotations"] = [{**content["annotations"][0], "id": number} for number in (17, 23)]
    return content


def _trained() -> torch.nn.Module:
    model = _model(Path("my_seg.py"))
    model.load_state_dict(torch.load("my_seg.pth", weights_only=True))
    return model


def in_folder(folder: Path, log: Path, act: Callable, *arguments: Any) -> None:
    """What a process does: act in the folder, and write all that it says into a file; ends the process as it ends."""
    os.chdir(folder)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
    torch.set_num_threads(1)
    act(*arguments)


def run_command(line: str) -> None:
    """Run one line of a shell block, which calls a script of the repository with Python.

    Raises:
        ValueError: It calls something else; such blocks are not run.
    """
    words = [PLACEHOLDERS.get(word, word) for text in shlex.split(line, comments=True) for word in _braces(text)]
    if words[:1] != ["python"] or not (ROOT / words[1]).is_file():
        raise ValueError(f"only scripts of the repository are run: {line}")
    sys.argv = words[1:]
    sys.path.insert(0, str((ROOT / words[1]).parent))
    runpy.run_path(str(ROOT / words[1]), run_name="__main__")


def _braces(word: str) -> list[str]:
    """``a{b,c}d`` as ``abd acd``, as a shell has it."""
    head, brace, rest = word.partition("{")
    return [head + choice + rest.partition("}")[2] for choice in rest.partition("}")[0].split(",")] if brace else [word]


def run_snippet(text: str, page: str) -> None:
    """Run Python: a program, or, if it imports nothing, a config, whose data, hooks and metrics are built."""
    if "import " in text.replace("custom_imports", ""):
        names = {name: make() for name, make in _names().items() if name in text}
        exec(compile(text, page, "exec"), names)
        return
    if "_base_" in text and "_base_ =" not in text:
        text = f"_base_ = 'my_config.py'\n{text}"
    Path("snippet.py").write_text(text)
    if text.startswith("networks ="):
        from mmselfhuman.engine.self_training import load_settings

        load_settings("snippet.py", {f"networks.{name}.checkpoint": f"my_{name}.pth" for name in ("seg", "pose")})
        return
    _build_parts("snippet.py")


def _build_parts(path: str) -> None:
    from mmengine.registry import DATASETS, HOOKS, METRICS, init_default_scope

    from mmselfhuman.registry import DATASETS as OURS
    from mmselfhuman.registry import MODELS
    from mmselfhuman.utils import load_config

    config = load_config(path)
    init_default_scope(config.get("default_scope", "mmselfhuman"))
    loader = config.get("train_dataloader")
    if loader is not None:
        assert DATASETS.build(loader.dataset)[0]
    for hook in config.get("custom_hooks") or ():
        HOOKS.build(hook)
    metrics = config.get("test_evaluator") or []
    for metric in metrics if isinstance(metrics, list) else [metrics]:
        METRICS.build(metric)
    for name, registry in (("videos", OURS), ("flow", MODELS), ("tpr", MODELS)):
        if config.get(name) is not None:
            registry.build(config[name])


def _names() -> dict[str, Callable[[], Any]]:
    """What snippets take for granted."""
    from mmselfhuman.datasets.video import UnlabelledVideos

    rng = np.random.default_rng(0)
    poses = np.concatenate([rng.uniform(0, HEIGHT, (1, 17, 2)), np.full((1, 17, 1), 0.9)], axis=-1)
    flow = [np.zeros((2, HEIGHT, WIDTH)) for _ in range(LENGTH - 1)]
    return {
        "forward": lambda: flow,
        "backward": lambda: flow,
        "images": lambda: [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * LENGTH,
        "poses": lambda: [poses] * LENGTH,
        "videos": lambda: UnlabelledVideos(["my_videos/"]),
        "model": _trained,
        "ground_truth": _ground_truth,
        "detections": lambda: [],
    }
