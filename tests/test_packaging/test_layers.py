"""Who imports whom: floors on which nobody looks upward, no circles, algorithms that know no framework."""

import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest
from modules import PACKAGE, ROOT, imports, inside, modules

OPENMMLAB = {"mmcv", "mmdet", "mmengine", "mmflow", "mmpose", "mmseg"}
OPTIONAL = {"mmflow", "ot", "ptlflow", "timm", "torchvision"}
NUMERIC = {"cv2", "numpy", "pycocotools", "scipy", "torch"}

# Files of `models` that are components of an OpenMMLab library; all others there are algorithms.
COMPONENTS = {
    "models.detectors",
    "models.pose.codec",
    "models.pose.head",
    "models.pose2seg.head",
    "models.pose2seg.segmentor",
}
# What makes other libraries' networks estimators of flow asks for those libraries when one is built.
FLOW_ADAPTERS = {
    "models.flow.mmflow_estimator": {"mmcv", "mmengine", "mmflow", "packaging"},
    "models.flow.ptlflow_estimator": {"ptlflow"},
    "models.flow.raft": {"torchvision"},
}

GROUND, ALGORITHMS, COMPONENTS_AND_DATA, ENGINE = range(4)
FLOORS = {
    "": GROUND,
    "ecosystem": GROUND,
    "registry": GROUND,
    "structures": GROUND,
    "utils": GROUND,
    "version": GROUND,
    "models": ALGORITHMS,
    "pseudo_labels": ALGORITHMS,
    "datasets": COMPONENTS_AND_DATA,
    "evaluation": COMPONENTS_AND_DATA,
    "apis": ENGINE,
    "engine": ENGINE,
    "visualization": ENGINE,
    "configs": ENGINE,
}

MOST_LINES = 400


def floor(module: str) -> int:
    name = inside(module)
    is_component = name.endswith("registered") or any(f"{name}.".startswith(f"{part}.") for part in COMPONENTS)
    return COMPONENTS_AND_DATA if is_component else FLOORS[name.partition(".")[0]]


def ours(module: str) -> set[str]:
    """Modules of the package that a module imports, whenever it does."""
    return {found.name for found in imports(module) if found.top == PACKAGE}


def test_nobody_imports_upward() -> None:
    upward = [f"{module} -> {other}" for module in modules() for other in ours(module) if floor(other) > floor(module)]
    assert upward == []


def test_no_imports_go_in_a_circle() -> None:
    try:
        TopologicalSorter({module: ours(module) for module in modules()}).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_algorithms_import_numbers_and_no_framework() -> None:
    others = {
        f"{module} -> {found.name}"
        for module in modules()
        for found in imports(module)
        if floor(module) == ALGORITHMS
        and found.top not in sys.stdlib_module_names | NUMERIC | {PACKAGE}
        and not (found.lazy and found.top in FLOW_ADAPTERS.get(inside(module), set()))
    }
    assert others == set()


def test_algorithms_know_of_us_only_each_other_and_the_structures() -> None:
    others = {
        f"{module} -> {other}"
        for module in modules()
        for other in ours(module)
        if floor(module) == ALGORITHMS and floor(other) == GROUND and not inside(other).startswith("structures")
    }
    assert others == set()


def test_importing_every_algorithm_imports_no_library_of_networks() -> None:
    algorithms = [module for module in modules() if floor(module) == ALGORITHMS]
    code = f"import sys, importlib\nfor m in {algorithms}: importlib.import_module(m)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (OPENMMLAB - {"mmengine"} | OPTIONAL) & set(loaded.split()) == set()


def test_libraries_that_may_be_missing_are_imported_by_what_needs_them_alone() -> None:
    eager = {
        (inside(module), found.top)
        for module in modules()
        for found in imports(module)
        if not found.lazy and found.top in OPTIONAL | OPENMMLAB - {"mmengine", "mmcv"}
    }
    # `models.registered` and `registry` ask first whether the library is there.
    assert {module for module, _ in eager} <= {
        "models.detectors.detector",
        "models.detectors.seg_module",
        "models.pose.codec",
        "models.pose.head",
        "models.pose2seg.head",
        "models.pose2seg.segmentor",
        "registry",
    }


def test_the_package_imports_no_scripts() -> None:
    scripts = {"tools", "tests", "demo", "projects", "quickstart"}
    assert [module for module in modules() if scripts & {found.top for found in imports(module)}] == []


def test_modules_are_short() -> None:
    paths = [*modules().values(), *(ROOT / "tools").rglob("*.py"), *(ROOT / "demo").rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in paths}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}
