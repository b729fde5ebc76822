"""Pose refinement and training in turns, in real runners."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gbsr_configs import STOCK, tiny_training
from label_toys import Square, contents
from mmengine.config import Config
from tpr_configs import store_of, train
from two_ranks import stores_of_one_and_two_ranks

from mmselfhuman.engine import GBSRHook
from mmselfhuman.engine.hooks.gbsr_hook import read_boxes
from mmselfhuman.engine.label_making import CollapsedLabelsError, make_round
from mmselfhuman.engine.label_making.pose_maker import PoseLabelMaker
from mmselfhuman.engine.label_making.pose_signals import PoseCollapseGuard
from mmselfhuman.models.flow import DISFlow
from mmselfhuman.models.gbsr.refiner import GraphPoseRefiner
from mmselfhuman.pseudo_labels import PseudoLabelStore

POSE = np.stack([np.linspace(8, 20, 17), np.linspace(8, 21, 17), np.full(17, 0.8)], axis=1)


class Follows:
    """Sees one person on the square of a clip, and misses joint 9 in frame 2."""

    identity = {"follows": 1}  # noqa: RUF012

    def __init__(self, score: float = 0.8) -> None:
        self.score = score

    def __call__(self, clip: str, frames) -> list[np.ndarray]:
        poses = []
        for frame in frames:
            pose = POSE + np.array([frame.index % 10, 0, self.score - 0.8])
            if frame.index == 2:
                pose[9] = 0
            poses.append(pose[None])
        return poses


def maker(**settings) -> PoseLabelMaker:
    return PoseLabelMaker(GraphPoseRefiner(), DISFlow("ultrafast"), batch_size=3, **settings)


def test_refined_poses_are_written_with_what_was_done_to_each_joint(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    report = make_round(store, 1, [Square("a", 6)], Follows(), maker())
    labels = list(store.read(1).clip("a"))
    assert [label.frame for label in labels] == list(range(6))
    for label in labels:
        (person,) = label.persons
        assert (person.track_id, person.crowd) == (0, False)
        np.testing.assert_allclose(person.keypoints[:, :2], POSE[:, :2] + np.array([label.frame % 10, 0]), atol=1)
        done = label.provenance["actions"][0]
        assert [done[9], *{*done[:9], *done[10:]}] == ["recovered" if label.frame == 2 else "kept", "kept"]
    assert report.signals.learned == 1
    assert report.signals.recovered == pytest.approx(1 / (6 * 17))


def test_parts_of_a_clip_give_all_frames_and_no_track_twice(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    make_round(store, 1, [Square("a", 7)], Follows(), maker(segment=3))
    labels = list(store.read(1).clip("a"))
    assert [label.frame for label in labels] == list(range(7))
    assert [label.persons[0].track_id for label in labels] == [0, 0, 0, 1, 1, 1, 2]


def test_parts_of_one_frame_leave_poses_as_they_were_found(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    make_round(store, 1, [Square("a", 4)], Follows(), maker(segment=1))
    labels = list(store.read(1).clip("a"))
    for label, found in zip(labels, Follows()("a", list(Square("a", 4))), strict=True):
        (person,) = label.persons
        np.testing.assert_array_equal(person.keypoints, found[0].astype(np.float32))
    assert labels[2].persons[0].visibility[9] == 0


def test_unsure_persons_are_ignored_regions_and_a_round_of_them_is_refused(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    with pytest.raises(CollapsedLabelsError, match=r"100\.00% of the frames have no person sure enough"):
        make_round(store, 1, [Square("a")], Follows(0.3), maker(person_threshold=0.5))
    make_round(store, 1, [Square("a")], Follows(0.3), maker(person_threshold=0.5), PoseCollapseGuard(1.0))
    (person,) = next(iter(store.read(1).clip("a"))).persons
    assert person.crowd
    assert person.mask is not None


def test_recovered_joints_are_judged_by_their_witnesses(tmp_path: Path) -> None:
    """Joint 9 of frame 2 comes back with half of 0.8."""
    for threshold, labelled in ((0.7, True), (0.81, False)):
        store = PseudoLabelStore(tmp_path / str(threshold))
        guard = PoseCollapseGuard(1.0)
        make_round(store, 1, [Square("a")], Follows(), maker(joint_threshold=threshold), guard)
        (person,) = list(store.read(1).clip("a"))[2].persons
        assert 0.35 < person.keypoints[9, 2] <= 0.4
        assert (person.visibility[9] > 0) == labelled


def test_what_is_hardly_a_person_is_background(tmp_path: Path) -> None:
    store = PseudoLabelStore(tmp_path)
    settings = {"person_threshold": 0.5, "nobody_threshold": 0.2}
    make_round(store, 1, [Square("a")], Follows(0.3), maker(**settings), PoseCollapseGuard(1.0))
    assert not next(iter(store.read(1).clip("a"))).persons
    with pytest.raises(ValueError, match=r"nobody_threshold: expected at most person_threshold, 0\.2, got 0\.3"):
        maker(nobody_threshold=0.3)


def test_rounds_are_made_resumed_and_made_again_to_the_same_bytes(tmp_path: Path) -> None:
    config = tiny_training(tmp_path / "whole")
    expected = train(config).model.state_dict()
    store = store_of(config)
    assert store.rounds() == [1, 2, 3]
    assert [store.read(number).provenance["made_by"] for number in (1, 2, 3)] == ["GBSRHook"] * 3
    again = tiny_training(tmp_path / "again")
    again.default_hooks.checkpoint["max_keep_ckpts"] = -1
    train(again)
    again.resume, again.load_from = True, str(tmp_path / "again" / "iter_2.pth")
    resumed = train(again).model.state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in expected.items())
    assert contents(store_of(again).root) == contents(store.root)


def test_two_ranks_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    one, two = stores_of_one_and_two_ranks(tmp_path, "gbsr_configs")
    labels = list(PseudoLabelStore(one).read(1).clip("target_0000"))
    assert any(person.keypoints is not None for label in labels for person in label.persons)  # else no pose is compared
    assert contents(two) == contents(one)


def test_works_in_a_stock_config_of_a_top_down_network(tmp_path: Path) -> None:
    boxes = {f"target_{clip:04d}": {frame: [[4, 4, 20, 40], [20, 4, 20, 40]] for frame in range(4)} for clip in (0, 1)}
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    config = tiny_training(tmp_path / "run", STOCK, boxes=str(tmp_path / "boxes.json"))
    assert config.default_scope == "mmpose"
    runner = train(config)
    assert runner.iter == 6
    assert store_of(config).rounds() == [1, 2, 3]
    assert len(store_of(config).read(1)) == 8


def test_settings_of_testing_count_while_labelling_only(tmp_path: Path) -> None:
    stores = []
    for number, settings in enumerate([{}, {"flip_test": True}]):
        config = tiny_training(tmp_path / str(number), rounds=1, test_cfg=settings)
        runner = train(config)
        assert runner.model.test_cfg == {"flip_test": False}
        stores.append(store_of(config).read(1))
    plain, both = ([label.persons for label in reader.clip("target_0000")] for reader in stores)
    assert [reader.provenance["predictor"].get("test_cfg") for reader in stores] == [None, {"flip_test": True}]
    assert any(
        not np.array_equal(one.keypoints, other.keypoints)
        for before, after in zip(plain, both, strict=True)
        for one, other in zip(before, after, strict=False)
    )


def _segmentor(config: Config) -> None:
    config.custom_hooks[-1].transforms = []


def _without_pseudo_labels(config: Config) -> None:
    config.train_dataloader.dataset = config.train_dataloader.dataset.labelled


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_segmentor, r"transforms must contain BottomupResize for this model, got \[\]"),
        (_without_pseudo_labels, r"no PseudoLabelDataset[\s\S]*type='PersonPoseDataset'"),
    ],
)
def test_what_does_not_fit_is_an_error_before_training(
    tmp_path: Path, spoil: Callable[[Config], None], message: str
) -> None:
    config = tiny_training(tmp_path)
    spoil(config)
    with pytest.raises(ValueError, match=message):
        train(config)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"interval": 0}, ValueError, "GBSRHook: interval must be a whole number of at least 1, got 0"),
        ({"refiner": {"windw": 5}}, TypeError, "windw"),
        ({"refiner": {"window": 1}}, ValueError, "window: expected at least 2"),
        ({"person_threshold": 2.0}, ValueError, "person_threshold: expected a score"),
        ({"guard": {"empty": 0}}, ValueError, "empty: expected a share"),
        ({"boxes": "absent.json"}, FileNotFoundError, "absent"),
    ],
)
def test_wrong_settings_are_an_error_when_the_hook_is_built(settings: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        GBSRHook(**{"videos": {"type": "SyntheticVideos"}, "interval": 2, "transforms": [], **settings})


def test_boxes_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "boxes.json").write_text('{"a": {"3": [[1, 2, 0, 4]]}}')
    with pytest.raises(ValueError, match=r"clip 'a', frame 3: expected boxes \(x, y, w, h\)"):
        read_boxes(tmp_path / "boxes.json")
