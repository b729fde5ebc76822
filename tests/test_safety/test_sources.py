"""What our own sources never do with data: run it, unpickle it, or hand it to a shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What these run is no data: SLURM's own command line, a pickle that the same process has made.
ALLOWED = {
    ("mmselfhuman/engine/self_training/ranks.py", "subprocess.run"),
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
