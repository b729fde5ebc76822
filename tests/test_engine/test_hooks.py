"""Hooks that show, keep and speed up what a model does."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import BaseDataset, ConcatDataset
from mmengine.structures import InstanceData
from torch.utils.data import DataLoader

from mmselfhuman.engine import ChannelsLast, DumpPredictions, ShowPredictions


class Drawings:
    """A visualizer that keeps what it is asked to draw."""

    def __init__(self) -> None:
        self.calls: list[dict] = []

    def add_datasample(self, name: str, image: np.ndarray, **arguments) -> None:
        self.calls.append({"name": name, "image": image, **arguments})


class Rendered(BaseDataset):
    """Two images that no file holds, grey levels ``first`` and ``first + 1``."""

    def __init__(self, first: int) -> None:
        self.source = SimpleNamespace(image=lambda index: np.full((2, 3, 3), first + index, np.uint8))
        super().__init__(serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [{"img_path": "same_name.png", "source_index": index, "rendered": True} for index in range(2)]


class Stored(BaseDataset):
    """One image in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [{"img_path": str(self.path), "rendered": False}]


@pytest.fixture
def runner(tmp_path: Path) -> SimpleNamespace:
    blue = tmp_path / "blue.png"
    cv2.imwrite(str(blue), np.full((2, 3, 3), (255, 0, 0), np.uint8))
    dataset = ConcatDataset([Rendered(10), Stored(blue), Rendered(20)])
    return SimpleNamespace(test_dataloader=DataLoader(dataset, batch_size=2), visualizer=Drawings())


def _run(hook: ShowPredictions | DumpPredictions, runner: SimpleNamespace) -> None:
    dataset = runner.test_dataloader.dataset
    samples = [_detection(dataset.get_data_info(index)["img_path"]) for index in range(len(dataset))]
    hook.before_test_epoch(runner)
    for number, start in enumerate(range(0, len(samples), 2)):
        hook.after_test_iter(runner, number, {}, samples[start : start + 2])
    hook.after_test_epoch(runner, {})


def _detection(path: str) -> DetDataSample:
    sample = DetDataSample(metainfo={"img_path": path})
    mask = torch.zeros(1, 2, 3, dtype=torch.bool)
    mask[0, 1, :2] = True
    sample.pred_instances = InstanceData(masks=mask, scores=torch.tensor([0.5]))
    return sample


def test_each_prediction_is_drawn_on_its_own_image(runner: SimpleNamespace) -> None:
    _run(ShowPredictions(out_dir="drawings"), runner)
    calls = runner.visualizer.calls
    assert [call["image"][0, 0].tolist() for call in calls] == [[10] * 3, [11] * 3, [0, 0, 255], [20] * 3, [21] * 3]
    assert [call["step"] for call in calls] == [0, 1, 2, 3, 4]


def test_files_of_images_that_share_a_name_differ(runner: SimpleNamespace) -> None:
    _run(ShowPredictions(out_dir="drawings"), runner)
    files = [Path(call["out_file"]) for call in runner.visualizer.calls]
    assert files[0] == Path("drawings/000000_same_name.png")
    assert len(set(files)) == 5


def test_showing_writes_nothing(runner: SimpleNamespace) -> None:
    _run(ShowPredictions(show=True, wait_time=0.5), runner)
    assert {(call["out_file"], call["show"], call["wait_time"]) for call in runner.visualizer.calls} == {
        (None, True, 0.5)
    }


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(ValueError, match="give out_dir or show=True"):
        ShowPredictions()


def test_predictions_are_kept_in_order_with_masks_as_rle(runner: SimpleNamespace, tmp_path: Path) -> None:
    _run(DumpPredictions(str(tmp_path / "all.pkl")), runner)
    kept = pickle.loads((tmp_path / "all.pkl").read_bytes())
    assert [Path(sample["img_path"]).name for sample in kept].index("blue.png") == 2
    assert len(kept) == 5
    assert kept[0]["pred_instances"]["masks"][0]["size"] == [2, 3]


def test_channels_last_changes_the_layout_and_not_the_numbers() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Conv2d(8, 4, 3)).eval()
    image = torch.rand(2, 3, 9, 9)
    expected = model(image)
    ChannelsLast().before_run(SimpleNamespace(model=model))
    result = model(image)
    assert result.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(result, expected)
