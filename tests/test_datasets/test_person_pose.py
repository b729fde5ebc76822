import numpy as np
import pytest
from mmengine.registry import DefaultScope
from pycocotools import mask as coco_mask

from mmselfhuman.datasets import COCOPersons, PersonPoseDataset
from mmselfhuman.registry import DATASETS

LOAD = {"type": "mmselfhuman.LoadPersonImage"}


@pytest.fixture
def mini(shared_data):
    folder = shared_data / "coco_persons_mini"
    return {
        "type": "COCOPersons",
        "ann_file": "annotations/person_keypoints_train2017.json",
        "data_root": str(folder),
        "img_prefix": "images/train2017",
        "person_filter": "all",
        "keep_empty": True,
    }


def mmpose_dataset(mini, **options):
    from mmpose.datasets import CocoDataset

    return CocoDataset(
        ann_file=mini["ann_file"], data_root=mini["data_root"], data_prefix={"img": mini["img_prefix"]}, **options
    )


FIELDS = (
    "img_id",
    "img_path",
    "bbox",
    "bbox_score",
    "num_keypoints",
    "keypoints",
    "keypoints_visible",
    "area",
    "iscrowd",
    "id",
    "category_id",
    "upper_body_ids",
    "lower_body_ids",
    "flip_pairs",
    "dataset_keypoint_weights",
    "flip_indices",
    "skeleton_links",
)


def assert_same(ours, theirs, fields):
    for field in fields:
        our, their = ours[field], theirs[field]
        assert type(our) is type(their), field
        assert np.array_equal(our, their), field
        if isinstance(our, np.ndarray):
            assert our.dtype == their.dtype, field


@pytest.mark.parametrize("test_mode", [False, True])
@pytest.mark.parametrize(("data_mode", "count"), [("topdown", 143), ("bottomup", 62)])
def test_samples_equal_those_of_mmposes_coco_dataset(mini, data_mode, count, test_mode):
    ours = PersonPoseDataset(mini, data_mode=data_mode, test_mode=test_mode)
    theirs = mmpose_dataset(mini, data_mode=data_mode, test_mode=test_mode)
    assert len(ours) == len(theirs) == count
    for index in range(count):
        assert_same(ours.get_data_info(index), theirs.get_data_info(index), FIELDS)


def test_metainfo_equals_mmposes(mini):
    ours, theirs = PersonPoseDataset(mini).metainfo, mmpose_dataset(mini).metainfo
    assert ours["dataset_name"] == "mmselfhuman_persons"
    assert ours["CLASSES"][0]["name"] == theirs["CLASSES"][0]["name"] == "person"
    assert_same(ours, theirs, set(theirs) - {"dataset_name", "CLASSES"})


def test_unknown_mode_is_named(mini):
    with pytest.raises(ValueError, match="data_mode is 'both', expected 'topdown' or 'bottomup'"):
        PersonPoseDataset(mini, data_mode="both")


@pytest.fixture
def read(coco_content, write_coco, tmp_path):
    def read(**options):
        source = COCOPersons(write_coco(coco_content), img_prefix=str(tmp_path), person_filter="all", keep_empty=True)
        return PersonPoseDataset(source, **options)

    return read


def test_topdown_samples_are_the_persons_with_joints(read):
    dataset = read()
    assert len(dataset) == 1
    info = dataset.get_data_info(0)
    assert info["bbox"].tolist() == [[1, 2, 4, 5]]
    assert (info["id"], info["img_id"], info["num_keypoints"]) == (20, 7, 17)
    assert info["keypoints"].shape == (1, 17, 2)


def test_source_without_joints_is_an_error(coco_content, read):
    del coco_content["annotations"][0]
    with pytest.raises(ValueError, match="PersonPoseDataset: none of the 2 images"):
        read()


def test_bottomup_samples_are_images_with_all_their_persons(read):
    first, second = (read(data_mode="bottomup").get_data_info(index) for index in range(2))
    assert (first["id"], second["id"]) == ([20, 10], [11])
    assert first["keypoints_visible"].sum(axis=1).tolist() == [17, 0]


def test_images_without_persons_are_for_testing_only(coco_content, read):
    del coco_content["annotations"][2]
    assert len(read(data_mode="bottomup")) == 1
    empty = read(data_mode="bottomup", test_mode=True).get_data_info(1)
    assert (empty["img_id"], empty["id"], empty["raw_ann_info"]) == (3, [], None)


def test_mmpose_masks_out_the_crowd_and_those_without_joints(read):
    from mmpose.datasets.transforms import BottomupGetHeatmapMask

    masks = []
    for index in range(2):
        info = read(data_mode="bottomup").get_data_info(index)
        results = {**info, "img_shape": (6, 8), "input_size": (8, 6)}
        masks.append(BottomupGetHeatmapMask().transform(results)["heatmap_mask"])
    crowd, alone = np.ones((6, 8), bool), np.ones((6, 8), bool)
    crowd[:, 3:5] = False
    alone[:2, :2] = False
    assert np.array_equal(masks[0], crowd)
    assert np.array_equal(masks[1], alone)


def test_invalid_masks_are_those_of_the_source(mini):
    dataset = PersonPoseDataset(mini, data_mode="bottomup")
    count = 0
    for index in range(len(dataset)):
        invalid = [p for p in dataset.source[index].persons if p.crowd or p.num_keypoints == 0]
        runs = dataset.get_data_info(index)["invalid_segs"]
        for person, (run,) in zip(invalid, runs, strict=True):
            drawn = coco_mask.decode(coco_mask.frPyObjects(run, *run["size"]))
            assert np.array_equal(drawn, coco_mask.decode(person.mask))
            count += 1
    assert count == 271 - 143


def test_stock_topdown_pipeline_follows(mini):
    size = (96, 128)
    codec = {"type": "MSRAHeatmap", "input_size": size, "heatmap_size": (24, 32), "sigma": 2}
    pipeline = [
        LOAD,
        {"type": "GetBBoxCenterScale"},
        {"type": "RandomFlip", "direction": "horizontal"},
        {"type": "RandomHalfBody"},
        {"type": "RandomBBoxTransform"},
        {"type": "TopdownAffine", "input_size": size},
        {"type": "GenerateTarget", "encoder": codec},
        {"type": "PackPoseInputs"},
    ]
    with DefaultScope.overwrite_default_scope("mmpose"):
        dataset = DATASETS.build({"type": "mmselfhuman.PersonPoseDataset", "source": mini, "pipeline": pipeline})
        sample = dataset[0]
    assert sample["inputs"].shape == (3, 128, 96)
    assert sample["data_samples"].gt_fields.heatmaps.shape == (17, 32, 24)
    assert sample["data_samples"].img_path.endswith(".jpg")


def test_stock_bottomup_pipeline_follows(mini):
    codec = {"type": "AssociativeEmbedding", "input_size": (128, 128), "heatmap_size": (32, 32), "sigma": 2}
    pipeline = [
        LOAD,
        {"type": "BottomupRandomAffine", "input_size": (128, 128)},
        {"type": "RandomFlip", "direction": "horizontal"},
        {"type": "GenerateTarget", "encoder": codec},
        {"type": "BottomupGetHeatmapMask"},
        {"type": "PackPoseInputs"},
    ]
    with DefaultScope.overwrite_default_scope("mmpose"):
        dataset = PersonPoseDataset(mini, data_mode="bottomup", pipeline=pipeline)
        sample = dataset[0]
    assert sample["data_samples"].gt_fields.heatmap_mask.shape == (1, 32, 32)


def test_mixing_transforms_find_their_dataset(read):
    assert read()[0]["dataset"] is not None


def test_truth_as_prediction_scores_1_in_mmposes_metric(mini):
    from mmpose.evaluation import CocoMetric

    with DefaultScope.overwrite_default_scope("mmpose"):
        pipeline = [LOAD, {"type": "GetBBoxCenterScale", "padding": 1.0}, {"type": "PackPoseInputs"}]
        dataset = PersonPoseDataset(mini, pipeline=pipeline, test_mode=True)
        metric = CocoMetric(nms_mode="none")
    metric.dataset_meta = dataset.metainfo
    for sample in dataset:
        data_sample = sample["data_samples"]
        truth = data_sample.gt_instances
        data_sample.pred_instances = truth.new(
            keypoints=truth.keypoints, keypoint_scores=truth.keypoints_visible, bbox_scores=truth.bbox_scores
        )
        metric.process({}, [data_sample.to_dict()])
    assert metric.evaluate(len(dataset))["coco/AP"] == pytest.approx(1)
