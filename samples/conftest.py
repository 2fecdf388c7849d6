"""Reject a run of two samples, because each has a module called `app`.

Python imports only one of them, so both tests would test the same sample.
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
            f"{collector.name} would test the app of another folder. Run"
            " `pytest samples/NAME` for one sample, or `make test` for all.",
            returncode=4,
        )
