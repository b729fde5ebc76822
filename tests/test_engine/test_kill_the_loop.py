"""What the benchmark that kills the loop is made of."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "benchmarks"))

from kill_the_loop import compare, moments


def test_there_is_a_moment_in_each_part_of_a_run() -> None:
    stages = [("a", 0.0), ("b", 10.0), ("c", 30.0)]
    chosen = moments(stages, 40.0, 4, seed=3)
    assert [name for name, _ in chosen] == ["a", "b", "b", "c"]
    times = [dict(stages)[name] + seconds for name, seconds in chosen]
    assert [int(moment // 10) for moment in times] == [0, 1, 2, 3]
    assert moments(stages, 40.0, 4, seed=3) == chosen
    assert moments(stages, 40.0, 4, seed=4) != chosen


def _work_dir(folder: Path, label: bytes, weight: float) -> Path:
    clip = folder / "labels" / "rounds" / "000001" / "clip.zip"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(label)
    (folder / "export").mkdir()
    torch.save({"state_dict": {"weight": torch.tensor([weight])}}, folder / "export" / "seg.pth")
    (folder / "ledger.json").write_text(
        '{"format": 1, "redone": {}, "sessions": [], "stages": {"a": {"result": {"digest": "1", "metrics": {}}}}}'
    )
    return folder


@pytest.mark.parametrize(("label", "weight", "same"), [(b"1", 1.0, True), (b"2", 1.0, False), (b"1", 1.0000001, False)])
def test_a_byte_or_a_bit_that_differs_is_seen(tmp_path: Path, label: bytes, weight: float, same: bool) -> None:
    one, other = _work_dir(tmp_path / "one", b"1", 1.0), _work_dir(tmp_path / "other", label, weight)
    assert compare(one, other) is same
