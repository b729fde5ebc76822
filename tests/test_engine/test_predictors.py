"""Logits of any segmentor, and logits and masks from files."""

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules
from torch import nn

from mmselfhuman.engine.label_making import SegmentorPredictor, StoredPredictions
from mmselfhuman.structures import Frame

FRAMES = [Frame(index, np.random.default_rng(index).integers(0, 256, (24, 40, 3), np.uint8)) for index in range(3)]


def _segmentor(test_cfg: dict | None = None, **head) -> nn.Module:
    register_all_modules(init_default_scope=False)
    torch.manual_seed(0)
    preprocessor = {"type": "SegDataPreProcessor", "mean": [120] * 3, "std": [60] * 3, "test_cfg": {"size_divisor": 16}}
    model = MODELS.build(
        Config(
            {
                "model": {
                    "type": "EncoderDecoder",
                    "_scope_": "mmseg",
                    "data_preprocessor": preprocessor,
                    "backbone": {
                        "type": "FastSCNN",
                        "downsample_dw_channels": (4, 6),
                        "global_in_channels": 8,
                        "global_block_channels": (8, 8, 8),
                        "global_block_strides": (2, 2, 1),
                        "global_out_channels": 8,
                        "higher_in_channels": 8,
                        "lower_in_channels": 8,
                        "fusion_out_channels": 8,
                        "norm_cfg": {"type": "BN"},
                    },
                    "decode_head": {
                        "type": "FCNHead",
                        "in_channels": 8,
                        "in_index": -1,
                        "channels": 4,
                        "num_convs": 1,
                        "concat_input": False,
                        "num_classes": 2,
                        "norm_cfg": {"type": "BN"},
                        **head,
                    },
                    "test_cfg": test_cfg or {"mode": "whole"},
                }
            }
        ).model
    )
    head = model.eval().decode_head.conv_seg
    with torch.no_grad():
        head.weight *= 1000
        activations = model(torch.randn(2, 3, 32, 48), mode="tensor")
        # So that each class wins somewhere.
        head.bias -= activations.mean((0, 2, 3))
        head.weight /= activations.std()
        head.bias /= activations.std()
    return model


def _predictions(model: nn.Module) -> list[torch.Tensor]:
    """The model's own labels, one frame at a time."""
    from mmseg.datasets.transforms import PackSegInputs

    results = []
    model.eval()
    for frame in FRAMES:
        sample = PackSegInputs()({"img": frame.image, "img_shape": (24, 40), "ori_shape": (24, 40)})
        batch = {"inputs": [sample["inputs"]], "data_samples": [sample["data_samples"]]}
        with torch.no_grad():
            results.append(model.test_step(batch)[0].pred_sem_seg.data[0])
    return results


@pytest.mark.parametrize(
    ("test_cfg", "head"),
    [
        (None, {}),
        ({"mode": "slide", "crop_size": (32, 32), "stride": (16, 16)}, {}),
        (None, {"num_classes": 5}),
        (None, {"out_channels": 1, "threshold": 0.3, "loss_decode": {"type": "CrossEntropyLoss", "use_sigmoid": True}}),
    ],
    ids=["whole", "slide", "five classes", "one channel"],
)
def test_the_largest_logit_is_the_models_own_decision(test_cfg: dict | None, head: dict) -> None:
    model = _segmentor(test_cfg, **head)
    logits = SegmentorPredictor(model)("clip", FRAMES)
    own = _predictions(model)
    for activations, decision in zip(logits, own, strict=True):
        assert activations.shape == (head.get("num_classes", 2), 24, 40)
        assert (activations.argmax(0) == decision).float().mean() > 0.999
    assert len(torch.stack(own).unique()) > 1


def test_one_channel_gives_its_logit_relative_to_the_threshold() -> None:
    model = _segmentor(out_channels=1, threshold=0.3, loss_decode={"type": "CrossEntropyLoss", "use_sigmoid": True})
    (logits,) = SegmentorPredictor(model)("clip", FRAMES[:1])
    model.decode_head.threshold = 0.5
    (unshifted,) = SegmentorPredictor(model)("clip", FRAMES[:1])
    assert (logits[0] == 0).all()
    torch.testing.assert_close(logits[1] - unshifted[1], torch.full((24, 40), -np.log(0.3 / 0.7)), check_dtype=False)


def test_modes_statistics_and_random_numbers_are_left_alone() -> None:
    model = _segmentor(dropout_ratio=0.5).train()
    model.backbone.eval()
    modes = {name: module.training for name, module in model.named_modules()}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    generators = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    logits = SegmentorPredictor(model)("clip", FRAMES)
    assert not any(activations.requires_grad for activations in logits)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert random.getstate() == generators[0]
    assert np.random.get_state()[1].tolist() == generators[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), generators[2])


def test_frames_go_through_the_transforms() -> None:
    seen = []

    def halved(sample: dict) -> dict:
        seen.append(sample["img"].shape)
        image = cv2.resize(sample["img"], (20, 12))
        return {**sample, "img": image, "img_shape": image.shape[:2]}

    (logits,) = SegmentorPredictor(_segmentor(), [halved])("clip", FRAMES[:1])
    assert seen == [(24, 40, 3)]
    assert logits.shape == (2, 24, 40)


def test_what_is_no_segmentor_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected a segmentor of MMSegmentation.*got Linear"):
        SegmentorPredictor(nn.Linear(1, 1))


def test_stored_logits_are_found_by_the_number_of_the_frame(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    for number in (0, 2):
        np.savez(tmp_path / "walk" / f"{number:05d}.npz", logits=np.full((2, 3, 4), number, np.float16))
    predictor = StoredPredictions(tmp_path)
    (logits,) = predictor("walk", [FRAMES[2]])
    assert logits.dtype == torch.float32
    assert (logits == 2).all()
    with pytest.raises(ValueError, match=r"no prediction for frame 1 of clip walk: .* lacks 00001.npz and 00001.png"):
        predictor("walk", [FRAMES[1]])
    with pytest.raises(ValueError, match="no predictions for clip run: no such folder"):
        predictor("run", FRAMES)


def test_logits_of_a_whole_clip_may_be_one_file(tmp_path: Path) -> None:
    logits = np.arange(2, dtype=np.float16).reshape(2, 1, 1, 1) * np.ones((1, 2, 3, 4), np.float16)
    np.savez(tmp_path / "walk.npz", logits=logits)
    np.savez(tmp_path / "run.npz", logits=logits, frames=np.array([2, 0]))
    predictor = StoredPredictions(tmp_path)
    assert [float(found.mean()) for found in predictor("walk", FRAMES[:2])] == [0, 1]
    assert [float(found.mean()) for found in predictor("run", [FRAMES[0], FRAMES[2]])] == [1, 0]
    with pytest.raises(ValueError, match=r"no prediction for frame 1 of clip run: .*run\.npz lacks it"):
        predictor("run", [FRAMES[1]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"logits": np.zeros((2, 4, 4), np.float32)}, r"expected floating logits of shape \(T, 2, h, w\)"),
        ({"logits": np.zeros((2, 2, 4, 4), np.float32), "frames": np.array([1, 1])}, "2 different numbers"),
    ],
)
def test_files_of_whole_clips_that_are_something_else_are_named(tmp_path: Path, content: dict, message: str) -> None:
    np.savez(tmp_path / "walk.npz", **content)
    with pytest.raises(ValueError, match=message):
        StoredPredictions(tmp_path)("walk", FRAMES[:1])


def test_stored_masks_become_logits_of_their_labels(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    mask = np.array([[0, 255, 1]], np.uint8)
    cv2.imwrite(str(tmp_path / "walk" / "0.png"), mask)
    (labels,) = StoredPredictions(tmp_path)("walk", FRAMES[:1])
    assert labels[:, 0, 0].argmax() == 0
    assert labels[:, 0, 1].tolist() == [0, 0]
    assert labels[:, 0, 2].argmax() == 1
    (masks,) = StoredPredictions(tmp_path, foreground=True)("walk", FRAMES[:1])
    assert masks.argmax(0).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("0.npz", {"logits": np.zeros((3, 2, 2), np.float32)}, r"expected floating logits of shape \(2, h, w\)"),
        ("0.npz", {"logits": np.zeros((2, 2, 2), np.int64)}, "got int64"),
        ("0.npz", {"scores": np.zeros((2, 2, 2))}, "must hold an array 'logits', it holds scores"),
        ("0.npz", None, "0.npz cannot be read"),
        ("0.png", None, "0.png cannot be decoded"),
        ("first.png", None, "expected the number of a frame as its name, such as 00012.png"),
    ],
)
def test_files_that_are_something_else_are_named(tmp_path: Path, name: str, content: dict | None, message: str) -> None:
    (tmp_path / "walk").mkdir()
    if content:
        np.savez(tmp_path / "walk" / name, **content)
    else:
        (tmp_path / "walk" / name).write_bytes(b"damaged")
    with pytest.raises(ValueError, match=message):
        StoredPredictions(tmp_path)("walk", FRAMES[:1])
