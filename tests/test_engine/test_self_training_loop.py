"""The loop on real, tiny networks: what it leaves, and what happens when it is disturbed."""

import errno
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import mmseg
import numpy as np
import pytest
import torch
from label_toys import contents
from loop_configs import ROOT, write_loop
from mmengine.utils import digit_version

from mmselfhuman.engine.self_training import Ledger
from mmselfhuman.engine.self_training.command import Command
from mmselfhuman.engine.self_training.estimates import known_estimates
from mmselfhuman.engine.self_training.locking import exclusive

PARTS = ("seg", "pose", "pose2seg")
NETWORKS = (*PARTS, "instances")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on more threads, and worst where cores are busy."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    yield
    os.environ.pop("OMP_NUM_THREADS") if before is None else os.environ.update(OMP_NUM_THREADS=before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of a whole loop, with all networks."""
    folder = tmp_path_factory.mktemp("whole")
    assert (
        Command(write_loop(folder, NETWORKS, "jobs = 2\n"), folder / "work", words=["self_train.py", "loop.py"]).run()
        == 0
    )
    return folder / "work"


@pytest.fixture(scope="module")
def peaceful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of an undisturbed loop of the Seg Module."""
    folder = tmp_path_factory.mktemp("peaceful")
    assert Command(write_loop(folder), folder / "work").run() == 0
    return folder / "work"


def _labels(work_dir: Path) -> dict[str, bytes]:
    return contents(work_dir / "labels")


def _digests(work_dir: Path) -> dict[str, str]:
    ledger = Ledger(work_dir)
    return {name: ledger.result(name).digest for name in ledger.names()}


def test_every_stage_of_algorithm_1_happens(whole: Path) -> None:
    steps = ["tpr", "gbsr", "labels", "seg", "pose2seg", *(f"test.{name}" for name in NETWORKS), "verdict"]
    pretraining = [f"{name}.pretrain" for name in PARTS] + [f"round0.test.{name}" for name in NETWORKS]
    assert Ledger(whole).names() == ["check", *pretraining, *(f"round1.{step}" for step in steps), "export"]


def test_stages_that_do_not_need_each_other_begin_side_by_side(whole: Path) -> None:
    for waited_for, beside in (("seg.pretrain", "pose.pretrain"), ("round1.tpr", "round1.gbsr")):
        begun, over = whole / "stages" / beside / "stage.json", whole / "stages" / waited_for / "result.json"
        assert begun.stat().st_mtime_ns < over.stat().st_mtime_ns


def test_final_labels_have_maps_and_persons(whole: Path) -> None:
    from mmselfhuman.pseudo_labels import PseudoLabelStore

    labels = PseudoLabelStore(whole / "labels").read(1)
    assert len(labels) == 8
    assert {label.semantic.shape for label in labels} == {(128, 128)}
    assert all(label.persons is not None for label in labels)
    signals = Ledger(whole).result("round1.labels").facts["signals"]
    assert {"network", "stability", "pose2seg", "ignored", "empty"} <= signals.keys()


def test_pixels_are_kept_once_for_all_stores(whole: Path) -> None:
    stores = [path for path in whole.rglob("frames") if path.parent != whole]
    assert len(stores) > 2
    assert all(path.is_symlink() for path in stores)
    assert len(list((whole / "frames").rglob("*.png"))) == 8


def test_what_later_stages_do_not_need_is_deleted(whole: Path) -> None:
    assert list((whole / "stages").rglob("iter_*.pth")) == []
    assert len(list((whole / "stages").rglob("weights.pth"))) == 7


def test_reports_tell_what_the_ledger_knows(whole: Path) -> None:
    report = json.loads((whole / "report.json").read_text())
    assert report["finished"]
    assert [facts["round"] for facts in report["rounds"]] == [0, 1]
    assert report["rounds"][1]["metrics"].keys() == set(NETWORKS)
    assert report["sessions"][0]["command"] == "self_train.py loop.py"
    html = (whole / "report.html").read_text()
    assert html.count("data:image/png;base64,") == 1
    assert "Changed most in round 1" in html
    assert cv2.imread(str(whole / report["pictures"]["1"])).shape[2] == 3


def test_exported_networks_load_in_plain_mmseg_and_mmpose(whole: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "image.png"), np.zeros((128, 128, 3), np.uint8))
    script = f"""
import sys
import mmseg.apis
model = mmseg.apis.init_model({str(whole / "export" / "seg.py")!r}, {str(whole / "export" / "seg.pth")!r}, 'cpu')
result = mmseg.apis.inference_model(model, {str(tmp_path / "image.png")!r})
assert result.pred_sem_seg.data.shape == (1, 128, 128), result
assert not any(name.startswith('mmselfhuman') for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    detector = torch.load(whole / "export" / "instances.pth", weights_only=True)["state_dict"]
    assert {name.partition(".")[0] for name in detector} == {"pose", "seg", "pose2seg"}
    # Its meta information has arrays, as mmpose wants it.
    pose = torch.load(whole / "export" / "pose.pth", weights_only=False)
    assert pose["meta"]["dataset_meta"]["num_keypoints"] == 17


def test_without_gbsr_pose2seg_works_with_poses_as_they_are_found(whole: Path, tmp_path: Path) -> None:
    from mmselfhuman.pseudo_labels import PseudoLabelStore

    work = tmp_path / "work"
    for part in ("stages", "frames"):  # what is the same as with GBSR is taken over
        shutil.copytree(whole / part, work / part, symlinks=True)
    assert Command(whole.parent / "loop.py", work, {"n_gbsr": 0}, until="round1.labels").run() == 0
    made, before = Ledger(work), Ledger(whole)
    assert made.names()[-3:] == ["round1.tpr", "round1.poses", "round1.labels"]
    assert made.result("round1.tpr") == before.result("round1.tpr")
    found = PseudoLabelStore(work / "stages" / "round1.poses" / "pseudo_labels").read(1)
    assert {action for label in found for person in label.provenance["actions"] for action in person} <= {
        "kept",
        "absent",
    }
    for name in found.clips:  # nobody is followed from frame to frame
        tracks = [person.track_id for label in found.clip(name) for person in label.persons]
        assert len(tracks) == len(set(tracks)) > 0
    final = PseudoLabelStore(work / "labels").read(1)
    for poses, label in zip(found, final, strict=True):
        assert len(label.persons) == len(poses.persons)
        for pose, person in zip(poses.persons, label.persons, strict=True):
            np.testing.assert_array_equal(pose.keypoints, person.keypoints)


def test_a_finished_loop_does_nothing_when_it_is_called_again(peaceful: Path) -> None:
    before = _digests(peaceful)
    moments = {path: path.stat().st_mtime_ns for path in peaceful.rglob("weights.pth")}
    assert Command(peaceful.parent / "loop.py", peaceful).run() == 0
    assert _digests(peaceful) == before
    assert {path: path.stat().st_mtime_ns for path in peaceful.rglob("weights.pth")} == moments


def test_a_changed_config_is_told_and_made_again_from_there_on_demand(
    peaceful: Path, capsys: pytest.CaptureFixture
) -> None:
    loop = peaceful.parent / "loop.py"
    assert Command(loop, peaceful, {"labels.threshold": 0.6}).run() == 1
    message = capsys.readouterr().err
    assert "round1.labels: threshold: 0.5 -> 0.6" in message
    assert "Give --from round1.labels to do that" in message
    assert (peaceful / "export" / "seg.pth").exists()


class _Killer(threading.Thread):
    """Kills the processes of stages at random moments.

    Args:
        command: The loop.
        kills: How often, at most.
        seed: Of the moments.
    """

    def __init__(self, kills: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.left, self._moments, self._ended = kills, random.Random(seed), threading.Event()

    def run(self) -> None:
        import multiprocessing

        while self.left and not self._ended.wait(self._moments.uniform(0.1, 1.5)):
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGKILL)
                self.left -= 1

    def stop(self) -> None:
        self._ended.set()


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_in_the_middle_of_stages_it_ends_with_the_same_labels_and_weights(
    peaceful: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    loop, killer = write_loop(tmp_path), _Killer(kills=4, seed=0)
    killer.start()
    runs = 1
    while Command(loop, tmp_path / "work").run():
        runs += 1
        assert "was killed by signal SIGKILL" in capsys.readouterr().err
        assert runs < 9
    killer.stop()
    assert runs > 1
    assert _labels(tmp_path / "work") == _labels(peaceful)
    assert _digests(tmp_path / "work") == _digests(peaceful)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_interrupted_or_killed_as_a_whole_it_leaves_no_process_and_goes_on(peaceful: Path, tmp_path: Path) -> None:
    loop, work = write_loop(tmp_path), tmp_path / "work"
    command = [sys.executable, str(ROOT / "tools" / "self_train.py"), str(loop), "--work-dir", str(work)]
    for number, times in ((signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGKILL, 1)):
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Tests that a shell runs in the background are born deaf to Ctrl-C, and so are their children.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        log = work / "stages" / "seg.pretrain" / "log.txt"
        size = log.stat().st_size if log.exists() else 0
        while process.poll() is None and (not log.exists() or log.stat().st_size <= size):
            time.sleep(0.05)
        for _ in range(times):  # as a terminal does: to all processes
            os.killpg(process.pid, number)
            time.sleep(0.05)
        _, errors = process.communicate(timeout=240)
        if number == signal.SIGINT:
            assert process.returncode == 130, errors
            assert "the same command goes on from here" in errors
            assert "Traceback" not in errors
        # Nobody holds the stage's lock any more, or not for long.
        with exclusive(work / "stages" / "seg.pretrain" / ".lock", wait=True):
            pass
    assert Command(loop, work, until="seg.pretrain").run() == 0
    assert _digests(work) == {name: _digests(peaceful)[name] for name in ("check", "seg.pretrain")}
    report = json.loads((work / "report.json").read_text())
    sessions = report["sessions"]
    # Nobody could write down the end of the one that was killed.
    assert [session["interrupted"] > 0 for session in sessions] == [True, True, False, False]
    assert report["overhead"]["total"] == pytest.approx(
        sessions[2]["seconds"]
        + sessions[3]["seconds"]
        + sum(session["seconds"] - session["interrupted"] for session in sessions[:2]),
        abs=0.1,
    )


def test_a_truncated_label_file_is_named_with_the_stage_to_go_again_from(
    peaceful: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    work = tmp_path / "work"
    shutil.copytree(peaceful, work, symlinks=True)
    (clip, *_) = sorted((work / "labels" / "rounds").rglob("*.zip"))
    clip.write_bytes(clip.read_bytes()[:200])
    loop = peaceful.parent / "loop.py"
    assert Command(loop, work, first="round1.seg").run() == 1
    assert f"{clip} is damaged" in (message := capsys.readouterr().err)
    assert "Have the labels made again: --from round1.labels" in message
    assert Command(loop, work, first="round1.labels").run() == 0
    assert _labels(work) == _labels(peaceful)


def test_a_full_disk_loses_nothing_and_is_named(
    peaceful: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    work = tmp_path / "work"
    shutil.copytree(peaceful, work, symlinks=True)
    before = (work / "ledger.json").read_bytes()

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("mmselfhuman.engine.self_training.ledger.replacing", full)
    assert Command(peaceful.parent / "loop.py", work, first="round1.seg").run() == 1
    assert "No space left on device" in (message := capsys.readouterr().err)
    assert "Everything that was finished is kept: mend this, and give the same command again" in message
    assert (work / "ledger.json").read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="needs a limit to the size of files")
def test_a_stage_that_finds_the_disk_full_is_named_and_goes_on_when_there_is_room(
    peaceful: Path, tmp_path: Path
) -> None:
    import resource

    loop, work = write_loop(tmp_path), tmp_path / "work"
    command = [sys.executable, str(ROOT / "tools" / "self_train.py"), str(loop), "--work-dir", str(work)]
    room = (peaceful / "stages" / "seg.pretrain" / "weights.pth").stat().st_size // 2
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=600,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "stage seg.pretrain failed" in done.stderr
    assert "When the cause is mended, the same command goes on from there" in done.stderr
    assert Ledger(work).names() == ["check"]
    assert Command(loop, work, until="seg.pretrain").run() == 0
    assert _digests(work) == {name: _digests(peaceful)[name] for name in ("check", "seg.pretrain")}


def test_two_nodes_make_the_labels_of_one(peaceful: Path, tmp_path: Path) -> None:
    options = {"networks.seg.checkpoint": str(peaceful / "export" / "seg.pth")}
    assert Command(write_loop(tmp_path / "one"), tmp_path / "one" / "work", options, until="round1.tpr").run() == 0
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc_per_node=1"),
        *("--master_addr=127.0.0.1", f"--master_port={_free_port()}"),
    ]
    arguments = [
        *(ROOT / "tools" / "self_train.py", write_loop(tmp_path / "two"), "--work-dir", tmp_path / "two" / "work"),
        *("--checkpoint", f"seg={peaceful / 'export' / 'seg.pth'}", "--until", "round1.tpr", "--launcher", "pytorch"),
    ]
    agents = [
        subprocess.Popen(
            [*command, f"--node_rank={rank}", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    outputs = [agent.communicate(timeout=600)[0] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], "\n\n".join(outputs)
    one, two = (
        tmp_path / n / "work" / "stages" / "round1.tpr" / "pseudo_labels" / "rounds" / "000001" for n in ("one", "two")
    )
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) == 3
    assert [(two / path).read_bytes() for path in files] == [(one / path).read_bytes() for path in files]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def test_two_loops_do_not_share_a_work_dir(peaceful: Path, capsys: pytest.CaptureFixture) -> None:
    with exclusive(peaceful / ".lock"):
        assert Command(peaceful.parent / "loop.py", peaceful).run() == 1
    message = capsys.readouterr().err
    assert f"{peaceful} is in use by another process (process {os.getpid()})" in message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_work_dir_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    loop = write_loop(tmp_path)
    (tmp_path / "work").mkdir(mode=0o500)
    assert Command(loop, tmp_path / "work").run() == 1
    assert f"nothing can be written to the work dir {tmp_path / 'work'}" in capsys.readouterr().err


def test_a_read_only_file_system_is_named_to_root_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    loop = write_loop(tmp_path)
    monkeypatch.setattr(Path, "touch", refuse)
    assert Command(loop, tmp_path / "work").run() == 1
    expected = f"nothing can be written to the work dir {tmp_path / 'work'}: Read-only file system. Make it writable"
    assert expected in capsys.readouterr().err


def test_a_work_dir_that_is_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "work").touch()
    assert Command(write_loop(tmp_path), tmp_path / "work").run() == 1
    assert f"nothing can be written to the work dir {tmp_path / 'work'}" in capsys.readouterr().err


def _two_videos(folder: Path, peaceful: Path) -> dict:
    """What lets a loop learn from two video files, ``a.avi`` and ``b.avi``, with a network that finds people."""
    for name in ("a", "b"):
        _film(folder / f"{name}.avi")
    return {
        "networks.seg.checkpoint": str(peaceful / "export" / "seg.pth"),
        "videos": {"_delete_": True, "type": "UnlabelledVideos", "paths": [str(folder)]},
    }


def _film(path: Path, frames: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 64))
    rng = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    writer.release()


def test_all_that_is_wrong_is_told_before_the_first_stage(
    peaceful: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    loop = write_loop(tmp_path)
    refine = (tmp_path / "seg_refine.py").read_text()
    (tmp_path / "seg_refine.py").write_text(refine + "\nmodel['decode_head']['num_classes'] = 3\n")
    pretrain = tmp_path / "seg_pretrain.py"
    pretrain.write_text(pretrain.read_text() + "\ndefault_hooks['checkpoint'] = None\n")
    source = {"type": "AnnotatedVideos", "data_root": "absent", "images": "images", "masks": "masks"}
    (tmp_path / "seg_test.py").write_text(f"{refine}\ntest_dataloader['dataset']['source'] = {source}\n")
    other = tmp_path / "other.pth"
    torch.save({"state_dict": {"backbone.weight": torch.zeros(1)}}, other)
    _film(tmp_path / "videos" / "good.avi")
    (tmp_path / "videos" / "bad.avi").write_bytes(b"nothing")
    options = {
        "networks.seg.checkpoint": str(other),
        "networks.seg.test": str(tmp_path / "seg_test.py"),
        "predictions": {"folder": "nowhere"},
        "videos": {"_delete_": True, "type": "UnlabelledVideos", "paths": [str(tmp_path / "videos")]},
    }
    assert Command(loop, tmp_path / "work", options).run() == 1
    message = capsys.readouterr().err
    expected = [
        "seg, pretrain: needs default_hooks.checkpoint",
        "seg, refine: the model is another than in the network's other configs",
        "the model tells 3 classes apart, its data have 2",
        "predictions: no such folder of predictions: nowhere",
        "seg, test: test data: FileNotFoundError: AnnotatedVideos: no such folder: absent/images "
        "(without: test_dataloader = test_cfg = test_evaluator = None)",
        "other.pth does not fit its config: it lacks",
        "bad.avi",
    ]
    assert [text for text in expected if text not in message] == []
    assert "Traceback" not in message
    assert Ledger(tmp_path / "work").names() == []


def test_data_that_a_training_would_not_find_are_told_before_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    loop = write_loop(tmp_path)
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 8, 8], "area": 64, "iscrowd": 0}
    person["segmentation"] = [[0, 0, 8, 0, 8, 8, 0, 8]]
    image = {"id": 1, "file_name": "1.jpg", "height": 8, "width": 8}
    people = {"images": [image], "annotations": [person], "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "people.json").write_text(json.dumps(people))
    source = {"type": "COCOPersons", "ann_file": str(tmp_path / "people.json"), "img_prefix": str(tmp_path)}
    source["person_filter"] = "mask"
    refine = tmp_path / "seg_refine.py"
    refine.write_text(
        f"{refine.read_text()}\nlabelled = train_dataloader['dataset']['labelled']\nlabelled['source'] = {source}\n"
        f"val_dataloader = dict(dataset={{**labelled, 'source': {source | {'ann_file': 'no.json'}}}})\n"
    )
    assert Command(loop, tmp_path / "work", dry_run=True).run() == 1
    message = capsys.readouterr().err
    assert f"seg, refine: training data: FileNotFoundError: image {tmp_path / '1.jpg'} does not exist" in message
    assert "seg, refine: validation data:" in message
    assert "no.json" in message


def test_videos_in_which_nobody_is_found_are_told_before_training(
    peaceful: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    weights = torch.load(peaceful / "export" / "seg.pth", weights_only=True)
    weights["state_dict"]["decode_head.conv_seg.bias"] = torch.tensor([100.0, -100.0])
    torch.save(weights, tmp_path / "blind.pth")
    options = {"networks.seg.checkpoint": str(tmp_path / "blind.pth")}
    assert Command(write_loop(tmp_path), tmp_path / "work", options).run() == 1
    expected = "its checkpoint finds nobody in the first 5 frames of 2 videos (target_0000, target_0001)"
    assert expected in capsys.readouterr().err


@pytest.mark.skipif(
    digit_version(mmseg.__version__) < digit_version("1.3"),
    reason="mmseg 1.2's loss looks up the class weights of the toys at the ignore label",
)
def test_a_video_that_is_deleted_is_named_and_nothing_is_lost(
    peaceful: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    loop, work = write_loop(tmp_path), tmp_path / "work"
    options = _two_videos(tmp_path / "videos", peaceful)
    assert Command(loop, work, options, until="round1.tpr").run() == 0
    (tmp_path / "videos" / "b.avi").unlink()
    assert Command(loop, work, options).run() == 1
    message = capsys.readouterr().err
    assert f"round1.tpr: listing.{tmp_path / 'videos' / 'b.avi'}: removed" in message
    assert "take the change back" in message
    assert Command(loop, work, options, first="round1.tpr", until="round1.labels").run() == 0
    assert Ledger(work).result("round1.labels").facts["frames"] == 4


def test_a_video_that_is_deleted_while_the_loop_runs_is_not_passed_over(
    peaceful: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    loop, work = write_loop(tmp_path), tmp_path / "work"
    options = _two_videos(tmp_path / "videos", peaceful)
    assert Command(loop, work, options, until="round0.test.seg").run() == 0
    running = Command(loop, work, options)
    (tmp_path / "videos" / "b.avi").unlink()
    assert running.run() == 1
    message = capsys.readouterr().err
    assert "stage round1.tpr was not begun: videos have changed since the command was given" in message
    assert f"{tmp_path / 'videos' / 'b.avi'}: removed" in message
    assert "put them back, or give the same command again" in message
    assert Ledger(work).names()[-1] == "round0.test.seg"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert Command(write_loop(tmp_path), tmp_path / "work", dry_run=True).run() == 0
    told = capsys.readouterr().out
    assert "2 clips, 8 frames of at most 128x128 pixels" in told
    assert "round1.tpr             about 0:" in told
    assert "MiB of disk" in told
    assert not (tmp_path / "work" / "stages").exists()
    assert {"seg.pretrain", "tpr", "labels", "seg"} <= known_estimates(tmp_path / "work").keys()
