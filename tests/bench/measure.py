"""How a row is measured: in this process, in a new one, or under gunicorn."""

import contextlib
import gc
import importlib.util
import itertools
import os
import re
import sys
import time
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import pytest
import runner
from werkzeug.test import create_environ, run_wsgi_app

QUICK = bool(os.environ.get("QUICK"))  # once is enough for a test
HERE = {"PYTHONPATH": f"{Path(__file__).parent.parent}"}
FIRST = """
from flask.cli import ScriptInfo
app = ScriptInfo(app_import_path="app").load_app()
assert app.test_client().get("/").status_code < 400
"""
numbers = itertools.count(1)


def measure(ways, least=5, seconds=1.5):
    """Call the functions `ways` in turn, and return the figures of each one.

    In turn, so that a busy moment meets all of them. The first round only
    warms up. A figure is the float that a function returns, or its seconds.
    """
    figures = [way and [] for way in ways]
    least, end = (0, 0) if QUICK else (least, time.monotonic() + seconds)
    rounds = 0
    # Don't let Python search what the rows above have left for garbage.
    gc.freeze()

    while rounds <= least or time.monotonic() < end:
        rounds += 1

        for way, found in zip(ways, figures, strict=True):
            if way:
                start = time.perf_counter()
                own = way()
                took = time.perf_counter() - start
                found.append(own if isinstance(own, float) else took)

    return [found and found[not QUICK :] for found in figures]


def load(folder, **env):
    """Import the sample in `folder`."""
    spec = importlib.util.spec_from_file_location("app", folder / "app.py")
    module = sys.modules["app"] = importlib.util.module_from_spec(spec)

    with patch.dict(os.environ, env):
        spec.loader.exec_module(module)

    return module


def ask(app, path="/", form="", **options):
    """Return a function that sends a request to the WSGI app.

    `[n]` in the `form` becomes a new number each time.
    """
    if form:
        kind = "application/x-www-form-urlencoded"
        options = {"method": "POST", "content_type": kind} | options

    environ = create_environ(path, **options)

    def way():
        body = form.replace("[n]", f"{next(numbers)}").encode()
        new = {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": f"{len(body)}"}
        chunks, status, _ = run_wsgi_app(app, environ | new)
        text = b"".join(chunks)
        assert status < "4", (path, status, text)
        return text

    return way


def page_app(tmp, call, names="app"):
    """Write an app that is a call of a function in pages.py."""
    folder = tmp / f"page{next(numbers)}"
    folder.mkdir()
    text = f"from bench import pages\n\n{names} = pages.{call}\n"
    (folder / "app.py").write_text(text, encoding="utf-8")
    return folder


def first_page(folder):
    """Return a function that starts the app there for its first page."""

    def way():
        # The round that warms up writes the bytecode.
        env = {"PYTHONDONTWRITEBYTECODE": None, **HERE}
        done = runner.python("-c", FIRST, cwd=folder, **env)
        assert done.returncode == 0, done.stderr

    return way


@contextlib.contextmanager
def serve(folders, tmp):
    """Yield a server for each app, with one worker of gunicorn."""
    options = {"gunicorn": True, "workers": 1, "TMPDIR": f"{tmp}", **HERE}

    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                runner.boot(it, log=tmp / f"{next(numbers)}.log", **options)
            )
            for it in folders
        ]


def peak(server):
    """Return the peak memory of the server's worker, in MB."""
    [pid] = server.workers(1)
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) * 1024 / 1e6


@contextlib.contextmanager
def optional(service, tmp):
    """Yield a server, or None if its programs are missing."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(service(tmp))
        except pytest.skip.Exception:
            server = None

        yield server
