"""What is in the wheel, the source archive and the editable install; what installing asks of an environment."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

pytest.importorskip("wheel", reason="wheels are built here")
if Version(pytest.importorskip("setuptools").__version__) < Version("64"):
    pytest.skip("editable installs need setuptools 64", allow_module_level=True)

SOURCES = (
    "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "model-index.yml",
    "requirements", "configs", "tools", "tests", "mmselfhuman",
)  # fmt: skip


def build(source: Path, kind: str) -> Path:
    """Run the build backend as pip does, without isolation; returns the folder with what it built."""
    out = source.parent / kind
    out.mkdir()
    code = f"from setuptools import build_meta; build_meta.build_{kind}({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, stdout=subprocess.DEVNULL)
    return out


def relative_files(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)) for path in found if path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def source(clone, tmp_path_factory) -> Path:
    """A copy of the sources without anything that was built in the clone."""
    copy = tmp_path_factory.mktemp("source") / "clone"
    copy.mkdir()
    for name in SOURCES:
        path = clone / name
        ignore = shutil.ignore_patterns("__pycache__", ".mim")
        shutil.copytree(path, copy / name, ignore=ignore) if path.is_dir() else shutil.copy(path, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(source) -> zipfile.ZipFile:
    [path] = build(source, "wheel").glob("*.whl")
    return zipfile.ZipFile(path)


class TestWheel:
    def test_holds_every_file_of_the_package_and_of_mim(self, wheel, source):
        package = {f"mmselfhuman/{name}" for name in relative_files(source / "mmselfhuman")}
        mim = {
            f"mmselfhuman/.mim/{part}/{name}" for part in ("configs", "tools") for name in relative_files(source / part)
        }
        assert (package | mim | {"mmselfhuman/.mim/model-index.yml"}) - set(wheel.namelist()) == set()

    def test_holds_nothing_else(self, wheel):
        tops = {Path(name).parts[0] for name in wheel.namelist()}
        assert tops == {"mmselfhuman", next(top for top in tops if top.endswith(".dist-info"))}
        assert [name for name in wheel.namelist() if name.endswith(".pyc") or "/tests/" in name] == []

    def test_building_it_leaves_the_sources_as_they_were(self, wheel, source):
        assert not (source / "mmselfhuman" / ".mim").exists()

    def test_bears_the_package_s_version(self, wheel, source):
        version = {}
        exec((source / "mmselfhuman" / "version.py").read_text(), version)
        assert Path(wheel.filename).name.startswith(f"mmselfhuman-{version['__version__']}-py3-none-any")


def metadata(wheel: zipfile.ZipFile) -> list[str]:
    [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    return wheel.read(name).decode().splitlines()


class TestRequirements:
    @pytest.fixture
    def required(self, wheel) -> list[Requirement]:
        lines = [line.partition(": ")[2] for line in metadata(wheel) if line.startswith("Requires-Dist: ")]
        return [Requirement(line) for line in lines]

    def test_installing_can_change_no_package_that_is_there(self, required):
        always = [requirement for requirement in required if requirement.marker is None]
        assert [str(r) for r in always if r.specifier] == []
        assert {r.name for r in always} == {"numpy", "pycocotools", "scipy"}

    def test_openmmlab_is_asked_for_by_mim_alone(self, required):
        asked = {r.name for r in required if r.marker and r.marker.evaluate({"extra": "mim"})}
        assert asked == {"mmcv", "mmdet", "mmengine", "mmpose", "mmsegmentation"}

    def test_flow_moves_nothing_that_is_pinned(self, required):
        asked = {r.name: r.specifier for r in required if r.marker and r.marker.evaluate({"extra": "flow"})}
        assert "ptlflow" not in asked, "its dependencies contradict constraints.txt"
        lines = Path(__file__).parents[2].joinpath("requirements", "constraints.txt").read_text().splitlines()
        pinned = dict(line.split(" ;")[0].split("==") for line in lines if "==" in line and not line.startswith("#"))
        assert [name for name, bounds in asked.items() if name in pinned and pinned[name] not in bounds] == []

    def test_all_holds_every_optional_back_end(self, required):
        def extra(name: str) -> set[str]:
            return {r.name for r in required if r.marker and r.marker.evaluate({"extra": name})}

        assert extra("pot") == {"POT"}
        assert extra("all") == {"POT", "timm"}


def test_a_wheel_built_from_the_source_archive_is_the_same(wheel, source, tmp_path):
    [archive] = build(source, "sdist").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = opened.getnames()
        opened.extraction_filter = lambda member, path: member  # we made the archive ourselves
        opened.extractall(tmp_path)
    assert [name for name in names if "/tests/" in name] == []
    [unpacked] = tmp_path.iterdir()
    [path] = build(unpacked, "wheel").glob("*.whl")
    assert sorted(zipfile.ZipFile(path).namelist()) == sorted(wheel.namelist())


class TestEditable:
    def test_the_build_links_mim_into_the_sources(self, source, tmp_path):
        copy = tmp_path / "clone"
        shutil.copytree(source, copy)
        build(copy, "editable")
        mim = copy / "mmselfhuman" / ".mim"
        assert relative_files(mim / "configs") == relative_files(copy / "configs")
        (copy / "configs" / "new.py").write_text("a = 1\n")
        assert (mim / "configs" / "new.py").exists()
        assert (mim / "tools" / "train.py").samefile(copy / "tools" / "train.py")
        assert os.readlink(mim / "model-index.yml") == "../../model-index.yml"

    def test_the_one_that_runs_these_tests_has_mim(self):
        # More than one answers: metadata in the working directory, too, which says nothing about the install.
        places = [json.loads(found.read_text("direct_url.json") or "{}") for found in distributions(name="mmselfhuman")]
        place = next((place for place in places if place.get("dir_info", {}).get("editable")), None)
        if place is None:
            pytest.skip("mmselfhuman is not installed in editable mode here")
        mim = Path(place["url"].removeprefix("file://"), "mmselfhuman", ".mim")
        assert sorted(os.listdir(mim)) == ["configs", "model-index.yml", "tools"]
        assert all(path.exists() for path in mim.iterdir())


def test_a_base_config_of_ours_is_found_however_the_package_was_installed(tmp_path):
    config = pytest.importorskip("mmengine").Config
    import mmselfhuman  # noqa: F401  (makes the package known to configs)

    path = tmp_path / "derived.py"
    path.write_text("_base_ = 'mmselfhuman::_base_/default_runtime.py'\n")
    assert config.fromfile(path).default_scope == "mmselfhuman"
