"""What our own sources never do with data: run it, unpickle it, or hand it to a shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What these run is no data: SLURM's own command line, pickles that this process or its fellow ranks have made.
ALLOWED = {
    ("mmselfhuman/engine/self_training/ranks.py", "subprocess.run"),
    ("mmselfhuman/engine/self_training/ranks.py", "pickle.loads"),
    ("mmselfhuman/datasets/sources/coco_persons.py", "pickle.loads"),
}
FORBIDDEN = ("eval", "exec", "pickle.load", "pickle.loads", "subprocess.", "os.system", "os.popen", "yaml.load")


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    for path in sorted((ROOT / "mmselfhuman").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield str(path.relative_to(ROOT)), ast.unparse(node.func), node


def test_no_data_is_run_or_unpickled() -> None:
    found = {
        (path, name)
        for path, name, _ in _calls()
        if any(name == bad or (bad.endswith(".") and name.startswith(bad)) for bad in FORBIDDEN)
    }
    assert found == ALLOWED


def test_arrays_and_weights_are_loaded_as_such() -> None:
    needed = {"np.load": ("allow_pickle", False), "torch.load": ("weights_only", True)}
    for path, name, call in _calls():
        if name in needed:
            key, value = needed[name]
            given = {item.arg: item.value for item in call.keywords}
            assert key in given, f"{path}: {ast.unparse(call)}"
            assert ast.literal_eval(given[key]) is value, f"{path}: {ast.unparse(call)}"


READS_WEIGHTS = (
    "load_checkpoint",
    "CheckpointLoader.load_checkpoint",
    "init_model",
    "Runner.from_cfg",
    "RUNNERS.build",
)
# Carried out inside `work.work`, which is in safe mode; a flow estimator is built by what is.
IN_SAFE_MODE = ("mmselfhuman/engine/self_training/work_", "mmselfhuman/engine/self_training/estimates.py")
BUILT_IN_SAFE_MODE = ("mmselfhuman/models/flow/mmflow_estimator.py",)


def _unguarded(node: ast.AST, guarded: bool, inside: str) -> Iterator[str]:
    """Calls that read weights outside of ``with only_weights()``; functions called from one count as inside."""
    if isinstance(node, ast.With):
        guarded = guarded or any("only_weights()" in ast.unparse(item) for item in node.items)
    if isinstance(node, ast.FunctionDef):
        inside = node.name
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name in READS_WEIGHTS and not guarded:
            yield inside
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child, guarded, inside)


def test_weights_are_read_in_safe_mode() -> None:
    folders = (ROOT / name for name in ("mmselfhuman", "tools", "demo"))
    unguarded = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name.startswith((*IN_SAFE_MODE, *BUILT_IN_SAFE_MODE, "tools/benchmarks/")):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        blocks = [
            node for node in ast.walk(tree) if isinstance(node, ast.With) and "only_weights()" in ast.unparse(node)
        ]
        called = {ast.unparse(n.func) for block in blocks for n in ast.walk(block) if isinstance(n, ast.Call)}
        unguarded += [f"{name}: {function}" for function in _unguarded(tree, False, "") if function not in called]
    assert unguarded == []
