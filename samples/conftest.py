"""Keeps one sample's test away from another sample's `app`.

Every folder has a module of that name, and a process can import only one.
"""

import sys
from pathlib import Path

import pytest


def pytest_collectstart(collector):
    loaded = sys.modules.get("app")

    if (
        loaded
        and isinstance(collector, pytest.Module)
        and Path(loaded.__file__).parent != collector.path.parent
    ):
        pytest.exit(
            f"{collector.name} would test the app of another folder. Give"
            " each sample a process of its own: `pytest samples/NAME` for"
            " one, `make test-fast` for all.",
            returncode=4,
        )
