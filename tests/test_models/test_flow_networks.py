"""MMFlow's and PTLFlow's networks behind the interface: colours, sizes, units, direction, and what goes wrong.

Neither package is installed where these tests usually run: most of them use a stand-in with the same calls, whose
network finds the bright block of the channel that it looks at. Those with the real packages compare their RAFT with
torchvision's under the same weights.
"""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmselfhuman.models.flow import MMFlowEstimator, PTLFlowEstimator, RAFTFlow
from mmselfhuman.models.flow.input_size import InputSize
from mmselfhuman.models.flow.mmflow_correlation import Correlation
from mmselfhuman.registry import MODELS

FINDER = '''
import torch

def block(image):
    """Centre (x, y) of the bright pixels of (H, W), as (2, 1, 1)."""
    y, x = (image > image.max() / 2).nonzero(as_tuple=True)
    return torch.stack([x.float().mean(), y.float().mean()]).view(2, 1, 1)

def motion(first, second):
    """(3, H, W) images to (2, H, W) flow of the block in channel 0."""
    return (block(second[0]) - block(first[0])).expand(2, *first.shape[1:])
'''

MMFLOW = {
    "__init__.py": """
import mmcv
from packaging.version import Version
assert Version("2.0.0rc1") <= Version(mmcv.__version__) < Version("2.1.0"), f"MMCV=={mmcv.__version__} is incompatible"
""",
    "registry.py": """
from mmengine.registry import MODELS as PARENT, Registry
MODELS = Registry("model", parent=PARENT, scope="mmflow")
""",
    "structures.py": """
from mmengine.structures import BaseDataElement
class FlowDataSample(BaseDataElement):
    pass
""",
    "finder.py": FINDER,
    "models/__init__.py": """
import torch
from mmengine.structures import PixelData
from mmflow.finder import motion
from mmflow.models.utils import CorrBlock
from mmflow.registry import MODELS

class Preprocessor(torch.nn.Module):
    def __init__(self, bgr_to_rgb):
        super().__init__()
        self.bgr_to_rgb = bgr_to_rgb

    def forward(self, data, training=False):
        pairs = torch.stack(data["inputs"]).float() / 255
        pairs = pairs.flip(2) if self.bgr_to_rgb else pairs
        return {"inputs": pairs.flatten(1, 2), "data_samples": data["data_samples"]}

@MODELS.register_module()
class Finder(torch.nn.Module):
    def __init__(self, bgr_to_rgb=False, device_error=False):
        super().__init__()
        self.data_preprocessor = Preprocessor(bgr_to_rgb)
        self.correlation = CorrBlock()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.device_error = device_error

    def predict(self, inputs, data_samples):
        if self.device_error:
            raise RuntimeError("deform_conv_forward_impl: implementation for device cpu not found.")
        self.seen = tuple(inputs.shape)
        for pair, sample in zip(inputs, data_samples, strict=True):
            assert sample.img_shape == sample.ori_shape == tuple(inputs.shape[2:])
            sample.pred_flow_fw = PixelData(data=self.weight * motion(pair[:3], pair[3:]))
        return data_samples
""",
    "models/utils.py": """
import torch
class CorrBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        operator = torch.nn.Module()
        operator.kernel_size, operator.max_displacement, operator.stride = 1, 3, 2
        operator.padding, operator.dilation, operator.dilation_patch = 0, 1, 2
        self.corr_block = [operator, torch.nn.ReLU()]
""",
}

PTLFLOW = {
    "__init__.py": """
import torch
from ptlflow.finder import motion

class Finder(torch.nn.Module):
    pretrained_checkpoints = {"things": "https://somewhere"}

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, inputs):
        images = inputs["images"]
        assert images.ndim == 5 and images.max() <= 1
        return {"flows": self.weight * torch.stack([motion(*pair) for pair in images])[:, None]}

def get_model_names():
    return ["flownet2"]

def get_model_reference(name):
    return Finder

def get_model(name, ckpt_path=None):
    model = Finder()
    if ckpt_path is not None:
        model.load_state_dict(torch.load(ckpt_path, weights_only=True)["state_dict"])
    return model
""",
    "finder.py": FINDER,
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a stand-in for the time of a test."""

    def install(name: str, files: dict[str, str]) -> None:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        forget(name)
        installed.append(name)
        monkeypatch.syspath_prepend(tmp_path)

    def forget(name: str) -> None:
        if "mmengine.registry" in sys.modules:  # which keeps the registries of packages by their names
            sys.modules["mmengine.registry"].MODELS.children.pop(name, None)
        for module in [module for module in sys.modules if module.split(".")[0] == name]:
            del sys.modules[module]

    installed: list[str] = []
    yield install
    for name in installed:
        forget(name)


@pytest.fixture
def mmflow(package):
    pytest.importorskip("mmcv", reason="MMFlow needs mmcv")
    package("mmflow", MMFLOW)


@pytest.fixture
def ptlflow(package):
    package("ptlflow", PTLFLOW)


def scene(x: int, y: int, channel: int = 0, size: tuple[int, int] = (100, 150)) -> Tensor:
    """A (1, 3, H, W) picture, black but for a bright 8 x 8 block in one channel."""
    image = torch.zeros(1, 3, *size, dtype=torch.uint8)
    image[0, channel, y : y + 8, x : x + 8] = 200
    return image


def mean_vector(flow: Tensor) -> list[float]:
    return flow[0].mean((1, 2)).tolist()


def test_mmflow_s_flow_is_in_pixels_x_before_y_from_the_first_image_to_the_second(mmflow):
    estimator = MMFlowEstimator({"model": {"type": "Finder"}})
    flow = estimator(scene(20, 30), scene(27, 26))
    assert flow.shape == (1, 2, 100, 150)
    assert mean_vector(flow) == pytest.approx([7, -4], abs=1e-3)
    assert estimator.network.seen == (1, 6, 128, 192), "padded to multiples of 64, at least 128"


def test_mmflow_batches_keep_their_order_and_nothing_needs_gradients(mmflow):
    estimator = MMFlowEstimator({"model": {"type": "Finder"}})
    src, dst = torch.cat([scene(20, 30), scene(5, 5)]), torch.cat([scene(22, 30), scene(5, 8)])
    assert estimator(src, dst).mean((2, 3)).tolist() == [pytest.approx([2, 0]), pytest.approx([0, 3])]
    assert not any(parameter.requires_grad for parameter in estimator.parameters())
    assert not estimator.network.training


def test_mmflow_gets_bgr_and_its_preprocessor_decides(mmflow):
    blue, red = (scene(20, 30, 0), scene(30, 30, 0)), (scene(20, 30, 2), scene(30, 30, 2))
    plain, swapping = (MMFlowEstimator({"model": {"type": "Finder", "bgr_to_rgb": swap}}) for swap in (False, True))
    assert mean_vector(plain(*blue)) == pytest.approx([10, 0], abs=1e-3)
    assert mean_vector(swapping(*red)) == pytest.approx([10, 0], abs=1e-3)


def test_mmflow_s_images_fit_as_the_config_s_test_pipeline_says(mmflow):
    def built(*transforms: dict) -> MMFlowEstimator:
        loaders = [{"dataset": {"pipeline": [{"type": "LoadImageFromFile"}, *transforms]}}]
        return MMFlowEstimator({"model": {"type": "Finder"}, "test_dataloader": loaders})

    padding, enlarging = built({"type": "InputPad", "exponent": 3}), built({"type": "InputResize", "exponent": 6})
    src, dst = scene(40, 40, size=(130, 200)), scene(50, 48, size=(130, 200))
    assert mean_vector(padding(src, dst)) == pytest.approx([10, 8], abs=1e-3)
    assert padding.network.seen[2:] == (136, 200)
    assert mean_vector(enlarging(src, dst)) == pytest.approx([10, 8], abs=0.5)
    assert enlarging.network.seen[2:] == (192, 256)


def test_mmflow_is_imported_beside_a_later_mmcv_which_keeps_its_version(mmflow, monkeypatch):
    import mmcv

    monkeypatch.setattr(mmcv, "__version__", "2.3.6")
    MMFlowEstimator({"model": {"type": "Finder"}})
    assert mmcv.__version__ == "2.3.6"


def test_mmflow_s_correlations_are_replaced_by_ones_that_run_anywhere(mmflow):
    operator = MMFlowEstimator({"model": {"type": "Finder"}}).network.correlation.corr_block[0]
    assert isinstance(operator, Correlation)
    assert (operator.max_displacement, operator.stride, operator.dilation_patch) == (3, 2, 2)


def test_mmflow_s_networks_are_found_whatever_the_default_scope(mmflow):
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope("mmselfhuman"):
        built = MODELS.build({"type": "MMFlowEstimator", "config": {"model": {"type": "Finder"}}})
    assert type(built.network).__name__ == "Finder"


def test_mmflow_reads_configs_and_checkpoints_from_files(mmflow, tmp_path):
    (tmp_path / "net.py").write_text("model = dict(type='Finder')\n")
    torch.save({"state_dict": {"weight": torch.full((1,), 2.0)}}, tmp_path / "net.pth")
    estimator = MMFlowEstimator(tmp_path / "net.py", str(tmp_path / "net.pth"))
    assert mean_vector(estimator(scene(20, 30), scene(27, 26))) == pytest.approx([14, -8], abs=1e-3)
    torch.save({"state_dict": {"other": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(RuntimeError, match="other"):
        MMFlowEstimator(tmp_path / "net.py", str(tmp_path / "other.pth"))


def test_what_mmflow_lacks_is_named(mmflow, tmp_path):
    (tmp_path / "net.py").write_text("pipeline = []\n")
    with pytest.raises(ValueError, match=r"net\.py has no 'model', only pipeline"):
        MMFlowEstimator(tmp_path / "net.py")
    estimator = MMFlowEstimator({"model": {"type": "Finder", "device_error": True}})
    with pytest.raises(RuntimeError, match="MMFlow's Finder uses an operator that this build of mmcv lacks on cpu"):
        estimator(scene(20, 30), scene(27, 26))


def test_a_missing_mmflow_is_named_with_the_way_to_install_it(package):
    package("mmflow", {"__init__.py": "raise ModuleNotFoundError(\"No module named 'mmflow'\")"})
    with pytest.raises(ImportError, match=r"No module named 'mmflow'.*pip install .*mmflow\.git@dev-1\.x"):
        MMFlowEstimator({"model": {"type": "Finder"}})


def test_the_old_mmflow_is_named(package):
    package("mmflow", {"__init__.py": "raise AssertionError('MMCV==2.0.1 is used but incompatible')"})
    with pytest.raises(ImportError, match=r"needs MMFlow 1\.x, not what is installed as mmflow: MMCV==2\.0\.1"):
        MMFlowEstimator({"model": {"type": "Finder"}})


def test_ptlflow_s_flow_is_in_pixels_x_before_y_from_the_first_bgr_image_to_the_second(ptlflow):
    estimator = PTLFlowEstimator(weights=None)
    flow = estimator(scene(20, 30), scene(27, 26))
    assert flow.shape == (1, 2, 100, 150)
    assert mean_vector(flow) == pytest.approx([7, -4], abs=1e-3)
    assert mean_vector(estimator(scene(20, 30).double(), scene(20, 39).double())) == pytest.approx([0, 9], abs=1e-3)
    assert not any(parameter.requires_grad for parameter in estimator.parameters())


def test_ptlflow_reads_weights_from_a_file_and_names_wrong_ones(ptlflow, tmp_path):
    torch.save({"state_dict": {"weight": torch.full((1,), 2.0)}}, tmp_path / "net.ckpt")
    estimator = PTLFlowEstimator("flownet2", str(tmp_path / "net.ckpt"))
    assert mean_vector(estimator(scene(20, 30), scene(27, 26))) == pytest.approx([14, -8], abs=1e-3)
    with pytest.raises(FileNotFoundError, match="weights of flownet2: 'sintel' is neither a file nor one of things"):
        PTLFlowEstimator("flownet2", "sintel")
    with pytest.raises(ValueError, match="model: expected one of flownet2, got 'flownet3'"):
        PTLFlowEstimator("flownet3")


def test_a_missing_ptlflow_is_named_with_the_way_to_install_it(package):
    package("ptlflow", {"__init__.py": "raise ModuleNotFoundError(\"No module named 'loguru'\")"})
    with pytest.raises(ImportError, match=r"No module named 'loguru'.*pip install --no-deps 'ptlflow"):
        PTLFlowEstimator()


def correlate(first: Tensor, second: Tensor, op: Correlation) -> Tensor:
    """The definition, number by number."""
    (_, _, height, width), pad = first.shape, op.padding
    extent = op.dilation * (op.kernel_size - 1) + 1
    rows, columns = ((side + 2 * pad - extent) // op.stride + 1 for side in (height, width))
    shifts = [op.dilation_patch * d for d in range(-op.max_displacement, op.max_displacement + 1)]
    result = torch.zeros(len(first), len(shifts), len(shifts), rows, columns, dtype=first.dtype)

    def at(image: Tensor, y: int, x: int) -> Tensor:
        inside = 0 <= y < height and 0 <= x < width
        return image[:, y, x] if inside else torch.zeros_like(image[:, 0, 0])

    for n, i, j, row, column in torch.cartesian_prod(*(torch.arange(side) for side in result.shape)).tolist():
        for tap_y in range(op.kernel_size):
            for tap_x in range(op.kernel_size):
                y = row * op.stride - pad + tap_y * op.dilation
                x = column * op.stride - pad + tap_x * op.dilation
                # Like mmcv's kernel: taps outside either map add nothing.
                result[n, i, j, row, column] += at(first[n], y, x) @ at(second[n], y + shifts[i], x + shifts[j])
    return result


@settings(deadline=None, max_examples=20)
@given(
    st.tuples(*(st.integers(1, 2) for _ in range(2)), st.integers(5, 6), st.integers(5, 7)),
    st.sampled_from(
        [(1, 2, 1, 0, 1, 2), (1, 1, 2, 0, 1, 2), (3, 1, 1, 1, 1, 1), (2, 1, 2, 1, 2, 2), (1, 0, 1, 0, 1, 1)]
    ),
)
def test_correlation_is_its_definition(shape, arguments):
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    operator = Correlation(*arguments)
    torch.testing.assert_close(operator(first, second), correlate(first, second, operator))


@pytest.mark.parametrize("enlarge", [False, True])
@pytest.mark.parametrize("size", [(5, 300), (128, 128), (129, 131)])
def test_what_fits_is_brought_back(size, enlarge):
    fitting = InputSize(64, enlarge)
    image = torch.rand(1, 2, *size)
    fitted = fitting.fit(image)
    assert min(fitted.shape[2:]) >= 128
    assert {side % 64 for side in fitted.shape[2:]} == {0}
    assert fitting.restore(fitted, size).shape == (1, 2, *size)
    if not enlarge:
        assert torch.equal(fitting.restore(fitted, size), image)


def raft_of_torchvision() -> tuple[RAFTFlow, dict[str, Tensor]]:
    torch.manual_seed(0)
    raft = RAFTFlow("raft_large", weights=None, iterations=2)
    return raft, dict(raft.network.state_dict())


def renamed(name: str, encoders: tuple[str, str], layer: str, norm: str) -> str:
    """A name in torchvision's encoders in the manner of the paper's authors."""
    for own, other in zip(("feature_encoder", "context_encoder"), encoders, strict=True):
        if name.startswith(f"{own}."):
            name = name.replace(own, other).replace(".layer", f".{layer}")
            name = re.sub(r"convnormrelu(\d?)\.(\d)", lambda m: f"{(norm, 'conv')[m[2] == '0']}{m[1] or 1}", name)
            return name.replace(f"{other}.conv.", f"{other}.conv2.")
    return name


def pictures() -> tuple[Tensor, Tensor]:
    """Of a size that nobody pads."""
    generator = torch.Generator().manual_seed(1)
    first = torch.nn.functional.interpolate(torch.rand(1, 3, 20, 24, generator=generator), (152, 176), mode="bicubic")
    return first * 255, first.roll((2, 5), (2, 3)) * 255


@pytest.mark.skipif(find_spec("ptlflow") is None, reason="PTLFlow is not installed")
def test_ptlflow_s_raft_is_torchvision_s():
    raft, weights = raft_of_torchvision()

    def name(own: str) -> str:
        own = renamed(own, ("fnet", "cnet"), "layer", "norm")
        own = re.sub(r"motion_encoder\.conv(c|f)\w+?(\d)\.0", r"encoder.conv\1\2", own)
        own = own.replace("motion_encoder.conv.0", "encoder.conv")
        own = re.sub(r"recurrent_block\.convgru(\d)\.conv(.)", r"gru.conv\2\1", own)
        own = own.replace("mask_predictor.convrelu.0", "update_block.mask.0")
        return own.replace("mask_predictor.conv.", "update_block.mask.2.")

    estimator = PTLFlowEstimator("raft", weights=None)
    estimator.network.load_state_dict({name(own): value for own, value in weights.items()}, strict=False)
    estimator.network.iters = 2
    torch.testing.assert_close(estimator(*pictures()), raft(*pictures()), atol=1e-3, rtol=1e-4)


@pytest.mark.skipif(find_spec("mmflow") is None, reason="MMFlow is not installed")
def test_mmflow_s_raft_is_torchvision_s():
    root = Path(find_spec("mmflow").origin).parent
    found = [path for base in (root / ".mim", root.parent) for path in base.glob("configs/raft/raft_8xb2_100k_mixed*")]
    if not found:
        pytest.skip("MMFlow is installed without its configs")
    raft, weights = raft_of_torchvision()

    def name(own: str) -> str:
        own = renamed(own, ("encoder", "context"), "res_layer", "bn")
        own = re.sub(
            r"update_block\.motion_encoder\.conv(corr|flow)(\d)\.0",
            lambda m: f"decoder.encoder.{m[1]}_net.{int(m[2]) - 1}.conv",
            own,
        )
        own = own.replace("update_block.motion_encoder.conv.0", "decoder.encoder.out_net.0.conv")
        own = re.sub(
            r"update_block\.recurrent_block\.convgru(\d)\.conv(.)",
            lambda m: f"decoder.gru.conv_{m[2]}.{int(m[1]) - 1}.conv",
            own,
        )
        own = own.replace("update_block.flow_head.conv1", "decoder.flow_pred.layers.0.conv")
        own = own.replace("update_block.flow_head.conv2", "decoder.flow_pred.predict_layer")
        own = own.replace("mask_predictor.convrelu.0", "decoder.mask_pred.layers.0.conv")
        return own.replace("mask_predictor.conv.", "decoder.mask_pred.predict_layer.")

    estimator = MMFlowEstimator(found[0])
    renamed_weights = {name(own): value for own, value in weights.items()}
    for encoder in ("encoder", "context"):  # its config feeds BGR where torchvision's weights are for RGB
        renamed_weights[f"{encoder}.conv1.weight"] = renamed_weights[f"{encoder}.conv1.weight"].flip(1)
    estimator.network.load_state_dict(renamed_weights)
    estimator.network.decoder.iters, estimator.network.test_cfg = 2, None
    torch.testing.assert_close(estimator(*pictures()), raft(*pictures()), atol=1e-3, rtol=1e-4)
