"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images, videos and annotations; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("MMSELFHUMAN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set MMSELFHUMAN_DATA)")
    return folder
