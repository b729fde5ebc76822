"""Pseudo-labels in the hands of the stock libraries, and labels of others in a store."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mmselfhuman.datasets import PersonInstanceDataset, PersonPoseDataset, PersonSegDataset, PseudoLabels
from mmselfhuman.datasets.images import DamagedImageError
from mmselfhuman.datasets.pseudo_labels.exchange import export_coco, export_png, import_coco, import_png
from mmselfhuman.datasets.sources import AnnotationFileError
from mmselfhuman.pseudo_labels import PseudoLabelStore
from mmselfhuman.structures import UNSURE, PseudoLabel, PseudoPerson

HEIGHT, WIDTH = 40, 48
TOOL = Path(__file__).resolve().parents[2] / "tools" / "pseudo_labels.py"


def rle(x, y, w, h):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[y : y + h, x : x + w] = 1
    return coco_mask.encode(np.asfortranarray(mask))


def person(x, score=0.5, track=None):
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[:10] = [(x + 1.25 * joint, 5 + 2.5 * joint, 0.1 * joint) for joint in range(10)]
    return PseudoPerson(score, rle(x, 4, 16, 30), keypoints, track_id=track)


@pytest.fixture
def store(tmp_path):
    """Three frames of two clips: two persons; nobody; nothing said about persons, but classes."""
    store = PseudoLabelStore(tmp_path / "store", image_format="jpg", confidence_stride=1)
    images = np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)
    classes = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 20
    classes[:5] = UNSURE
    writer = store.begin_round(0, {"model": "a"})
    writer.write_clip(
        "day/one",
        [
            PseudoLabel(3, HEIGHT, WIDTH, images[0], persons=(person(2, track=7), person(25, 0.9))),
            PseudoLabel(8, HEIGHT, WIDTH, images[1], persons=()),
        ],
    )
    writer.write_clip("night", [PseudoLabel(0, HEIGHT, WIDTH, images[2], semantic=classes)])
    writer.commit()
    return store


@pytest.fixture
def exported(store, tmp_path):
    export_coco(PseudoLabels(store.root), tmp_path / "labels.json")
    return str(tmp_path / "labels.json"), str(store.images.folder)


def test_pycocotools_reads_the_masks_and_the_scores_stay(exported):
    api = COCO(exported[0])
    first, second, crowd = api.loadAnns(api.getAnnIds())
    assert (first["score"], second["score"], first["track_id"]) == (0.5, 0.9, 7)
    assert np.array_equal(api.annToMask(first), coco_mask.decode(rle(2, 4, 16, 30)))
    assert (first["bbox"], first["area"]) == ([2, 4, 16, 30], 480)
    assert first["keypoints"][3:6] == [3.25, 7.5, 2]
    assert first["keypoint_scores"][:3] == [0, 0.1, 0.2]
    assert (crowd["iscrowd"], crowd["area"]) == (1, HEIGHT * WIDTH)
    frames = [(image["video"], image["frame"]) for image in api.loadImgs(api.getImgIds())]
    assert frames == [("day/one", 3), ("day/one", 8), ("night", 0)]


def test_stock_mmdet_reads_the_export(exported):
    pytest.importorskip("mmdet")
    from mmdet.registry import DATASETS

    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True, "with_mask": True},
        {"type": "PackDetInputs"},
    ]
    config = {
        "type": "CocoDataset",
        "ann_file": exported[0],
        "data_prefix": {"img": exported[1]},
        "metainfo": {"classes": ("person",)},
        "pipeline": pipeline,
    }
    with DefaultScope.overwrite_default_scope("mmdet"):
        dataset = DATASETS.build(config)
        sample = dataset[0]
    assert len(dataset) == 3
    truth = sample["data_samples"].gt_instances
    assert truth.masks.masks.sum(axis=(1, 2)).tolist() == [480, 480]
    assert truth.bboxes.tensor.tolist() == [[2, 4, 18, 34], [25, 4, 41, 34]]


@pytest.mark.parametrize(("mode", "samples"), [("topdown", 2), ("bottomup", 2)])
def test_stock_mmpose_reads_the_export(exported, mode, samples):
    pytest.importorskip("mmpose")
    from mmpose.registry import DATASETS

    config = {
        "type": "CocoDataset",
        "ann_file": exported[0],
        "data_prefix": {"img": exported[1]},
        "data_mode": mode,
        "pipeline": [{"type": "LoadImage"}],
    }
    with DefaultScope.overwrite_default_scope("mmpose"):
        dataset = DATASETS.build(config)
        sample = dataset[0]
    assert len(dataset) == samples
    assert sample["img"].shape == (HEIGHT, WIDTH, 3)
    assert sample["keypoints_visible"][0].tolist() == [0] + [1] * 9 + [0] * 7


def test_stock_mmseg_reads_the_export(store, tmp_path):
    pytest.importorskip("mmseg")
    from mmseg.registry import DATASETS

    assert export_png(PseudoLabels(store.root), tmp_path / "maps") == 3
    config = {
        "type": "BaseSegDataset",
        "ann_file": str(tmp_path / "maps" / "frames.txt"),
        "data_prefix": {"img_path": str(store.images.folder), "seg_map_path": str(tmp_path / "maps")},
        "metainfo": {"classes": [str(label) for label in range(20)]},
        "pipeline": [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}],
    }
    with DefaultScope.overwrite_default_scope("mmseg"):
        samples = list(DATASETS.build(config))
    maps = [sample["data_samples"].gt_sem_seg.data[0].numpy() for sample in samples]
    assert [(values == 1).sum() for values in maps[:2]] == [960, 0]
    assert np.array_equal(maps[2], store.read()[2].semantic)


def test_our_datasets_serve_a_round_and_ignore_what_a_label_leaves_open(store):
    source = PseudoLabels(store.root)
    masks = PersonInstanceDataset(source, [], filter_cfg={"filter_empty_gt": True})
    assert [len(info["instances"]) for info in masks] == [2]
    assert PersonInstanceDataset(source)[2]["instances"][0]["ignore_flag"] == 1
    topdown = PersonPoseDataset(source)
    assert [info["bbox"][0].tolist() for info in topdown] == [[2, 4, 18, 34], [25, 4, 41, 34]]
    bottomup = PersonPoseDataset(source, "bottomup")
    assert [len(info["invalid_segs"]) for info in bottomup] == [0, 1]
    with_poses = PersonPoseDataset(source, "bottomup", filter_cfg={"filter_empty_gt": True})
    assert [len(info["invalid_segs"]) for info in with_poses] == [0]
    loaded = {"type": "mmselfhuman.LoadPersonSegMap", "ignore_index": 77}
    segments = PersonSegDataset(source, [loaded], metainfo={"classes": [str(label) for label in range(20)]})
    counts = [np.unique(info["gt_seg_map"]).tolist() for info in segments]
    assert counts == [[0, 1], [0], [*range(20), 77]]


def test_doubtful_persons_are_ignored_and_doubtful_joints_unlabelled_on_request(store):
    source = PseudoLabels(store.root, min_score=0.6, min_joint_score=0.45)
    assert [entry.crowd for entry in source[0].persons] == [True, False]
    assert source[0].persons[1].keypoints[:, 2].tolist() == [0] * 5 + [2] * 5 + [0] * 7


def test_coco_file_comes_back_as_it_was(store, exported, tmp_path):
    copy = PseudoLabelStore(tmp_path / "copy", image_format="png")
    reader = import_coco(*map(Path, exported), copy)
    assert [reader.key(index) for index in range(3)] == [("day/one", 3), ("day/one", 8), ("night", 0)]
    original = store.read()[0].persons[0]
    again = reader[0].persons[0]
    assert (again.score, again.mask, again.box, again.track_id) == (0.5, original.mask, original.box, 7)
    assert again.keypoints[1:10].tolist() == original.keypoints[1:10].tolist()
    assert reader[2].persons[0].crowd
    assert Path(reader[0].image).read_bytes() == Path(store.read()[0].image).read_bytes()
    export_coco(PseudoLabels(copy.root), tmp_path / "again.json")
    first, second = (
        json.loads(Path(path).read_text())["annotations"] for path in (exported[0], tmp_path / "again.json")
    )
    for entry in (*first, *second):
        entry.pop("score", None)  # a crowd over what is unknown had none
    assert second == first


def test_other_peoples_coco_file_becomes_round_0(coco_content, write_coco, tmp_path):
    path = write_coco(coco_content)
    reader = import_coco(Path(path), tmp_path, PseudoLabelStore(tmp_path / "store"))
    # a.png and b.png have no numbers: their places in the folder count
    assert [reader.key(index) for index in range(len(reader))] == [("images", 0), ("images", 1)]
    assert [len(label.persons) for label in reader] == [1, 2]
    assert [entry.crowd for entry in reader[1].persons] == [False, True]
    assert {entry.score for label in reader for entry in label.persons} == {1.0}


def test_score_out_of_range_is_named(coco_content, write_coco, tmp_path):
    coco_content["annotations"][2]["score"] = 87.5
    with pytest.raises(AnnotationFileError, match=r"persons\.json: annotation 11 has score 87\.5"):
        import_coco(Path(write_coco(coco_content)), tmp_path, PseudoLabelStore(tmp_path / "store"))


@pytest.fixture
def label_maps(tmp_path):
    """A grey and a palette PNG of class indices, with their images."""
    for folder in ("maps/a", "images/a"):
        (tmp_path / folder).mkdir(parents=True)
    classes = np.array([[0, 1, 2], [3, 4, 255]], np.uint8)
    Image.fromarray(classes).save(tmp_path / "maps/a/frame2.png")
    coloured = Image.fromarray(classes, "P")
    coloured.putpalette([value for index in range(256) for value in (index, 255 - index, 9)])
    coloured.save(tmp_path / "maps/a/frame10.png")
    for name in ("frame2.jpg", "frame10.JPG", "frame11.jpg"):
        cv2.imwrite(str(tmp_path / "images/a" / name), np.full((2, 3, 3), 50, np.uint8))
    return tmp_path / "maps", tmp_path / "images", classes


def test_label_maps_of_others_become_a_round(label_maps, tmp_path):
    maps, images, classes = label_maps
    reader = import_png(maps, images, PseudoLabelStore(tmp_path / "store"), number=4)
    assert (reader.number, [reader.key(index) for index in range(len(reader))]) == (4, [("a", 2), ("a", 10)])
    assert [np.array_equal(label.semantic, classes) for label in reader] == [True, True]
    assert reader.verify() == []


def test_exported_maps_come_back_as_they_were(store, tmp_path):
    export_png(PseudoLabels(store.root), tmp_path / "maps")
    reader = import_png(tmp_path / "maps", store.images.folder, PseudoLabelStore(tmp_path / "copy"))
    assert [reader.key(index) for index in range(3)] == [("day/one", 3), ("day/one", 8), ("night", 0)]
    assert np.array_equal(reader[2].semantic, store.read()[2].semantic)


def test_wrong_label_maps_are_named(label_maps, tmp_path):
    maps, images, _ = label_maps
    store = PseudoLabelStore(tmp_path / "store")
    cv2.imwrite(str(maps / "a/frame11.png"), np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(DamagedImageError, match=r"frame11\.png has mode RGB"):
        import_png(maps, images, store)
    cv2.imwrite(str(maps / "a/frame11.png"), np.zeros((3, 3), np.uint8))
    with pytest.raises(DamagedImageError, match=r"frame11\.jpg has 3 x 2 pixels, annotated are 3 x 3"):
        import_png(maps, images, store)
    (maps / "a/frame11.png").rename(maps / "a/frame12.png")
    with pytest.raises(FileNotFoundError, match=r"no image .*frame12.* for the label map a/frame12"):
        import_png(maps, images, store)
    (maps / "a/frame2.png").write_bytes((maps / "a/frame2.png").read_bytes()[:60])
    with pytest.raises(DamagedImageError, match=r"frame2\.png is truncated"):
        import_png(maps, images, store)
    assert store.latest_round() is None


def tool(*arguments):
    done = subprocess.run([sys.executable, TOOL, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_tool_exports_imports_shows_and_verifies(store, tmp_path):
    code, text = tool("export", store.root, "--coco", tmp_path / "labels.json")
    assert code == 0, text
    assert "labels.json: 3 images, 3 persons" in text
    other = tmp_path / "other"
    code, text = tool("import", other, "--coco", tmp_path / "labels.json", "--images", store.images.folder)
    assert (code, text) == (0, f"{other}, round 0: 2 clips, 3 frames, 3 persons in 3 of them\n")
    code, text = tool("show", other)
    assert code == 0, text
    assert "committed rounds [0]" in text
    assert "bytes per frame" in text
    [victim] = other.rglob("*/one.zip")
    victim.write_bytes(victim.read_bytes().replace(b"track_id", b"track-id", 1))
    code, text = tool("verify", other)
    assert code == 1
    assert f"{victim} is damaged" in text


def test_tool_refuses_to_replace_unasked(store, tmp_path, monkeypatch):
    code, text = tool("import", store.root, "--png", tmp_path, "--images", tmp_path)
    assert (code, text) == (1, f"error: {store.root} has rounds [0] already; pass --overwrite to replace them\n")
