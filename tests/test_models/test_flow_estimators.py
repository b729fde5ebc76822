"""Flow estimators keep the interface's promises."""

import cv2
import numpy as np
import pytest
import torch

from mmselfhuman.models.flow import DISFlow, FlowEstimator, RAFTFlow
from mmselfhuman.registry import MODELS


def blobs(shift: tuple[int, int], size: tuple[int, int] = (96, 128)) -> torch.Tensor:
    """A (1, 3, H, W) uint8 picture of smooth noise, moved by ``shift`` (x, y)."""
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    return torch.from_numpy(np.roll(smooth, shift, axis=(1, 0))).permute(2, 0, 1)[None]


class Recorder(FlowEstimator):
    """Answers with the mean colour of its arguments and remembers how often it was asked."""

    calls = 0

    def estimate(self, src, dst):
        self.calls += 1
        mean = torch.stack([src.float().mean((1, 2, 3)), dst.float().mean((1, 2, 3))], 1)
        return mean[:, :, None, None].expand(-1, -1, *src.shape[2:])


def test_dis_finds_a_shift_in_x_and_y():
    flow = DISFlow()(blobs((0, 0)), blobs((5, -3)))
    assert flow.shape == (1, 2, 96, 128)
    assert flow.dtype == torch.float32
    assert flow[0, :, 20:-20, 20:-20].mean((1, 2)).tolist() == pytest.approx([5, -3], abs=0.05)


def test_dis_estimates_each_pair_of_a_batch_and_both_directions():
    src, dst = torch.cat([blobs((0, 0)), blobs((0, 0))]), torch.cat([blobs((4, 0)), blobs((0, 2))])
    estimator = DISFlow("fast")
    forward, backward = estimator.bidirectional(src, dst)
    assert torch.equal(forward, estimator(src, dst))
    assert torch.equal(backward, estimator(dst, src))
    assert torch.equal(forward[1:], estimator(src[1:], dst[1:]))
    assert forward[:, :, 48, 64].flatten().tolist() == pytest.approx([4, 0, 0, 2], abs=0.1)


def test_dis_takes_floating_images_and_leaves_opencvs_threads_alone():
    before = cv2.getNumThreads()
    src, dst = blobs((0, 0)), blobs((2, 2))
    assert torch.equal(DISFlow(threads=1)(src, dst), DISFlow()(src.double(), dst.double()))
    assert cv2.getNumThreads() == before


@pytest.mark.parametrize("size", [(12, 12), (12, 100), (24, 300), (100, 12)])
def test_dis_survives_images_on_which_opencv_alone_crashes(size):
    flow = DISFlow()(blobs((0, 0), size), blobs((1, 0), size))
    assert flow.shape == (1, 2, *size)
    assert flow.isfinite().all()


def test_raft_pads_any_size_and_takes_batches():
    torch.manual_seed(0)
    estimator = RAFTFlow(weights=None, iterations=2)
    src, dst = blobs((0, 0), (50, 140)).repeat(2, 1, 1, 1), blobs((3, 0), (50, 140)).repeat(2, 1, 1, 1)
    flow = estimator(src, dst)
    assert flow.shape == (2, 2, 50, 140)
    assert flow.dtype == torch.float32
    assert not flow.requires_grad
    assert torch.allclose(flow[0], flow[1], atol=1e-4)


def test_raft_reads_weights_from_a_file(tmp_path):
    saved = RAFTFlow(weights=None, iterations=1)
    torch.save(saved.network.state_dict(), tmp_path / "raft.pth")
    loaded = RAFTFlow(weights=str(tmp_path / "raft.pth"), iterations=1)
    src, dst = blobs((0, 0)), blobs((1, 0))
    assert torch.equal(saved(src, dst), loaded(src, dst))


def test_raft_names_wrong_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'sintel' is neither a file nor one of C_T_V1, C_T_V2"):
        RAFTFlow(weights="sintel")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(RuntimeError, match=r"other\.pth does not hold its state dict"):
        RAFTFlow(weights=str(tmp_path / "other.pth"))


def test_estimators_stay_frozen_when_their_parent_trains():
    parent = torch.nn.ModuleDict({"flow": RAFTFlow(weights=None)})
    parent.train()
    assert not parent["flow"].training
    assert not any(parameter.requires_grad for parameter in parent.parameters())


def test_both_directions_are_one_batch():
    estimator = Recorder()
    src, dst = torch.full((1, 3, 4, 4), 2.0), torch.full((1, 3, 4, 4), 7.0)
    forward, backward = estimator.bidirectional(src, dst)
    assert estimator.calls == 1
    assert forward[0, :, 0, 0].tolist() == [2, 7]
    assert backward[0, :, 0, 0].tolist() == [7, 2]


def test_an_empty_batch_has_empty_flow():
    assert DISFlow()(torch.zeros(0, 3, 32, 32), torch.zeros(0, 3, 32, 32)).shape == (0, 2, 32, 32)


IMAGE = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("src", "dst", "error", "message"),
    [
        (IMAGE.numpy(), IMAGE, TypeError, "src: expected a tensor .* got ndarray"),
        (IMAGE, IMAGE.int(), TypeError, "dst: expected uint8 or floating images .* got torch.int32"),
        (IMAGE[0], IMAGE, ValueError, r"src: expected images of shape \(N, 3, H, W\), got \(3, 32, 32\)"),
        (IMAGE, IMAGE[:, :1], ValueError, r"dst: expected images .* got \(1, 1, 32, 32\)"),
        (IMAGE[..., :8], IMAGE[..., :8], ValueError, "at least 12 x 12 pixels, got 32 x 8"),
        (IMAGE, IMAGE[..., :20], ValueError, "differ in size"),
        (IMAGE, IMAGE.float(), TypeError, "differ"),
    ],
)
def test_wrong_images_are_named(src, dst, error, message):
    with pytest.raises(error, match=message):
        DISFlow()(src, dst)


def test_an_estimator_that_breaks_its_promise_is_named():
    class Broken(FlowEstimator):
        def estimate(self, src, dst):
            return torch.zeros(1, 2, 4, 4)

    with pytest.raises(RuntimeError, match="Broken broke its promise"):
        Broken()(IMAGE, IMAGE)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="preset: expected one of ultrafast, fast, medium, got 'slow'"):
        DISFlow("slow")
    with pytest.raises(ValueError, match="threads"):
        DISFlow(threads=0)
    with pytest.raises(ValueError, match="arch: expected one of raft_small"):
        RAFTFlow("raft_huge", weights=None)
    with pytest.raises(ValueError, match="iterations"):
        RAFTFlow(weights=None, iterations=0)


def test_estimators_are_built_from_configs():
    assert MODELS.build({"type": "mmselfhuman.DISFlow", "preset": "fast"}).preset == "fast"
    assert MODELS.build({"type": "mmselfhuman.RAFTFlow", "weights": None, "iterations": 3}).iterations == 3
