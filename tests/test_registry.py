"""Our components in the configs of the MM libraries, theirs in ours, and configs that inherit across packages."""

import math
from pathlib import Path

import mmengine.registry
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import Runner
from mmengine.utils import get_installed_path
from tiny_data import CROP, TinyData, write_tiny_data

import mmselfhuman
import mmselfhuman.registry as ours
from mmselfhuman.utils import register_all_modules

SOURCE = "source=dict(type='COCOPersons', ann_file='{persons}', img_prefix='{images}')"

TWO_STEPS = """
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2)
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
param_scheduler = None
default_hooks = dict(checkpoint=None)
"""


finds_our_modules = pytest.mark.skipif(
    Path(get_installed_path("mmselfhuman")) != Path(mmselfhuman.__file__).parent,
    reason="upstream MMEngine looks for the modules of an editable install in site-packages",
)


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> TinyData:
    return write_tiny_data(tmp_path_factory.mktemp("tiny_data"))


def test_every_registry_of_mmengine_has_a_node_of_our_scope() -> None:
    roots = {name: node for name, node in vars(mmengine.registry).items() if isinstance(node, Registry)}
    lacking = [
        name for name, root in roots.items() if root.children.get("mmselfhuman") is not getattr(ours, name, None)
    ]
    assert lacking == []


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("DATASETS", "PersonSegDataset"),
        ("TRANSFORMS", "LoadPersonImage"),
        ("METRICS", "OCHumanMetric"),
        ("HOOKS", "ShowPredictions"),
    ],
)
def test_default_scope_finds_components_without_custom_imports(node: str, name: str) -> None:
    root = getattr(mmengine.registry, node)
    with DefaultScope.overwrite_default_scope("mmselfhuman"), root.switch_scope_and_registry(None) as registry:
        assert registry.get(name).__module__.startswith("mmselfhuman.")


def test_register_all_modules_fills_every_registry_of_ours() -> None:
    register_all_modules(init_default_scope=False)
    filled = {name for name, node in vars(ours).items() if isinstance(node, Registry) and node.module_dict}
    assert {"DATASETS", "TRANSFORMS", "MODELS", "METRICS", "HOOKS"} <= filled


def test_misspelt_argument_of_a_component_is_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'sorce'"):
        ours.DATASETS.build({"type": "mmselfhuman.PersonSegDataset", "sorce": {}})


def test_stock_mmseg_config_trains_on_our_persons(tiny_data: TinyData, tmp_path: Path) -> None:
    _train(
        tmp_path,
        tiny_data,
        f"""
_base_ = 'mmseg::pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py'
custom_imports = dict(imports=['mmselfhuman'])
norm_cfg = dict(type='BN')
model = dict(
    pretrained=None,
    data_preprocessor=dict(size={CROP}),
    backbone=dict(norm_cfg=norm_cfg),
    decode_head=dict(norm_cfg=norm_cfg, num_classes=2),
    auxiliary_head=dict(norm_cfg=norm_cfg, num_classes=2))
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='mmselfhuman.PersonSegDataset',
        {SOURCE},
        pipeline=[
            dict(type='mmselfhuman.LoadPersonImage'),
            dict(type='mmselfhuman.LoadPersonSegMap'),
            dict(type='RandomCrop', crop_size={CROP}),
            dict(type='PackSegInputs'),
        ]))
""",
        scope="mmseg",
    )


def test_stock_mmdet_config_trains_on_our_persons(tiny_data: TinyData, tmp_path: Path) -> None:
    _train(
        tmp_path,
        tiny_data,
        f"""
_base_ = 'mmdet::rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py'
custom_imports = dict(imports=['mmselfhuman'])
norm_cfg = dict(type='BN')
model = dict(
    data_preprocessor=dict(batch_augments=None),
    backbone=dict(norm_cfg=norm_cfg, init_cfg=None),
    neck=dict(norm_cfg=norm_cfg),
    bbox_head=dict(norm_cfg=norm_cfg, num_classes=1))
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='mmselfhuman.PersonInstanceDataset',
        {SOURCE},
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True, poly2mask=False),
            dict(type='CachedMosaic', img_scale={CROP}, pad_val=114.0, max_cached_images=4, random_pop=False),
            dict(type='RandomResize', scale=(128, 128), ratio_range=(0.5, 2.0), resize_type='Resize', keep_ratio=True),
            dict(type='RandomCrop', crop_size={CROP}, recompute_bbox=True, allow_negative_crop=True),
            dict(type='RandomFlip', prob=0.5),
            dict(type='Pad', size={CROP}, pad_val=dict(img=(114, 114, 114))),
            dict(type='PackDetInputs'),
        ]))
custom_hooks = []
""",
        scope="mmdet",
    )


def test_stock_mmpose_config_trains_on_our_persons(tiny_data: TinyData, tmp_path: Path) -> None:
    _train(
        tmp_path,
        tiny_data,
        f"""
_base_ = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'
custom_imports = dict(imports=['mmselfhuman'])
codec = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
model = dict(
    backbone=dict(depth=18, strides=(1, 2, 2, 1), init_cfg=None),
    head=dict(in_channels=512, deconv_out_channels=(64, 64), deconv_kernel_sizes=(4, 4), decoder=codec))
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        _delete_=True,
        type='mmselfhuman.PersonPoseDataset',
        {SOURCE},
        pipeline=[
            dict(type='LoadImage'),
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip', direction='horizontal'),
            dict(type='RandomHalfBody'),
            dict(type='RandomBBoxTransform'),
            dict(type='TopdownAffine', input_size=codec['input_size']),
            dict(type='GenerateTarget', encoder=codec),
            dict(type='PackPoseInputs'),
        ]))
""",
        scope="mmpose",
    )


@pytest.mark.skipif(
    not Path(mmselfhuman.__file__).with_name(".mim").is_dir(), reason="'mmselfhuman::' needs `pip install -e .`"
)
def test_configs_of_other_packages_inherit_from_ours(tmp_path: Path) -> None:
    config = _read(tmp_path, "_base_ = 'mmselfhuman::seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py'")
    assert config.model.backbone.model_name == "xception71"
    assert config.model["_scope_"] == "mmselfhuman"


@pytest.mark.parametrize(
    ("base", "scope"),
    [
        ("mmseg::pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py", "mmseg"),
        ("mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py", "mmdet"),
        ("mmdet::_base_/models/mask-rcnn_r50_fpn.py", "mmdet"),
        ("mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py", "mmpose"),
    ],
)
def test_configs_inherit_from_upstream_and_fork_alike(tmp_path: Path, base: str, scope: str) -> None:
    assert _read(tmp_path, f"_base_ = '{base}'").model["_scope_"] == scope


@finds_our_modules
def test_read_base_takes_the_parts_of_our_configs(tmp_path: Path) -> None:
    config = _read(
        tmp_path,
        """
from mmengine.config import read_base

with read_base():
    from mmselfhuman.configs._base_.datasets.cocopersons_seg import *
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.deeplabv3plus_xception71 import *
    from mmselfhuman.configs._base_.schedules.sgd_poly_30e import *

model.update(test_cfg=dict(mode='slide', crop_size=crop_size, stride=(341, 341)))
""",
    )
    root = Path(__file__).resolve().parents[1]
    ordinary = Config.fromfile(root / "configs/seg/deeplabv3plus_xception71_8xb2-30e_cocopersons-512x512.py").to_dict()
    ordinary["model"]["test_cfg"] = {"mode": "slide", "crop_size": (512, 512), "stride": (341, 341)}
    assert config.to_dict() == ordinary


@finds_our_modules
def test_read_base_mixes_imported_classes_with_our_parts(tiny_data: TinyData, tmp_path: Path) -> None:
    _train(
        tmp_path,
        tiny_data,
        f"""
from mmengine.config import read_base
from mmengine.runner import IterBasedTrainLoop
from mmseg.datasets import PackSegInputs
from mmseg.datasets.transforms import RandomCrop

from mmselfhuman.datasets import PersonSegDataset
from mmselfhuman.datasets.transforms import LoadPersonImage, LoadPersonSegMap

with read_base():
    from mmselfhuman.configs._base_.default_runtime import *
    from mmselfhuman.configs._base_.models.deeplabv3plus_xception71 import *
    from mmselfhuman.configs._base_.schedules.sgd_poly_30e import *

model.backbone.update(model_name='resnet18', pretrained=False)
model.decode_head.update(in_channels=512, channels=32, c1_in_channels=64)
model.data_preprocessor.update(size={CROP})
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=PersonSegDataset,
        {SOURCE},
        pipeline=[
            dict(type=LoadPersonImage), dict(type=LoadPersonSegMap), dict(type=RandomCrop, crop_size={CROP}),
            dict(type=PackSegInputs)
        ]))
train_cfg = dict(type=IterBasedTrainLoop, max_iters=2)
val_cfg = None
test_cfg = None
param_scheduler = None
default_hooks.update(checkpoint=None)
""",
        scope="mmselfhuman",
        two_steps="",
    )


@pytest.mark.parametrize("library", ["mmdet", "mmpose"])
def test_read_base_takes_the_libraries_own_modules(library: str, tmp_path: Path) -> None:
    module = "configs/_base_/default_runtime.py"
    if not Path(get_installed_path(library), module).is_file():
        pytest.skip(f"this distribution of {library} has no importable configs")
    config = _read(
        tmp_path,
        f"""
from mmengine.config import read_base

with read_base():
    from {library}.configs._base_.default_runtime import *
""",
    )
    assert config.default_scope == library


def _read(folder: Path, text: str) -> Config:
    path = folder / "config.py"
    path.write_text(text)
    return Config.fromfile(path)


def _train(folder: Path, data: TinyData, text: str, scope: str, two_steps: str = TWO_STEPS) -> None:
    """Train two steps as a config of this text says, and expect a finite loss."""
    torch.set_num_threads(1)
    text = text.replace("{persons}", str(data.persons)).replace("{images}", str(data.images))
    config = _read(folder, text + two_steps)
    assert config.default_scope == scope
    config.work_dir = str(folder / "work_dir")
    runner = Runner.from_cfg(config)
    runner.train()
    assert runner.iter == 2
    assert math.isfinite(MessageHub.get_current_instance().get_scalar("train/loss").current())
