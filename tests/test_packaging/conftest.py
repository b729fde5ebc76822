"""The set-up scripts are plain modules beside each other, outside the package."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "quickstart"))


@pytest.fixture(scope="session")
def clone() -> Path:
    """The root of the repository."""
    return ROOT
