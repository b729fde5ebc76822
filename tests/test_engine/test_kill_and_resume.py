"""SIGKILL at random moments does not change what a training ends with."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("hook", ["TPR", "GBSR"])
def test_a_killed_training_ends_with_the_labels_and_weights_of_one_that_was_not(hook: str) -> None:
    tool = ROOT / "tools" / "benchmarks" / "kill_and_resume.py"
    command = [sys.executable, str(tool), "--hook", hook, "--kills", "2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "files of labels: equal" in result.stdout
    assert "tensors of the last checkpoint: equal" in result.stdout
