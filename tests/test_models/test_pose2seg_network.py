"""The Pose2Seg network: begun from the Seg Module it gives what the Seg Module gives, and it learns from skeletons."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.runner import load_checkpoint
from mmseg.structures import SegDataSample
from pycocotools import mask as coco_mask
from torch import nn

from mmselfhuman.models.pose2seg import NUM_CHANNELS, cut, widen_input
from mmselfhuman.registry import MODELS
from mmselfhuman.utils import load_config

ROOT = Path(__file__).resolve().parents[2]
NORM = {"type": "BN", "requires_grad": True}
BACKBONES = {
    "UNet": (
        {"type": "mmseg.UNet", "base_channels": 4, "num_stages": 2, "strides": (2, 1), "enc_num_convs": (1, 1),
         "dec_num_convs": (1,), "downsamples": (True,), "enc_dilations": (1, 1), "dec_dilations": (1,),
         "upsample_cfg": {"type": "mmseg.InterpConv"}, "norm_cfg": NORM}, 4, 1),
    "ResNet": (
        {"type": "mmseg.ResNetV1c", "depth": 18, "base_channels": 4, "stem_channels": 4, "norm_cfg": NORM}, 32, 3),
    "SegFormer": (
        {"type": "mmseg.MixVisionTransformer", "embed_dims": 4, "num_heads": (1, 1, 1, 1), "num_layers": (1, 1, 1, 1)},
        4, 0),
    "Xception": (
        {"type": "mmseg.TIMMBackbone", "model_name": "xception41", "features_only": True, "pretrained": False,
         "out_indices": (1,)}, 256, 0),
}  # fmt: skip


@pytest.fixture(autouse=True)
def scope() -> None:
    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        yield


def network(backbone: str = "UNet", pose2seg: bool = False, **settings: object) -> nn.Module:
    config, channels, index = BACKBONES[backbone]
    kind = "Pose2Seg" if pose2seg else "mmseg.EncoderDecoder"
    preprocessor = "Pose2SegDataPreProcessor" if pose2seg else "mmseg.SegDataPreProcessor"
    return MODELS.build(
        ConfigDict(
            type=kind,
            data_preprocessor={
                "type": preprocessor, "mean": [120.0, 110.0, 100.0], "std": [60.0, 50.0, 40.0], "bgr_to_rgb": True,
                "pad_val": 0, "seg_pad_val": 255, "test_cfg": {"size_divisor": 16},
            },
            backbone=copy.deepcopy(config),
            decode_head={
                "type": "mmseg.FCNHead", "in_channels": channels, "in_index": index, "channels": 4, "num_convs": 1,
                "num_classes": 2, "norm_cfg": NORM, "dropout_ratio": 0,
                "loss_decode": {"type": "mmseg.CrossEntropyLoss"},
            },
            test_cfg={"mode": "whole"},
            **settings,
        )
    ).eval()  # fmt: skip


def logits(model: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    size = {"img_shape": tuple(inputs.shape[-2:]), "ori_shape": tuple(inputs.shape[-2:])}
    with torch.no_grad():
        samples = model.test_step(
            {"inputs": list(inputs), "data_samples": [SegDataSample(metainfo=size) for _ in inputs]}
        )
    return torch.stack([sample.seg_logits.data for sample in samples])


def pictures(maps: str = "random") -> tuple[torch.Tensor, torch.Tensor]:
    """Two images, and the same with skeleton maps."""
    images = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0)).float()
    drawn = torch.rand(2, NUM_CHANNELS, 32, 32) if maps == "random" else torch.zeros(2, NUM_CHANNELS, 32, 32)
    return images, torch.cat([images, drawn], dim=1)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_seg_checkpoint_makes_it_the_seg_network(backbone: str, tmp_path: Path) -> None:
    seg, pose2seg = network(backbone), network(backbone, pose2seg=True)
    torch.save({"state_dict": seg.state_dict()}, tmp_path / "seg.pth")
    load_checkpoint(pose2seg, str(tmp_path / "seg.pth"), strict=True)
    images, with_maps = pictures()
    torch.testing.assert_close(logits(pose2seg, with_maps), logits(seg, images), rtol=0, atol=1e-5)


def test_on_empty_maps_a_trained_one_sees_only_the_image() -> None:
    pose2seg = network(pose2seg=True)
    (name,) = [n for n, w in pose2seg.named_parameters() if w.ndim == 4 and w.shape[1] == 3 + NUM_CHANNELS]
    nn.init.normal_(pose2seg.get_parameter(name))
    seg = network()
    state = {key: value[:, :3] if key == name else value for key, value in pose2seg.state_dict().items()}
    seg.load_state_dict(state)
    images, with_maps = pictures("empty")
    torch.testing.assert_close(logits(pose2seg, with_maps), logits(seg, images), rtol=0, atol=1e-5)


def test_its_own_checkpoint_loads_as_it_is(tmp_path: Path) -> None:
    first, second = network(pose2seg=True), network(pose2seg=True)
    for parameter in first.parameters():
        nn.init.normal_(parameter, std=0.1)
    torch.save(first.state_dict(), tmp_path / "own.pth")
    load_checkpoint(second, str(tmp_path / "own.pth"), strict=True)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_initial_weights_may_be_a_seg_checkpoint(tmp_path: Path) -> None:
    seg = network()
    torch.save(seg.state_dict(), tmp_path / "seg.pth")
    pose2seg = network(pose2seg=True, init_cfg={"type": "Pretrained", "checkpoint": str(tmp_path / "seg.pth")})
    pose2seg.init_weights()
    images, with_maps = pictures()
    torch.testing.assert_close(logits(pose2seg, with_maps), logits(seg, images), rtol=0, atol=1e-5)


def test_skeleton_weights_learn_from_the_first_step() -> None:
    pose2seg = network(pose2seg=True)
    widened = next(w for w in pose2seg.parameters() if w.ndim == 4 and w.shape[1] == 3 + NUM_CHANNELS)
    with torch.no_grad():
        widened[:, 3:] = 0
    pose2seg(pictures()[1], mode="tensor").square().sum().backward()
    assert widened.grad[:, 3:].abs().sum() > 0


def test_a_copy_loads_seg_checkpoints_as_well() -> None:
    copied = copy.deepcopy(network(pose2seg=True))
    assert copied.load_state_dict(network().state_dict()).missing_keys == []


class TestWidening:
    def test_names_what_it_widened(self) -> None:
        layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3))
        kept = layers[0].weight.detach().clone()
        assert widen_input(layers, 2) == ["0"]
        assert torch.equal(layers[0].weight[:, :3], kept)
        assert not layers[0].weight[:, 3:].any()

    def test_refuses_a_network_without_an_image_and_grouped_convolutions(self) -> None:
        with pytest.raises(ValueError, match="no convolution with 3 input channels"):
            widen_input(nn.Sequential(nn.Conv2d(4, 4, 3)), 2)
        with pytest.raises(ValueError, match="has 3 groups"):
            widen_input(nn.Sequential(nn.Conv2d(3, 3, 3, groups=3)), 2)


def test_the_preprocessor_turns_and_normalises_the_image_and_leaves_the_maps() -> None:
    inputs = torch.cat([torch.tensor([100.0, 160.0, 180.0]), torch.full((NUM_CHANNELS,), 0.5)]).view(-1, 1, 1)
    data = network(pose2seg=True).data_preprocessor(
        {"inputs": [inputs.expand(-1, 16, 16)], "data_samples": [SegDataSample()]}
    )
    # BGR (100, 160, 180) is RGB (180, 160, 100), less the mean (120, 110, 100), over (60, 50, 40).
    assert data["inputs"][0, :4, 0, 0].tolist() == [1, 1, 0, 0.5]


def head(**settings: object) -> nn.Module:
    pose2seg = network(pose2seg=True)
    for parameter in pose2seg.parameters():
        nn.init.normal_(parameter, std=0.2, generator=torch.Generator().manual_seed(1))
    return MODELS.build({"type": "Pose2SegHead", "size": (24, 24), **settings, "segmentor": pose2seg}).eval()


@torch.no_grad()
def test_the_head_predicts_each_person_on_the_crop() -> None:
    image = torch.randint(0, 256, (3, 50, 70), dtype=torch.uint8)
    poses = torch.rand(5, 17, 3) * torch.tensor([70.0, 50.0, 1.0])
    together, regions = head()(image, poses)
    assert together.shape == (5, 2, 24, 24)
    portions, same = head(batch_size=2)(image, poses)
    torch.testing.assert_close(portions, together, rtol=0, atol=1e-4)
    assert torch.equal(regions, same)
    plain = head()
    with_maps = plain._predict
    seen = []
    plain._predict = lambda inputs: seen.append(inputs) or with_maps(inputs)
    plain(image, poses)
    assert torch.equal(seen[0][:, :3], cut(image, regions, (24, 24), 127.5))


@torch.no_grad()
def test_the_head_bears_nobody_and_persons_outside() -> None:
    image = torch.zeros(3, 40, 40, dtype=torch.uint8)
    logits_of_nobody, regions = head()(image, torch.zeros(0, 17, 3))
    assert logits_of_nobody.shape == (0, 2, 24, 24)
    assert regions.shape == (0, 4)
    outside = torch.full((1, 17, 3), 900.0)
    assert head()(image, outside)[0].isfinite().all()
    assert head()(image, torch.zeros(1, 17, 3))[0].isfinite().all()


@torch.no_grad()
def test_samples_that_know_their_region_get_a_mask_in_the_frame() -> None:
    size = {"img_shape": (32, 32), "ori_shape": (32, 32)}
    placed = {"region": np.array([10.0, 5.0, 32.0, 32.0], np.float32), "frame_shape": (60, 80)}
    pose2seg = network(pose2seg=True)
    samples = [SegDataSample(metainfo=size), SegDataSample(metainfo={**size, **placed})]
    plain, person = pose2seg.test_step({"inputs": list(pictures()[1]), "data_samples": samples})
    assert "pred_instances" not in plain
    frame = coco_mask.decode(person.pred_instances.masks[0])
    crop = person.pred_sem_seg.data[0].numpy()
    assert frame.shape == (60, 80)
    assert np.array_equal(frame[5:37, 10:42], crop)
    assert frame.sum() == crop.sum()
    probability = person.seg_logits.data.softmax(0)[1][torch.from_numpy(crop > 0)]
    assert float(person.pred_instances.scores) == pytest.approx(
        float(probability.mean()) if crop.any() else 0, abs=1e-5
    )


def test_the_small_configs_head_and_data_agree() -> None:
    config = load_config(ROOT / "configs/pose2seg/pose2seg-small_1xb16-1k_synthetic-96x96.py")
    assert config.model.data_preprocessor["size"] == config.crop["size"]
