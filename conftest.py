"""Fixtures shared by all tests."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images, videos and annotations; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("MMSELFHUMAN_DATA", Path(__file__).resolve().parents[1] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist (set MMSELFHUMAN_DATA)")
    return folder


@pytest.fixture(autouse=True)
def no_runner_outlives_its_test() -> Iterator[None]:
    """Take back what a test leaves in MMEngine's process-wide tables.

    A runner stays in them with its default scope, message hub and visualizer; the next test would resolve names in that
    scope.
    """
    tables = {table: dict(table._instance_dict) for table in _process_wide_tables()}
    yield
    for table in _process_wide_tables():
        table._instance_dict.clear()
        table._instance_dict.update(tables.get(table, {}))


def _process_wide_tables() -> list[type]:
    if "mmengine.utils.manager" not in sys.modules:
        return []
    found = [sys.modules["mmengine.utils.manager"].ManagerMixin]
    for table in found:
        found += table.__subclasses__()
    return found
