"""Packaging. Dependencies are read from ``requirements/``; the metadata of ``mim`` is added to the package.

OpenMMLab's tools look for a package's configs, tools and model index in ``<package>/.mim``. In a wheel they are copied
there; in an editable install, whose build never copies the package, they are linked there.
"""

import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

ROOT = Path(__file__).resolve().parent
PACKAGE = "mmselfhuman"
MIM = ("configs", "tools", "model-index.yml")


def requirements(name: str) -> list[str]:
    """The requirements in ``requirements/<name>.txt``, with those of the files it includes."""
    found: list[str] = []
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        if line.startswith("-r "):
            found += requirements(line.removeprefix("-r ").strip().removesuffix(".txt"))
        elif line.strip() and not line.startswith("#"):
            found.append(line.strip())
    return found


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy2(source, target)


def link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(Path("..", "..", source.name), target_is_directory=source.is_dir())
    except OSError:  # Windows grants links to administrators only
        copy(source, target)


def add_mim(package: Path, place) -> None:
    """Fill ``package/.mim`` anew, each item put there by ``place(source, target)``."""
    folder = package / ".mim"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    for name in MIM:
        place(ROOT / name, folder / name)


class BuildWithMim(build_py):
    """Copies the metadata into what becomes the wheel; the source tree stays as it is."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            add_mim(Path(self.build_lib, PACKAGE), copy)


class EditableWithMim(editable_wheel):
    """Links the metadata into the source tree, which is what an editable install imports."""

    def run(self) -> None:
        add_mim(ROOT / PACKAGE, link)
        super().run()


setup(
    name=PACKAGE,
    version=runpy.run_path(str(ROOT / PACKAGE / "version.py"))["__version__"],
    description="Self-supervised human instance segmentation for OpenMMLab 2.x",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    keywords="computer vision, instance segmentation, human pose, self-supervised learning, video",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    # torch and the OpenMMLab packages are not required here: upstream and the forks distribute the same modules under
    # different names, so a requirement would install one over the other.
    install_requires=requirements("runtime"),
    extras_require={
        "all": requirements("optional"),
        "flow": requirements("flow"),
        "mim": requirements("mminstall"),
        "pot": requirements("pot"),
        "tests": requirements("tests"),
    },
    cmdclass={"build_py": BuildWithMim, "editable_wheel": EditableWithMim},
    zip_safe=False,
)
