"""What the tests of several samples do to a copy, a worker, or a server."""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import runner

# For speed, the processes are forks of one that has imported the libraries.
START = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
import flask_sqlalchemy, psycopg

def start(_):
    barrier.wait()
    import app
    exec(sys.argv[1])

fork = multiprocessing.get_context("fork")
barrier = fork.Barrier(4)

with ProcessPoolExecutor(4, fork) as pool:
    list(pool.map(start, range(4)))
"""


def edit(folder, old, new):
    """Replace text that is once in `app.py`, or append where `old` is ''."""
    path = folder / "app.py"
    text = path.read_text("utf-8")
    assert not old or text.count(old) == 1
    text = text.replace(old, new) if old else text + new
    path.write_text(text, "utf-8")


def start_at_once(folder, create="", **env):
    """Start the app in four processes that wait for each other.

    gunicorn's workers seldom meet. `create` is a call of the factory.
    """
    done = runner.python("-c", START, create, cwd=folder, **env)
    assert done.returncode == 0, done.stderr


def together(work, times=16):
    """Return what `times` threads get that do `work` at the same time."""
    barrier = Barrier(times)

    def one(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


@contextlib.contextmanager
def flat_memory(server, most):
    """Expect that no worker needs `most` kB more than it ever had."""

    def peaks():
        paths = [Path(f"/proc/{pid}/status") for pid in server.workers()]
        found = [re.search(r"VmHWM:\s+(\d+)", it.read_text()) for it in paths]
        return [int(match[1]) for match in found]

    before = peaks()
    yield
    growth = [b - a for a, b in zip(before, peaks(), strict=True)]
    assert max(growth) < most
