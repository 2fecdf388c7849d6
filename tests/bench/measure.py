"""How a row is measured: in this process, in a new one, or under gunicorn."""

import importlib.util
import itertools
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import pytest
import runner
from flask import Flask
from jinja2 import DictLoader
from werkzeug.test import create_environ

RUNS = 5
numbers = itertools.count(1)
left_out = []  # why some rows could not be measured here


@dataclass
class Row:
    """A line of the table; `sample`, `limit` and `plain` are lists of runs.

    `limit_is` and `plain_is` say how the limit and the plain way were done.
    More is better where the unit has a "/s", and less otherwise.
    """

    pattern: str
    what: str
    sample: list[float]
    limit: list[float]
    limit_is: str
    plain: list[float] | None = None
    plain_is: str = ""
    why: str = ""
    unit: str = "s"

    def times(self, runs):
        """Return how many times worse than the limit `runs` are."""
        ratio = statistics.median(runs) / statistics.median(self.limit)
        return 1 / ratio if "/s" in self.unit else ratio


def show(runs, unit="s", spread=False):
    """Return the median with its unit and, if wanted, lowest to highest."""
    middle, scale = statistics.median(runs), 1

    if unit == "s" and middle < 1:
        scale, unit = (1e3, "ms") if middle >= 1e-3 else (1e6, "µs")

    def digits(number):
        places = 1 if number * scale < 100 and number % 1 else 0
        return f"{number * scale:,.{places}f}"

    between = f" ({digits(min(runs))} to {digits(max(runs))})" * spread
    return f"{digits(middle)} {unit}{between}"


def measure(*ways, number=1, runs=RUNS):
    """Time the functions `ways` in turn; return each one's seconds a call."""
    times = [[] for _ in ways]

    # In turn, so that a busy moment meets all. The first round warms up.
    for _ in range(1 + runs):
        for way, seconds in zip(ways, times, strict=True):
            start = time.perf_counter()

            for _ in range(number):
                way()

            seconds.append((time.perf_counter() - start) / number)

    return [seconds[1:] for seconds in times]


def rates(seconds, amount):
    """Return what `amount` in each of these times is in a second."""
    return [amount / each for each in seconds]


# -- In this process --------------------------------------------------------


def load(folder, **env):
    """Import the sample in `folder`, as a module of its own."""
    name = f"sample_{folder.name}_{next(numbers)}"
    spec = importlib.util.spec_from_file_location(name, folder / "app.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)

    with patch.dict(os.environ, runner.environment(**env), clear=True):
        spec.loader.exec_module(module)

    return module


def bare(views, **settings):
    """Return a Flask app with nothing but the views {path: function}."""
    app = Flask("bare")
    app.config.update(settings)
    app.jinja_loader = DictLoader({"page.html": "<p>42"})

    for path, view in views.items():
        app.add_url_rule(path, path, view, methods=["GET", "POST", "PUT"])

    return app


def ask(app, path="/", method="GET", body="", **headers):
    """Return a function that makes one request, of the WSGI app alone.

    `{n}` in the form `body` is a new number each time. It returns the headers.
    """
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    base = create_environ(path, method=method, headers=headers)
    base["CONTENT_TYPE"] = "application/x-www-form-urlencoded" if body else ""

    def one():
        data = body.format(n=next(numbers)).encode()
        new = {"wsgi.input": BytesIO(data), "CONTENT_LENGTH": f"{len(data)}"}
        answer = []
        chunks = app(base | new, lambda *args: answer.extend(args))
        text = b"".join(chunks)
        chunks.close()
        assert answer[0] < "4", (path, answer, text)
        return dict(answer[1])

    return one


# -- In new processes -------------------------------------------------------


def write_app(folder, text):
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(text)
    return folder


def first_page(folder):
    """Start `flask run` in `folder`, and stop it when it has answered."""
    flask = [sys.executable, "-m", "flask", "--app", "app", "run"]

    with subprocess.Popen(
        [*flask, "--port", "0"],
        cwd=folder,
        # Compiled once, in the round that does not count.
        env=runner.environment(PYTHONDONTWRITEBYTECODE=None),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines = (re.search(r"http://127[\d.:]+", o) for o in process.stderr)

        try:
            reply = runner.fetch(next(filter(None, lines))[0])
            assert reply.status < 400, (folder, reply)
        finally:
            process.kill()


def served(folder, tmp, work):
    """Run `work(server)` some times, under three gunicorns after each other.

    Returns what it returned, and the peak memory in MB of a worker by then.
    """
    results, peaks = [], []

    for _ in range(3):
        with runner.boot(folder, log=tmp / "log", gunicorn=True) as server:
            workers = server.workers()

            for _ in range(10):
                runner.fetch(server.url)

            results += [work(server) for _ in range(RUNS)]
            texts = [
                Path(f"/proc/{it}/status").read_text("utf-8") for it in workers
            ]
            kib = [re.search(r"VmHWM:\s*(\d+)", text)[1] for text in texts]
            peaks.append(max(map(int, kib)) * 1024 / 1e6)

    return results, peaks


def available(service, tmp):
    """Yield a server, or nothing where its programs are missing."""
    try:
        with service(tmp) as running:
            yield running
    except pytest.skip.Exception as missing:
        left_out.append(f"{missing}")
