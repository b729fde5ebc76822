"""Compiling once, keeping the wheel, noticing a bad one: shown on a tiny extension module in place of mmcv."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time
import venv
import zipfile
from pathlib import Path

import pytest
from native_wheel import NativeWheel, SetupFailed, install

pytest.importorskip("wheel", reason="wheels are built here")
pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")

SETUP = """
import os, sys, time
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

class Build(build_ext):
    def run(self):
        with open({diary!r}, "a") as diary:
            print(os.getpid(), os.environ["FORCE_CUDA"], os.environ["MAX_JOBS"], file=diary)
        print("[1/2] c++ tiny.c", flush=True)
        {instead}
        super().run()

setup(name="tiny-ops", version="1.0", ext_modules=[Extension("tiny_ops", ["tiny.c"])], cmdclass=dict(build_ext=Build))
"""

C_CODE = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "tiny_ops", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_tiny_ops(void) { %s return PyModule_Create(&module); }
"""
UNLOADABLE = 'PyErr_SetString(PyExc_ImportError, "undefined symbol: _ZN2at"); return NULL;'


class TinyOps:
    """Sources of an extension module, the folder that keeps its wheel, and how often it was compiled."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.source.mkdir()
        self.kept = folder / "wheels"
        self.diary = folder / "diary"
        self.diary.touch()
        self.wheel = NativeWheel("tiny-ops", str(self.source), "tiny_ops-1.0-*.whl", "tiny_ops", self.kept)
        self.write()

    def write(self, body: str = "", instead: str = "pass") -> None:
        (self.source / "tiny.c").write_text(C_CODE % body)
        (self.source / "setup.py").write_text(SETUP.format(diary=str(self.diary), instead=instead))

    def builds(self) -> list[list[str]]:
        return [line.split() for line in self.diary.read_text().splitlines()]

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.kept.iterdir() if path.name not in (".lock", "build.log"))


@pytest.fixture
def tiny(tmp_path) -> TinyOps:
    return TinyOps(tmp_path)


@pytest.fixture
def make_python(tmp_path):
    """Makes environments that see this one's packages (pip, setuptools) but are installed into on their own."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        venv.create(folder)
        purelib = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
        Path(purelib, "parent.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return folder / "bin" / "python"

    return make


def imports(python: Path) -> bool:
    return subprocess.run([python, "-c", "import tiny_ops"], capture_output=True).returncode == 0


def is_running(process: str) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", process], capture_output=True, text=True).stdout.strip()
    return state != "" and not state.startswith("Z")


def test_the_second_environment_reuses_what_the_first_compiled(tiny, make_python):
    first, second = make_python("first"), make_python("second")
    install(tiny.wheel, first)
    shutil.rmtree(tiny.source)
    install(tiny.wheel, second)
    assert imports(first)
    assert imports(second)
    assert len(tiny.builds()) == 1
    assert len(tiny.leftovers()) == 1


def test_without_cuda_the_build_is_told_so_and_uses_every_core(tiny, make_python, monkeypatch):
    monkeypatch.delenv("MAX_JOBS", raising=False)
    monkeypatch.setenv("FORCE_CUDA", "1")
    install(tiny.wheel, make_python("env"))
    [(_, force_cuda, jobs)] = tiny.builds()
    assert force_cuda == "0"
    assert 1 <= int(jobs) <= os.cpu_count()


def test_a_kept_wheel_that_does_not_load_is_compiled_anew(tiny, make_python, capsys):
    python = make_python("env")
    install(tiny.wheel, python)
    [kept] = tiny.kept.glob("*.whl")
    with zipfile.ZipFile(kept) as archive:
        files = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(kept, "w") as archive:
        for info, content in files.items():
            archive.writestr(info, b"" if info.filename.endswith(".so") else content)
    install(tiny.wheel, python)
    assert imports(python)
    assert "it does not load (ImportError: " in capsys.readouterr().out
    assert len(tiny.builds()) == 2


def test_a_fresh_wheel_that_does_not_load_fails_with_the_import_error_and_is_not_kept(tiny, make_python):
    tiny.write(body=UNLOADABLE)
    with pytest.raises(SetupFailed, match="undefined symbol: _ZN2at"):
        install(tiny.wheel, make_python("env"))
    assert tiny.leftovers() == []
    assert len(tiny.builds()) == 1


def test_a_failed_compilation_shows_the_compilers_error_and_the_log_s_place(tiny, make_python):
    tiny.write(body="this is not C;")
    with pytest.raises(SetupFailed) as failure:
        install(tiny.wheel, make_python("env"))
    assert str(tiny.kept / "build.log") in str(failure.value)
    assert re.search(r"tiny.c:\d+:\d+: error: ", str(failure.value))
    assert "this is not C" in (tiny.kept / "build.log").read_text()
    assert tiny.leftovers() == []


def test_what_an_interrupted_build_left_is_cleared_and_never_taken_for_a_wheel(tiny, make_python):
    abandoned = tiny.kept / ".building-x" / "wheel"
    abandoned.mkdir(parents=True)
    (abandoned / "tiny_ops-1.0-cp311-cp311-linux_x86_64.whl").write_bytes(b"half a wheel")
    python = make_python("env")
    install(tiny.wheel, python)
    assert imports(python)
    assert [name for name in tiny.leftovers() if name.startswith(".")] == []


def test_two_clones_at_once_compile_once(tiny, make_python, capfd):
    tiny.write(instead="time.sleep(5)")
    pythons = [make_python("first"), make_python("second")]
    threads = [threading.Thread(target=install, args=(tiny.wheel, python)) for python in pythons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(map(imports, pythons))
    assert len(tiny.builds()) == 1
    assert "waiting for it" in capfd.readouterr().out


def test_interrupting_ends_the_compilers_and_leaves_nothing(tiny, make_python, clone):
    tiny.write(instead="time.sleep(300)")
    # A job in the background of a shell inherits that interrupts are ignored.
    code = f"""
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path.append({str(clone / "quickstart")!r})
        from pathlib import Path
        from native_wheel import NativeWheel, install
        source, kept, python = {str(tiny.source)!r}, Path({str(tiny.kept)!r}), Path({str(make_python("env"))!r})
        install(NativeWheel("tiny-ops", source, "tiny_ops-1.0-*.whl", "tiny_ops", kept), python)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not tiny.builds() and time.monotonic() < deadline:
        time.sleep(0.1)
    [(compiler, *_)] = tiny.builds()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=240) != 0
    assert tiny.leftovers() == []
    while is_running(compiler) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(compiler)
