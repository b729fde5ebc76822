"""What a loop config says, and the stages that follow from it."""

from pathlib import Path

import pytest
from loop_configs import ROOT

from mmselfhuman.engine.self_training import load_settings, make_plan
from mmselfhuman.engine.self_training.binding import bound, placed
from mmselfhuman.engine.self_training.inputs import annotation_digests, video_listing
from mmselfhuman.utils import ConfigError

SHIPPED = sorted((ROOT / "configs" / "self_training").glob("*.py"))
TRAINING = {
    "type": "PseudoLabelDataset",
    "pseudo": {"type": "PersonSegDataset", "source": {"type": "PseudoLabels", "store": "elsewhere"}},
}
CONFIG = {
    "model": {"type": "mmseg.EncoderDecoder"},
    "train_dataloader": {"dataset": TRAINING},
    "train_cfg": {"type": "IterBasedTrainLoop", "max_iters": 100},
    "param_scheduler": [{"type": "LinearLR", "end": 10}, {"type": "PolyLR", "begin": 10, "end": 100}],
    "custom_hooks": [{"type": "mmselfhuman.TPRHook", "interval": 20, "start": 5}, {"type": "GBSRHook", "interval": 7}],
}
VIDEOS = {"type": "SyntheticVideos"}


def _write(folder: Path, networks: str, more: str = "videos = dict(type='SyntheticVideos')") -> Path:
    for name in ("a.py", "b.py"):
        (folder / name).write_text("x = 1\n")
    (folder / "a.pth").touch()
    path = folder / "loop.py"
    path.write_text(f"networks = dict({networks})\n{more}\n")
    return path


def _names(folder: Path, networks: str, more: str = "") -> list[str]:
    settings = load_settings(_write(folder, networks, f"videos = dict(type='SyntheticVideos')\nrounds = 1\n{more}"))
    return [stage.name for stage in make_plan(settings, lambda path: CONFIG).stages]


SEG = "seg=dict(pretrain='a.py', refine='a.py')"
POSE = "pose=dict(pretrain='b.py', refine='b.py')"


def test_the_smallest_loop_alternates_tpr_with_training(tmp_path: Path) -> None:
    assert _names(tmp_path, SEG) == [
        "check",
        "seg.pretrain",
        "round0.test.seg",
        "round1.tpr",
        "round1.labels",
        "round1.test.seg",
        "round1.verdict",
    ]


def test_the_whole_loop_has_the_stages_of_algorithm_1_in_order(tmp_path: Path) -> None:
    networks = f"{SEG[:-1]}, finetune='b.py'), {POSE}, pose2seg=dict(pretrain='a.py', init='seg', finetune='a.py')"
    names = [name for name in _names(tmp_path, networks) if ".test." not in name]
    pretrained = ["check", "seg.pretrain", "pose.pretrain", "pose2seg.pretrain"]
    steps = ["tpr", "gbsr", "labels", "seg", "pose2seg", "verdict"]
    assert names == [*pretrained, *(f"round1.{step}" for step in steps)]


def test_without_gbsr_poses_are_looked_for_but_not_learned(tmp_path: Path) -> None:
    networks = f"{SEG[:-1]}, finetune='b.py'), {POSE}, pose2seg=dict(pretrain='a.py', init='seg', finetune='a.py')"
    path = _write(tmp_path, networks, "videos = dict(type='SyntheticVideos')\nrounds = 1\nn_gbsr = 0")
    plan = make_plan(load_settings(path), lambda path: CONFIG)
    names = [stage.name for stage in plan.of_round(1) if ".test." not in stage.name]
    assert names == [f"round1.{step}" for step in ("tpr", "poses", "labels", "seg", "pose2seg", "verdict")]
    assert plan.weights[1]["pose"] == "pose.pretrain"
    (poses,) = (stage for stage in plan.stages if stage.kind == "poses")
    assert poses.settings["hook"] == {"type": "GBSRHook", "interval": 7, "segment": 1, "store": {}}
    (labels,) = (stage for stage in plan.stages if stage.kind == "label")
    assert labels.inputs["poses"] == "round1.poses"


def test_checkpoints_take_the_place_of_pre_training(tmp_path: Path) -> None:
    assert "seg.load" in _names(tmp_path, "seg=dict(checkpoint='a.pth', refine='a.py')")


def test_predictions_from_disk_are_round_0s_labels(tmp_path: Path) -> None:
    names = _names(tmp_path, f"{SEG[:-1]}, finetune='b.py')", "predictions = dict(folder='masks')")
    assert names[2:6] == ["seg.test", "round0.labels", "round0.seg", "round0.test.seg"]


def test_predictions_are_scored_where_videos_are_annotated(tmp_path: Path) -> None:
    annotated = {**CONFIG, "test_dataloader": {"dataset": {"source": {"type": "mmselfhuman.AnnotatedVideos"}}}}
    more = "videos = dict(type='SyntheticVideos')\npredictions = dict(folder='masks')"
    settings = load_settings(_write(tmp_path, f"{SEG[:-1]}, finetune='b.py')", more))
    stages = {stage.name: stage for stage in make_plan(settings, lambda path: annotated).stages}
    assert [*stages][2:5] == ["predictions.test", "seg.test", "round0.labels"]
    assert stages["predictions.test"].settings["predictions"] == {"folder": "masks"}
    assert stages["seg.test"].inputs == {"seg": "seg.pretrain"}


def test_predictions_keep_their_say_in_every_round(tmp_path: Path) -> None:
    more = "videos = dict(type='SyntheticVideos')\npredictions = dict(folder='masks')"
    settings = load_settings(_write(tmp_path, f"{SEG[:-1]}, finetune='b.py')", more))
    stages = {stage.name: stage.settings for stage in make_plan(settings, lambda path: CONFIG).stages}
    assert stages["round2.tpr"]["config"]["custom_hooks"][0]["predictions"] == {"folder": "masks"}
    assert stages["round2.labels"]["predictions"] == {"folder": "masks"}
    assert [list(stages[f"round{number}.labels"]["networks"]) for number in (0, 2)] == [[], ["seg"]]


def test_videos_of_the_command_line_are_read_as_the_config_says(tmp_path: Path) -> None:
    loop = tmp_path / "loop.py"
    (tmp_path / "seg.py").write_text("")
    networks = "networks = dict(seg=dict(checkpoint='seg.py', refine='seg.py'))\n"
    loop.write_text(f"{networks}videos = dict(type='UnlabelledVideos', paths='elsewhere', long_side=96)\n")
    expected = {"type": "UnlabelledVideos", "paths": ["a.mp4"], "long_side": 96}
    assert load_settings(loop, videos=["a.mp4"]).videos == expected
    loop.write_text(f"{networks}videos = dict(type='SyntheticVideos', split='target')\n")
    expected = {"type": "UnlabelledVideos", "paths": ["a.mp4"], "max_frames": 4}
    assert load_settings(loop, {"videos.max_frames": 4}, ["a.mp4"]).videos == expected


def test_the_paper_numbers_are_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(_write(tmp_path, SEG))
    assert (settings.n_tpr, settings.n_gbsr, settings.window, settings.agreement) == (5, 1, 3, 0.95)


@pytest.mark.parametrize(
    ("networks", "more", "messages"),
    [
        ("pose=dict(pretrain='b.py')", "", ["must be a dictionary with at least 'seg'"]),
        ("seg=dict(pretrain='a.py')", "", ["networks.seg needs 'refine', a config with TPRHook, or 'finetune'"]),
        ("seg=dict(refine='a.py')", "", ["networks.seg needs 'pretrain', a config, or 'checkpoint', weights"]),
        (
            f"{SEG}, pse=dict(), pose=dict(pretain='b.py')",
            "agrement = 0.9\nrounds = 0",
            [
                "unknown network 'pse' (did you mean 'pose'?)",
                "networks.pose: unknown key 'pretain' (did you mean 'pretrain'?)",
                "unknown key 'agrement' (did you mean 'agreement'?)",
                "'rounds' must be a whole number of at least 1, got 0",
            ],
        ),
        (
            "seg=dict(pretrain='x.py', refine='y.py')",
            "",
            ["config file not found: x.py", "config file not found: y.py"],
        ),
        ("seg=dict(checkpoint='b.pth', refine='a.py')", "", ["networks.seg.checkpoint: file not found: b.pth"]),
        (f"{SEG}, pose2seg=dict(pretrain='a.py')", "", ["networks.pose2seg needs networks.pose.refine"]),
        (
            f"{SEG}, pose=dict(pretrain='a.py', init='pose2seg')",
            "",
            ["'pose2seg' is no network that is trained"],
        ),
        (SEG, "guard = dict(stabilty=1)", ["guard: unknown key 'stabilty' (did you mean 'stability'?)"]),
        (SEG, "guard = dict(stability=-1)", ["guard: stability must be a number"]),
        (SEG, "held_out = dict(network='pose', metric='AP')", ["held_out: there is no network 'pose'"]),
        (SEG, "seed = -1", ["'seed' must be a whole number of at least 0, got -1"]),
        (SEG, "agreement = 95", ["'agreement' must be an IoU in (0, 1], got 95"]),
        (SEG, "videos = None", ["'videos' must be the config of the unlabelled videos, or give --videos"]),
        (SEG, "predictions = dict(folder='m')", ["'predictions' needs networks.seg.finetune"]),
    ],
)
def test_all_mistakes_of_a_config_are_told_at_once(
    tmp_path: Path, networks: str, more: str, messages: list[str]
) -> None:
    path = _write(tmp_path, networks, f"videos = dict(type='SyntheticVideos')\n{more}")
    with pytest.raises(ConfigError) as error:
        load_settings(path)
    assert str(error.value).startswith(str(path))
    assert [message for message in messages if message not in str(error.value)] == []


def test_one_seed_is_for_all_trainings_and_without_it_configs_keep_theirs(tmp_path: Path) -> None:
    for more, seeds in (("seed = 7", {7}), ("", {3})):
        settings = load_settings(_write(tmp_path, f"{SEG}, {POSE}", f"videos = dict(type='SyntheticVideos')\n{more}"))
        plan = make_plan(settings, lambda path: {**CONFIG, "randomness": {"seed": 3}})
        trained = [stage.settings["config"]["randomness"]["seed"] for stage in plan.stages if stage.kind == "train"]
        assert len(trained) > 3
        assert set(trained) == seeds


def test_refining_is_as_long_as_its_alternations_and_schedules_with_it() -> None:
    config = bound(CONFIG, "store", "TPRHook", VIDEOS, refinements=3, window=5)
    assert config["train_cfg"]["max_iters"] == 5 + 3 * 20
    assert [schedule["end"] for schedule in config["param_scheduler"]] == [10, 65]
    hook = config["custom_hooks"][0]
    assert (hook["videos"], hook["rounds"], hook["refiner"]) == (VIDEOS, 3, {"rounds": 1, "window": 5})
    assert config["train_dataloader"]["dataset"]["pseudo"]["source"]["store"] == "store"
    assert TRAINING["pseudo"]["source"]["store"] == "elsewhere"
    assert bound(CONFIG, "store", "GBSRHook", VIDEOS, 2, 3)["custom_hooks"][1]["refiner"] == {"window": 3}


def test_schedules_of_a_long_training_fit_into_a_short_one() -> None:
    schedules = [
        {"type": "LinearLR", "by_epoch": False, "begin": 0, "end": 1000},
        {"type": "CosineAnnealingLR", "begin": 210, "end": 420, "T_max": 210, "by_epoch": True},  # of MMPose's RTMPose
    ]
    config = {**CONFIG, "train_cfg": {"max_epochs": 420}, "param_scheduler": schedules}
    flat, cosine = bound(config, "store", "TPRHook", VIDEOS, refinements=1, window=3)["param_scheduler"]
    assert flat == schedules[0]
    assert (cosine["begin"], cosine["end"], cosine["T_max"]) == (12, 25, 13)


def test_a_hook_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="needs the hook TPRHook in custom_hooks"):
        bound({**CONFIG, "custom_hooks": []}, "store", "TPRHook", VIDEOS, 1, 3)


def test_the_work_dir_is_put_in_wherever_it_stands_for_itself() -> None:
    value = {"a": ["{work_dir}/x", 1], "b": ({"c": "{work_dir}"},)}
    assert placed(value, "/w") == {"a": ["/w/x", 1], "b": ({"c": "/w"},)}


def test_annotations_are_told_apart_by_what_is_in_them(tmp_path: Path) -> None:
    config = {"train_dataloader": {"dataset": {"source": {"data_root": str(tmp_path), "ann_file": "a.json"}}}}
    (tmp_path / "a.json").write_text("1")
    before = annotation_digests(config)
    (tmp_path / "a.json").write_text("2")
    assert before.keys() == annotation_digests(config).keys() == {str(tmp_path / "a.json")}
    assert before != annotation_digests(config)


def test_videos_are_listed_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"123")
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "1.jpg").write_bytes(b"12345")
    listing = video_listing({"type": "UnlabelledVideos", "paths": str(tmp_path)})
    assert listing == {str(tmp_path / "a.mp4"): [1, 3], str(tmp_path / "frames"): [1, 5]}
    assert video_listing(VIDEOS) == {}
    with pytest.raises(FileNotFoundError, match="absent"):
        video_listing({"type": "UnlabelledVideos", "paths": ["absent"]})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_loops_can_be_planned_and_are_described(path: Path) -> None:
    settings = load_settings(path, {"videos": {"_delete_": True, **VIDEOS}})
    plan = make_plan(settings)
    assert {stage.kind for stage in plan.stages} >= {"check", "train", "test", "label", "verdict"}
    assert path.name in (path.parent / "README.md").read_text()
