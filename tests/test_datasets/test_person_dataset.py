"""What all datasets of labelled persons do alike, shown on the one for segmentation."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmselfhuman.datasets import COCOPersons, PersonSegDataset
from mmselfhuman.datasets.images import DamagedImageError
from mmselfhuman.structures import PersonImage

LOAD = {"type": "mmselfhuman.LoadPersonImage"}


@pytest.fixture
def source(coco_content, write_coco, tmp_path):
    """b.png (grey level 70), a.png (30)."""
    return COCOPersons(write_coco(coco_content), img_prefix=str(tmp_path), person_filter="all")


class RenderedPersons:
    """Four images without files; image ``i`` has grey level ``i``."""

    name = "rendered"

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return PersonImage(index + 1, f"{index}.png", 5, 6, ())

    def image(self, index):
        return np.full((5, 6, 3), index, np.uint8)


def test_sample_names_its_image(source, tmp_path):
    info = PersonSegDataset(source)[1]
    assert info["img_path"] == str(tmp_path / "a.png")
    assert (info["img_id"], info["file_name"], info["height"], info["width"]) == (3, "a.png", 6, 8)
    assert "img" not in info


def test_image_is_loaded_by_the_pipeline(source):
    results = PersonSegDataset(source, pipeline=[LOAD])[1]
    assert results["img"].shape == (6, 8, 3)
    assert (results["img"] == 30).all()
    assert results["img_shape"] == results["ori_shape"] == (6, 8)


def test_image_becomes_float_on_demand(source):
    results = PersonSegDataset(source, pipeline=[{**LOAD, "to_float32": True}])[0]
    assert results["img"].dtype == np.float32


def test_rendered_image_comes_with_the_sample_but_not_before():
    dataset = PersonSegDataset(RenderedPersons(), pipeline=[LOAD])
    assert "img" not in dataset.get_data_info(2)
    assert (dataset[2]["img"] == 2).all()
    assert dataset[2]["img_path"] == "2.png"


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_render_and_read(source, start):
    dataset = PersonSegDataset(RenderedPersons(), pipeline=[LOAD])
    loader = DataLoader(dataset, num_workers=1, multiprocessing_context=start, collate_fn=pseudo_collate)
    assert [int(batch["img"][0].mean()) for batch in loader] == [0, 1, 2, 3]
    read = pickle.loads(pickle.dumps(PersonSegDataset(source, pipeline=[LOAD])))
    assert [int(read[i]["img"].mean()) for i in range(2)] == [70, 30]


def test_source_is_built_from_its_config(coco_content, write_coco):
    dataset = PersonSegDataset({"type": "COCOPersons", "ann_file": write_coco(coco_content)})
    assert len(dataset) == 1
    assert isinstance(dataset.source, COCOPersons)


def test_lazy_dataset_builds_its_source_when_needed():
    dataset = PersonSegDataset({"type": "COCOPersons", "ann_file": "gone.json"}, lazy_init=True)
    assert dataset.metainfo["classes"] == ("background", "person")
    with pytest.raises(FileNotFoundError, match=r"gone\.json does not exist"):
        dataset.full_init()


def test_subset_keeps_the_right_samples(source):
    assert [PersonSegDataset(source, indices=[1])[0]["img_id"]] == [3]
    assert PersonSegDataset(source).get_subset([1])[0]["img_id"] == 3


def test_unknown_key_is_named(source):
    with pytest.raises(TypeError, match="ann_flie"):
        PersonSegDataset(source, ann_flie="x.json")


def test_filter_that_the_dataset_does_not_know_is_named(source):
    with pytest.raises(ValueError, match=r"filter_cfg has \['filter_empty_gt'\], expected some of \[\]"):
        PersonSegDataset(source, filter_cfg={"filter_empty_gt": True})


def test_damaged_image_is_skipped_counted_and_named_in_training(source, tmp_path, log_lines):
    damaged = tmp_path / "b.png"
    damaged.write_bytes(damaged.read_bytes()[:40])
    dataset = PersonSegDataset(source, pipeline=[LOAD])
    assert [dataset[0]["img_id"] for _ in range(3)] == [3, 3, 3]
    reason = f"image {damaged} is truncated after 40 bytes"
    assert dataset.damaged_images == {str(damaged): reason}
    assert log_lines == [f"PersonSegDataset: skipped, {reason} (damaged images so far: 1)"]


def test_damaged_image_is_an_error_in_testing(source, tmp_path):
    (tmp_path / "b.png").write_bytes(b"")
    dataset = PersonSegDataset(source, pipeline=[LOAD], test_mode=True)
    assert dataset[1]["img_id"] == 3
    with pytest.raises(DamagedImageError, match=re.escape(f"image {tmp_path / 'b.png'} is empty")):
        dataset[0]


def test_missing_image_is_an_error_even_in_training(source, tmp_path):
    (tmp_path / "b.png").unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(f"image {tmp_path / 'b.png'} does not exist")):
        PersonSegDataset(source, pipeline=[LOAD])[0]


NEW_PROCESS = """
import sys
from mmengine.registry import DATASETS, DefaultScope
source = {"type": "COCOPersons", "ann_file": sys.argv[1], "img_prefix": sys.argv[2]}
with DefaultScope.overwrite_default_scope("mmselfhuman"):
    pipeline = [{"type": "LoadPersonImage"}, {"type": "LoadPersonSegMap"}]
    dataset = DATASETS.build({"type": "PersonSegDataset", "source": source, "pipeline": pipeline})
assert dataset[0]["gt_seg_map"].sum() == 9
print(sorted({"mmseg.datasets", "mmdet.datasets", "mmpose.datasets"} & set(sys.modules)))
"""


def test_default_scope_is_enough_and_no_other_library_is_imported(coco_content, write_coco, tmp_path):
    arguments = [sys.executable, "-c", NEW_PROCESS, write_coco(coco_content), str(tmp_path)]
    result = subprocess.run(arguments, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "[]"
