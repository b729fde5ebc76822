"""The environment that the README's commands make: when it is current, what it pins, which mmcv it asks for."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import environment
import interpreter
import pytest
from packaging.requirements import Requirement
from stamp import Stamp, venv_version
from torch_build import TorchBuild

CPU = TorchBuild(version="2.12.0", python_tag="cp311", cuda="13.0", gpu=False, toolkit=None)


@pytest.fixture
def small_clone(clone, tmp_path) -> Path:
    """A clone with everything the stamp looks at, and an environment that was never completed."""
    copy = tmp_path / "clone"
    (copy / ".venv" / "bin").mkdir(parents=True)
    (copy / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    (copy / ".venv" / "bin" / "python").touch()
    for name in ("quickstart", "requirements"):
        shutil.copytree(clone / name, copy / name)
    (copy / "mmselfhuman").mkdir()
    for name in ("setup.py", "mmselfhuman/version.py"):
        shutil.copy(clone / name, copy / name)
    return copy


class TestStamp:
    def test_a_completed_environment_is_current(self, small_clone):
        assert not Stamp(small_clone).is_current()
        Stamp(small_clone).write()
        assert Stamp(small_clone).is_current()

    @pytest.mark.parametrize(
        "name", ["requirements/constraints.txt", "setup.py", "quickstart/native_wheel.py", ".venv/pyvenv.cfg"]
    )
    def test_a_change_in_what_it_was_made_from_outdates_it(self, small_clone, name):
        Stamp(small_clone).write()
        path = small_clone / name
        path.write_text(path.read_text().replace("3.11.7", "3.12.1") + "# changed\n")
        assert not Stamp(small_clone).is_current()

    def test_moving_the_clone_outdates_it(self, small_clone):
        Stamp(small_clone).write()
        moved = small_clone.rename(small_clone.with_name("moved"))
        assert not Stamp(moved).is_current()

    def test_a_half_written_stamp_counts_as_none(self, small_clone):
        Stamp(small_clone).write()
        path = small_clone / ".venv" / "mmselfhuman-setup.json"
        path.write_text(path.read_text()[:20])
        assert not Stamp(small_clone).is_current()

    def test_a_current_environment_is_handed_out_without_starting_a_process(self, small_clone, monkeypatch):
        monkeypatch.setattr(environment, "ROOT", small_clone)
        monkeypatch.setattr(environment, "VENV", small_clone / ".venv")
        monkeypatch.setattr(environment, "PYTHON", small_clone / ".venv" / "bin" / "python")
        monkeypatch.setattr(subprocess, "Popen", lambda *args, **kwargs: pytest.fail(f"started {args}"))
        monkeypatch.setenv("PATH", "/usr/bin")
        monkeypatch.setenv("PYTHONPATH", "/somewhere")
        Stamp(small_clone).write()
        assert environment.prepare() == small_clone / ".venv" / "bin" / "python"
        assert environment.os.environ["PATH"] == f"{small_clone}/.venv/bin:/usr/bin"
        assert "PYTHONPATH" not in environment.os.environ

    @pytest.mark.parametrize("text", ["version = 3.12.1\n", "home = x\nversion_info = 3.12.1.final.0\n"])
    def test_the_python_of_an_environment_is_read_from_its_file(self, tmp_path, text):
        (tmp_path / "pyvenv.cfg").write_text(text)
        assert venv_version(tmp_path) == (3, 12, 1)

    def test_a_folder_that_is_no_environment_has_no_python(self, tmp_path):
        assert venv_version(tmp_path) == ()


class TestConstraints:
    @staticmethod
    def read(path: Path) -> list[Requirement]:
        lines = [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "-r "))]
        return [Requirement(line) for line in lines]

    @staticmethod
    def canonical(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    @pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
    def test_every_installed_name_has_exactly_one_version(self, clone, python):
        marker = {"python_version": python, "python_full_version": f"{python}.1", "sys_platform": "linux"}
        pins = [
            r
            for r in self.read(clone / "requirements" / "constraints.txt")
            if not r.marker or r.marker.evaluate(marker)
        ]
        names = [self.canonical(pin.name) for pin in pins]
        assert sorted(names) == sorted(set(names))
        assert all(re.fullmatch(r"==[^*,]+", str(pin.specifier)) for pin in pins)
        files = ("runtime", "optional", "pot", "tests", "quickstart", "build")
        asked = {self.canonical(r.name) for f in files for r in self.read(clone / "requirements" / f"{f}.txt")}
        asked |= {"onedl-mmcv", "mmpose", "xtcocotools", "pip", "opencv-python-headless"}
        assert asked - set(names) == set()


class TestMmcvWheel:
    @pytest.fixture(autouse=True)
    def own_cache(self, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.delenv("FORCE_CUDA", raising=False)

    @staticmethod
    def toolkit(folder: Path, release: str) -> str:
        nvcc = folder / "bin" / "nvcc"
        nvcc.parent.mkdir()
        nvcc.write_text(f"#!/bin/sh\necho Cuda compilation tools, release {release}, V{release}.88\n")
        nvcc.chmod(0o755)
        return str(folder)

    def test_each_torch_and_python_has_its_own_folder(self, tmp_path):
        builds = [CPU, replace(CPU, version="2.12.0+cpu"), replace(CPU, python_tag="cp312")]
        folders = [environment.mmcv_wheel(build).folder for build in builds]
        names = ["torch2.12.0-cp311", "torch2.12.0+cpu-cp311", "torch2.12.0-cp312"]
        assert folders == [tmp_path / "mmselfhuman" / "wheels" / name for name in names]

    def test_a_wheel_of_another_version_or_python_is_not_taken(self):
        wheel = environment.mmcv_wheel(CPU)
        name = wheel.requirement.replace("onedl-mmcv==", "onedl_mmcv-")
        assert Path(f"{name}-cp311-cp311-linux_x86_64.whl").match(wheel.pattern)
        assert not Path(f"{name}-cp312-cp312-linux_x86_64.whl").match(wheel.pattern)
        assert not Path("onedl_mmcv-0.0.1-cp311-cp311-linux_x86_64.whl").match(wheel.pattern)

    def test_without_a_gpu_the_toolkit_does_not_matter(self, tmp_path):
        assert not replace(CPU, toolkit=self.toolkit(tmp_path, "13.0")).compiles_cuda()

    def test_a_gpu_with_the_toolkit_of_torch_s_cuda_gets_cuda_kernels(self, tmp_path):
        build = replace(CPU, gpu=True, toolkit=self.toolkit(tmp_path, "13.2"))
        assert build.compiles_cuda()
        assert environment.mmcv_wheel(build).cuda
        assert environment.mmcv_wheel(build).folder.name == "torch2.12.0-cp311-cuda"

    def test_a_gpu_with_another_toolkit_gets_cpu_kernels_and_a_word_about_it(self, tmp_path, capsys):
        assert not replace(CPU, gpu=True, toolkit=self.toolkit(tmp_path, "12.8")).compiles_cuda()
        assert "not the CUDA 13 compiler" in capsys.readouterr().out

    def test_a_gpu_without_a_toolkit_gets_cpu_kernels(self):
        assert not replace(CPU, gpu=True).compiles_cuda()

    def test_cuda_can_be_forced_where_no_gpu_is_seen(self, monkeypatch):
        monkeypatch.setenv("FORCE_CUDA", "1")
        assert CPU.compiles_cuda()


class TestInterpreter:
    @staticmethod
    def fake(folder: Path, name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def test_an_unusable_candidate_is_passed_over(self, tmp_path, monkeypatch):
        self.fake(tmp_path, "python3.12", "exit 127")
        self.fake(tmp_path, "python3.11", 'echo "it cannot make virtual environments"')
        good = self.fake(tmp_path, "python3.10", "echo")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "executable", str(self.fake(tmp_path, "mine", "echo it is Python 3.13")))
        assert interpreter.find_python() == str(good)

    def test_without_any_the_message_names_each_candidate_and_what_it_lacks(self, tmp_path, monkeypatch):
        self.fake(tmp_path, "python3.12", "exit 127")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "executable", str(self.fake(tmp_path, "mine", "echo it is Python 3.13")))
        with pytest.raises(interpreter.NoPython) as failure:
            interpreter.find_python()
        assert f"{tmp_path}/mine: it is Python 3.13" in str(failure.value)
        assert f"{tmp_path}/python3.12: it does not start" in str(failure.value)

    def test_the_probe_passes_on_a_python_that_could_make_this_environment(self, monkeypatch):
        base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
        if not base.exists() or sys.version_info[:2] not in interpreter.SUPPORTED:
            pytest.skip(f"no supported Python at {base}")
        monkeypatch.setattr(sys, "executable", str(base))
        assert interpreter.find_python() == str(base)
