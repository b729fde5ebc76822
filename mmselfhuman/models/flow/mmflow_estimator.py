"""The networks of MMFlow 1.x, FlowNet 2.0 among them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from mmselfhuman.models.flow.input_size import InputSize
from mmselfhuman.models.flow.interface import FlowEstimator
from mmselfhuman.models.flow.mmflow_correlation import Correlation

INSTALL = 'pip install --no-deps "mmflow @ git+https://github.com/open-mmlab/mmflow.git@dev-1.x"'
_MMCV_FOR_MMFLOW = "2.0.1"
_MULTIPLE = 64  # FlowNet, PWC-Net and LiteFlowNet halve the image six times
_TEST_RESIZING = {"InputResize": True, "InputPad": False}  # MMFlow's transforms, and whether they enlarge


class MMFlowEstimator(FlowEstimator):
    """Any flow estimator of MMFlow 1.x, from its config and checkpoint.

    MMFlow is imported when the first one is made. Its branch ``dev-1.x``, where development ended, refuses every mmcv
    from 2.1 on at import, and uses nothing that has changed since: while it is imported, mmcv bears the version
    ``2.0.1``. Its correlation layers, for which mmcv has a kernel on CUDA only, are replaced by
    :class:`~mmselfhuman.models.flow.mmflow_correlation.Correlation`; they have no weights.

    Colours are handled by the config's ``data_preprocessor``, from BGR as MMFlow reads images. Images are brought to a
    size that the network can work on as the config's test pipeline does: enlarged (``InputResize``; the flow is scaled
    back) or padded by repeating their border (``InputPad``). Without such a pipeline they are padded to multiples of
    64; in all cases to at least 128.

    Args:
        config: Path of a config of MMFlow 1.x, or its content; all that is needed is ``model``.
        checkpoint: A file or URL, as MMEngine's ``load_checkpoint`` takes it. Random weights, for tests, if ``None``.

    Raises:
        ImportError: MMFlow, or mmcv's operators, cannot be imported; the message says how to install it.
        ValueError: The config has no ``model``.
        RuntimeError: The checkpoint is of another network; while estimating: an operator has no implementation on the
            images' device.
    """

    def __init__(self, config: str | os.PathLike | Mapping[str, Any], checkpoint: str | None = None) -> None:
        super().__init__()
        _import_mmflow()
        settings = _read(config)
        self.size = _test_size(settings)
        self.network = _network(settings["model"], checkpoint)

    def estimate(self, src: Tensor, dst: Tensor) -> Tensor:
        size = tuple(src.shape[2:])
        try:
            flow = self._predict(self.size.fit(src.float()), self.size.fit(dst.float()))
        except RuntimeError as error:
            if "implementation for device" not in str(error):
                raise
            raise RuntimeError(
                f"MMFlow's {type(self.network).__name__} uses an operator that this build of mmcv lacks on "
                f"{src.device.type}: {error}"
            ) from error
        return self.size.restore(flow.float(), size).contiguous()

    def _predict(self, src: Tensor, dst: Tensor) -> Tensor:
        from mmflow.structures import FlowDataSample

        size = tuple(src.shape[2:])
        samples = [FlowDataSample(metainfo={"img_shape": size, "ori_shape": size}) for _ in src]
        pairs = list(torch.stack([src, dst], 1))
        data = self.network.data_preprocessor({"inputs": pairs, "data_samples": samples}, False)
        predicted = self.network.predict(data["inputs"], data["data_samples"])
        return torch.stack([sample.pred_flow_fw.data for sample in predicted])


def _import_mmflow() -> None:
    try:
        with _mmcv_version(_MMCV_FOR_MMFLOW):
            import_module("mmflow.models")
    except ImportError as error:
        raise ImportError(
            f"MMFlowEstimator needs MMFlow 1.x, and mmcv with its operators; {error}. Neither is asked for by this "
            f"package. MMFlow 1.x is not on PyPI (whose mmflow 0.5 is for mmcv 1.x): {INSTALL}"
        ) from error
    except AssertionError as error:
        raise ImportError(f"MMFlowEstimator needs MMFlow 1.x, not what is installed as mmflow: {error}") from error


@contextmanager
def _mmcv_version(version: str) -> Iterator[None]:
    """Let mmcv bear another version, if it has one that is later."""
    import mmcv
    from packaging.version import Version

    real = mmcv.__version__
    if Version(real) > Version(version):
        mmcv.__version__ = version
    try:
        yield
    finally:
        mmcv.__version__ = real


def _read(config: str | os.PathLike | Mapping[str, Any]) -> Mapping[str, Any]:
    from mmengine.config import Config

    settings = Config(dict(config)) if isinstance(config, Mapping) else Config.fromfile(config)
    if "model" not in settings:
        name = "the config" if isinstance(config, Mapping) else os.fspath(config)
        raise ValueError(f"{name} has no 'model', only {', '.join(sorted(settings))}")
    return settings


def _network(model: Mapping[str, Any], checkpoint: str | None) -> nn.Module:
    from mmengine.runner import load_checkpoint
    from mmflow.models.utils import CorrBlock
    from mmflow.registry import MODELS

    # The scope keeps MMEngine from looking the network up among those of the default scope, which is another.
    network = MODELS.build({**model, "_scope_": "mmflow"})
    for block in network.modules():
        if isinstance(block, CorrBlock):
            block.corr_block[0] = _portable(block.corr_block[0])
    if checkpoint is not None:
        load_checkpoint(network, checkpoint, map_location="cpu", strict=True)
    return network.eval().requires_grad_(False)


def _portable(operator: nn.Module) -> Correlation:
    names = ("kernel_size", "max_displacement", "stride", "padding", "dilation", "dilation_patch")
    return Correlation(**{name: getattr(operator, name) for name in names})


def _test_size(settings: Mapping[str, Any]) -> InputSize:
    """How the config's test pipeline makes images fit the network."""
    loaders = settings.get("test_dataloader") or []
    for loader in loaders if isinstance(loaders, list | tuple) else [loaders]:
        for transform in loader.get("dataset", {}).get("pipeline", []):
            if transform["type"] in _TEST_RESIZING:
                return InputSize(2 ** transform["exponent"], _TEST_RESIZING[transform["type"]])
    return InputSize(_MULTIPLE)
