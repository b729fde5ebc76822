"""tools/self_train.py and the scripts that launch it, as their users call them."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "self_train.py"), *map(str, arguments)], capture_output=True, text=True
    )


def test_help_is_cheap() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = _run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "--dry-run" in done.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_mistakes_are_named_before_anything_is_made(tmp_path: Path) -> None:
    config = tmp_path / "loop.py"
    config.write_text(
        "networks = dict(seg=dict(pretrain='a.py', refine='b.py'))\nvideos = dict(type='SyntheticVideos')\n"
    )
    done = _run(config, "--work-dir", tmp_path / "work", "--rounds", 0, "--checkpoint", "sge=a.pth")
    assert done.returncode == 1
    assert "networks: unknown network 'sge' (did you mean 'seg'?)" in done.stderr
    assert "'rounds' must be a whole number of at least 1, got 0" in done.stderr
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("script", "program", "arguments", "expected"),
    [
        (
            "dist_self_train",
            "python",
            ["c.py", "4", "--rounds", "2"],
            ["--nproc_per_node=4", "self_train.py c.py --launcher pytorch --rounds 2"],
        ),
        (
            "slurm_self_train",
            "srun",
            ["part", "job", "c.py", "out dir"],
            ["-p part", "--gres=gpu:2", "self_train.py c.py --work-dir out dir --launcher slurm"],
        ),
    ],
)
def test_launch_scripts_hand_on_their_arguments(
    script: str, program: str, arguments: list[str], expected: list[str], tmp_path: Path
) -> None:
    stub = tmp_path / program
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GPUS_PER_NODE": "2"}
    command = [ROOT / "tools" / f"{script}.sh", *arguments]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert [part for part in expected if part not in output] == []
    few = subprocess.run(command[:2], env=environment, capture_output=True, text=True)
    assert few.returncode != 0
    assert f"usage: tools/{script}.sh" in few.stderr


@pytest.mark.parametrize("script", ["dist_self_train", "dist_train", "dist_test"])
@pytest.mark.parametrize("lacking", ["NODE_RANK", "MASTER_ADDR"])
def test_a_machine_among_several_is_told_that_it_does_not_know_which(script: str, lacking: str, tmp_path: Path) -> None:
    stub = tmp_path / "python"
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    several = {"NNODES": "2", "NODE_RANK": "1", "MASTER_ADDR": "first"}
    environment = os.environ | several | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [ROOT / "tools" / f"{script}.sh", "c.py", "2", "2"]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "--nnodes=2 --node_rank=1 --master_addr=first" in output
    del environment[lacking]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"{lacking}: is not set" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("script", ["slurm_self_train", "slurm_train", "slurm_test"])
@pytest.mark.parametrize(("gpus", "per_node"), [("2", "2"), ("16", "8")])
def test_no_more_gpus_are_asked_for_than_are_used(script: str, gpus: str, per_node: str, tmp_path: Path) -> None:
    stub = tmp_path / "srun"
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GPUS": gpus}
    command = [ROOT / "tools" / f"{script}.sh", "part", "job", "c.py", "out"]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"--gres=gpu:{per_node} --ntasks={gpus} --ntasks-per-node={per_node} " in output
