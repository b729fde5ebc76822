import numpy as np
import pytest
from mmengine.registry import DefaultScope
from pycocotools import mask as coco_mask

from mmselfhuman.datasets import COCOPersons, PersonInstanceDataset
from mmselfhuman.registry import DATASETS

LOAD = [{"type": "mmselfhuman.LoadPersonImage"}, {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True}]


@pytest.fixture
def mini(shared_data):
    folder = shared_data / "coco_persons_mini"
    return {
        "type": "COCOPersons",
        "ann_file": "annotations/person_keypoints_train2017.json",
        "data_root": str(folder),
        "img_prefix": "images/train2017",
        "person_filter": "mask",
        "keep_empty": True,
    }


@pytest.fixture
def read(write_coco, tmp_path):
    def read(content, **options):
        source = COCOPersons(write_coco(content), img_prefix=str(tmp_path), person_filter="all")
        return PersonInstanceDataset(source, **options)

    return read


def decoded(rle):
    return coco_mask.decode({**rle, "counts": rle["counts"].encode()})


def test_instances_are_the_annotated_persons(coco_content, read):
    coco_content["annotations"][0]["max_iou"] = 0.5
    person, crowd = read(coco_content).get_data_info(0)["instances"]
    assert person["bbox"] == [1, 2, 4, 5]
    assert (person["bbox_label"], person["ignore_flag"], person["id"], person["max_iou"]) == (0, 0, 20, 0.5)
    assert person["keypoints"] == coco_content["annotations"][0]["keypoints"]
    assert decoded(person["mask"]).sum() == 9
    assert (crowd["ignore_flag"], crowd["max_iou"], crowd["keypoints"]) == (1, None, [0] * 51)


def test_person_without_a_mask_is_ignored(coco_content, read):
    del coco_content["annotations"][2]["segmentation"]
    (person,) = read(coco_content).get_data_info(1)["instances"]
    assert person["ignore_flag"] == 1
    assert decoded(person["mask"]).shape == (6, 8)
    assert decoded(person["mask"]).sum() == 0


@pytest.mark.parametrize(
    ("filter_cfg", "test_mode", "image_ids"),
    [
        (None, False, [7, 3]),
        ({"filter_empty_gt": True}, False, [3]),
        ({"filter_empty_gt": True}, True, [7, 3]),
        ({"filter_empty_gt": True, "min_size": 6}, False, [3]),
        ({"min_size": 6}, False, [7, 3]),
    ],
)
def test_filter_leaves_out_images_to_learn_nothing_from(coco_content, read, filter_cfg, test_mode, image_ids):
    del coco_content["annotations"][0]
    dataset = read(coco_content, filter_cfg=filter_cfg, test_mode=test_mode, serialize_data=False)
    assert [dataset.get_data_info(i)["img_id"] for i in range(len(dataset))] == image_ids


def test_filter_that_leaves_nothing_is_an_error(coco_content, read):
    with pytest.raises(ValueError, match="none of the 2 images of source 'COCOPersons' gives a sample"):
        read(coco_content, filter_cfg={"min_size": 7})


def test_unknown_filter_is_named(coco_content, read):
    with pytest.raises(ValueError, match=r"filter_cfg has \['filter_empty'\]"):
        read(coco_content, filter_cfg={"filter_empty": True})


def test_labels_are_there_for_class_balancing(coco_content, read):
    assert read(coco_content).get_cat_ids(0) == [0, 0]


def test_samples_equal_those_of_mmdets_coco_dataset(mini):
    from mmdet.datasets import CocoDataset

    with DefaultScope.overwrite_default_scope("mmdet"):
        ours = PersonInstanceDataset(mini, pipeline=LOAD)
        theirs = CocoDataset(
            ann_file=mini["ann_file"],
            data_root=mini["data_root"],
            data_prefix={"img": mini["img_prefix"]},
            metainfo={"classes": ("person",)},
            pipeline=[{"type": "LoadImageFromFile"}, LOAD[1]],
        )
    assert len(ours) == len(theirs) == 62
    for our, their in zip(ours, theirs, strict=True):
        assert {key: our[key] for key in ("img_id", "img_path", "height", "width", "img_shape", "ori_shape")} == {
            key: their[key] for key in ("img_id", "img_path", "height", "width", "img_shape", "ori_shape")
        }
        assert np.array_equal(our["img"], their["img"])
        assert np.allclose(our["gt_bboxes"].tensor, their["gt_bboxes"].tensor)
        for key in ("gt_bboxes_labels", "gt_ignore_flags"):
            assert np.array_equal(our[key], their[key])
        assert np.array_equal(our["gt_masks"].masks, their["gt_masks"].masks)


def test_stock_mmdet_pipeline_and_samplers_follow(mini):
    from mmdet.datasets.samplers import AspectRatioBatchSampler
    from torch.utils.data import SequentialSampler

    pipeline = [
        *LOAD,
        {"type": "Resize", "scale": (400, 300), "keep_ratio": True},
        {"type": "RandomFlip", "prob": 1.0},
        {"type": "PackDetInputs"},
    ]
    with DefaultScope.overwrite_default_scope("mmdet"):
        dataset = DATASETS.build({"type": "mmselfhuman.PersonInstanceDataset", "source": mini, "pipeline": pipeline})
    sampler = SequentialSampler(dataset)
    sampler.dataset = dataset
    batches = list(AspectRatioBatchSampler(sampler, batch_size=2))
    assert sorted(index for batch in batches for index in batch) == list(range(62))
    crowded = next(i for i in range(62) if any(p.crowd for p in dataset.source[i].persons))
    packed = dataset[crowded]["data_samples"]
    learned, ignored = packed.gt_instances, packed.ignored_instances
    assert len(ignored) == 1
    assert len(learned) == len(dataset.source[crowded].persons) - 1
    assert learned.masks.masks.shape == (len(learned), *packed.img_shape)
    for box, mask in zip(learned.bboxes, learned.masks.masks, strict=True):
        rows, columns = np.nonzero(mask)
        outline = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert np.abs(np.array(outline) - box.numpy()).max() < 4, "mask and box have moved apart"
