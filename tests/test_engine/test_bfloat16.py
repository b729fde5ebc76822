import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmselfhuman.engine import bfloat16
from mmselfhuman.engine.bfloat16 import BFloat16OptimWrapper
from mmselfhuman.registry import OPTIM_WRAPPERS


def step(monkeypatch, native):
    """Type of the activations, and the linear layer, after a step towards an output of 1."""
    monkeypatch.setattr(bfloat16, "multiplies_bfloat16", lambda device_type: native)
    layer = nn.Linear(2, 1)
    nn.init.constant_(layer.weight, 0.5)
    nn.init.zeros_(layer.bias)
    wrapper = BFloat16OptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.5))
    with wrapper.optim_context(layer):
        output = layer(torch.tensor([[1.0, -1.0]]))
        loss = (output.float() - 1).square().mean()
    wrapper.update_params(loss)
    return output.dtype, layer


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_activations_are_bfloat16_only_where_hardware_has_it(monkeypatch, native, dtype):
    assert step(monkeypatch, native)[0] == dtype


@pytest.mark.parametrize("native", [True, False])
def test_weights_stay_float32_and_take_the_step_of_the_gradient(monkeypatch, native):
    layer = step(monkeypatch, native)[1]
    assert layer.weight.dtype == torch.float32
    # d/dw (w.x - 1)^2 = 2 (0 - 1) x, exact in bfloat16 too
    assert layer.weight.tolist() == [[1.5, -0.5]]
    assert layer.bias.tolist() == [1.0]


def test_a_config_of_another_library_builds_it_by_name():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    with DefaultScope.overwrite_default_scope("mmseg"):
        wrapper = OPTIM_WRAPPERS.build({"type": "mmselfhuman.BFloat16OptimWrapper", "optimizer": optimizer})
    assert type(wrapper) is BFloat16OptimWrapper
