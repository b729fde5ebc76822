import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from pycocotools.coco import COCO

from mmselfhuman.datasets import COCOPersons, PersonSegDataset
from mmselfhuman.registry import DATASETS

LOAD = [{"type": "mmselfhuman.LoadPersonImage"}, {"type": "mmselfhuman.LoadPersonSegMap"}]


@pytest.fixture
def mini(shared_data):
    folder = shared_data / "coco_persons_mini"
    return {
        "type": "COCOPersons",
        "ann_file": "annotations/person_keypoints_val2017.json",
        "data_root": str(folder),
        "img_prefix": "images/val2017",
        "person_filter": "mask",
    }


def seg_maps(content, write_coco, tmp_path, **options):
    source = COCOPersons(write_coco(content), img_prefix=str(tmp_path), person_filter="all")
    dataset = PersonSegDataset(source, pipeline=[LOAD[0], {**LOAD[1], **options}])
    return [dataset[index]["gt_seg_map"].tolist() for index in range(len(dataset))]


# The person of columns 1-3, rows 2-4 stands before the crowd of columns 3-4.
WITH_CROWD = [
    [0, 0, 0, 9, 9, 0, 0, 0],
    [0, 0, 0, 9, 9, 0, 0, 0],
    [0, 1, 1, 1, 9, 0, 0, 0],
    [0, 1, 1, 1, 9, 0, 0, 0],
    [0, 1, 1, 1, 9, 0, 0, 0],
    [0, 0, 0, 9, 9, 0, 0, 0],
]


def test_crowds_are_ignored_but_never_hide_a_person(coco_content, write_coco, tmp_path):
    first, second = seg_maps(coco_content, write_coco, tmp_path)
    assert first == np.where(np.array(WITH_CROWD) == 9, 255, WITH_CROWD).tolist()
    assert second == [[1, 1, 0, 0, 0, 0, 0, 0]] * 2 + [[0] * 8] * 4


def test_ignored_label_can_be_chosen(coco_content, write_coco, tmp_path):
    assert seg_maps(coco_content, write_coco, tmp_path, ignore_index=9)[0] == WITH_CROWD


def test_box_of_a_person_without_a_mask_is_ignored(coco_content, write_coco, tmp_path):
    del coco_content["annotations"][2]["segmentation"]
    assert seg_maps(coco_content, write_coco, tmp_path)[1] == [[255, 255, 0, 0, 0, 0, 0, 0]] * 2 + [[0] * 8] * 4


def test_real_maps_are_the_union_of_what_pycocotools_draws(mini):
    dataset = PersonSegDataset(mini, pipeline=LOAD)
    api = COCO(f"{mini['data_root']}/{mini['ann_file']}")
    assert len(dataset) == 31
    crowds = 0
    for sample in dataset:
        expected = np.zeros((sample["height"], sample["width"]), np.uint8)
        for entry in sorted(api.imgToAnns[sample["img_id"]], key=lambda entry: -entry["iscrowd"]):
            expected[api.annToMask(entry) > 0] = 255 if entry["iscrowd"] else 1
            crowds += entry["iscrowd"]
        assert np.array_equal(sample["gt_seg_map"], expected)
    assert crowds == 1


def test_stock_mmseg_pipeline_follows(mini):
    pipeline = [
        *LOAD,
        {"type": "RandomResize", "scale": (320, 320), "ratio_range": (0.5, 2.0), "keep_ratio": True},
        {"type": "RandomCrop", "crop_size": (128, 128), "cat_max_ratio": 0.75},
        {"type": "RandomFlip", "prob": 1.0},
        {"type": "PhotoMetricDistortion"},
        {"type": "PackSegInputs"},
    ]
    with DefaultScope.overwrite_default_scope("mmseg"):
        dataset = DATASETS.build({"type": "mmselfhuman.PersonSegDataset", "source": mini, "pipeline": pipeline})
        sample = dataset[0]
    assert sample["inputs"].shape == (3, 128, 128)
    assert sample["data_samples"].gt_sem_seg.data.shape == (1, 128, 128)
    assert sample["data_samples"].img_path.endswith("000000000139.jpg")


def test_flip_moves_map_and_image_alike(mini):
    with DefaultScope.overwrite_default_scope("mmseg"):
        straight = PersonSegDataset(mini, pipeline=LOAD)[0]
        flipped = PersonSegDataset(mini, pipeline=[*LOAD, {"type": "RandomFlip", "prob": 1.0}])[0]
    assert np.array_equal(flipped["gt_seg_map"], straight["gt_seg_map"][:, ::-1])
    assert np.array_equal(flipped["img"], straight["img"][:, ::-1])


def packed(mini, **options):
    with DefaultScope.overwrite_default_scope("mmseg"):
        return PersonSegDataset(mini, pipeline=[*LOAD, {"type": "PackSegInputs"}], test_mode=True, **options)


def test_truth_as_prediction_scores_100_in_mmsegs_metric(mini):
    from mmseg.evaluation import IoUMetric

    dataset = packed(mini, indices=5)
    metric = IoUMetric(iou_metrics=["mIoU"])
    metric.dataset_meta = dataset.metainfo
    for sample in dataset:
        truth = sample["data_samples"].gt_sem_seg.data
        prediction = torch.where(truth == 255, 0, truth)
        metric.process({}, [{"pred_sem_seg": {"data": prediction}, "gt_sem_seg": {"data": truth}}])
    assert metric.evaluate(len(dataset))["mIoU"] == 100


def test_mmsegs_visualizer_draws_a_sample(mini, tmp_path):
    from mmseg.visualization import SegLocalVisualizer

    dataset = packed(mini, indices=1)
    visualizer = SegLocalVisualizer(vis_backends=[], save_dir=str(tmp_path))
    visualizer.dataset_meta = dataset.metainfo
    image = dataset[0]["inputs"].permute(1, 2, 0).contiguous().numpy()  # mmseg 1.2 draws on no other
    visualizer.add_datasample(
        "truth", image, dataset[0]["data_samples"], draw_pred=False, out_file=str(tmp_path / "a.png")
    )
    assert (tmp_path / "a.png").stat().st_size > 0
