"""Keeps one sample's test away from another sample's `app`.

Every folder has a module of that name, and a process can import only one.
"""

import sys
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    for folder in {item.path.parent for item in items}:
        if Path(sys.modules["app"].__file__).parent != folder:
            pytest.exit(
                f"{folder.name} would test the app of another folder. Give"
                " each sample a process of its own: `pytest samples/NAME`"
                " for one, `make test-fast` for all.",
                returncode=4,
            )
