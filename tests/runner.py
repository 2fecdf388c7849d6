"""Find the samples, copy one, boot one, and ask it for a page.

This file knows no sample by its name. Every folder in `samples` that contains
an `app.py` is a sample.
"""

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = {
    path.parent.name: path.parent
    for path in sorted((ROOT / "samples").glob("*/app.py"))
}
# Running a sample can leave these in its folder.
LEFT_BEHIND = ("instance", "__pycache__", ".pytest_cache", ".ruff_cache")
PATIENCE = 300  # seconds, because a busy machine can be very slow

ROUTES = """
import json
from flask.cli import ScriptInfo

app = ScriptInfo(app_import_path="app").load_app()
rules = [(it.rule, [*it.methods]) for it in app.url_map.iter_rules()]
print(json.dumps(rules))
"""


def environment(**changes):
    """Return a copy of this process's environment for a sample.

    It contains no variable that changes how a sample runs, and turns every
    warning of Python into an error. A change to None removes a variable.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("FLASK_", "MAKE", "PYTEST_", "PYTHON", "SCRIPT_NAME", "VENV")
        )
    }
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
    env |= changes
    return {name: value for name, value in env.items() if value is not None}


def run(command, *, cwd, **env):
    """Run a command to its end. Return a CompletedProcess with its output."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE,
        check=False,
    )


def python(*args, cwd, python=sys.executable, **env):
    """Run Python with `args` in the folder `cwd`."""
    return run([python, *args], cwd=cwd, **env)


def own_tests(folder, *args, **kwargs):
    """Run the test of the sample in `folder`, in a process of its own."""
    # It needs no plugin, and loading them takes a while.
    kwargs["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return python("-m", "pytest", "-q", *args, cwd=folder, **kwargs)


def copy(folder, to):
    """Copy a sample to `to`/NAME as a user would. Return the new folder."""
    return shutil.copytree(
        folder,
        Path(to) / folder.name,
        ignore=shutil.ignore_patterns(*LEFT_BEHIND),
    )


def contents(folder):
    """Return {relative path: bytes} without what running can leave behind."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not set(LEFT_BEHIND) & set(path.relative_to(folder).parts)
    }


def sources(folder):
    """Return the Python files of a sample without its test."""
    paths = [folder / name for name in contents(folder)]
    return [
        path
        for path in paths
        if path.suffix == ".py" and not path.name.startswith("test_")
    ]


def section(folder, heading):
    """Return the text below `## heading` in the sample's README, or ''."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    return found[1].strip() if found else ""


@functools.cache
def routes(folder):
    """Return [(URL rule, methods)] of the sample in `folder`."""
    with tempfile.TemporaryDirectory() as tmp:
        done = python("-c", ROUTES, cwd=copy(folder, tmp))

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# -- Boot -------------------------------------------------------------------


@dataclass
class Server:
    """A sample that runs."""

    url: str  # "http://127.0.0.1:PORT" and the prefix, without a slash
    port: int
    log: Path
    process: subprocess.Popen

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def workers(self, least=2):
        """Wait until gunicorn has booted `least` workers. Return their ids."""

        def booted():
            text = self.output()
            found = re.findall(r"Booting worker with pid: (\d+)", text)
            return found if len(found) >= least else None

        return [int(pid) for pid in wait_until(booted)]

    def complaints(self, since=0):
        """Return the log from `since` if it has a traceback or a warning."""
        # gunicorn raises errors of its own for malformed chunks.
        text = re.sub(
            r"Traceback .*\n(?: .*\n)+gunicorn\.http\.errors\..*",
            "",
            self.output()[since:],
        )
        return text if re.search(r"Traceback|Warning:", text) else ""


def wait_until(found):
    """Call `found` until it returns something true, and return that."""
    deadline = time.monotonic() + PATIENCE

    while not (result := found()):
        assert time.monotonic() < deadline, f"{found} needs too long"
        time.sleep(0.02)

    return result


@contextlib.contextmanager
def started(command, *, cwd, log, env, ready):
    """Start a command, wait until its log matches `ready`, and stop it later.

    Yield (process, match). Fail with the log if the command ends.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
        )

    def matched():
        text = log.read_text(encoding="utf-8", errors="replace")
        match = re.search(ready, text)
        assert match or process.poll() is None, f"{command} ended:\n{text}"
        return match

    try:
        yield process, wait_until(matched)
    finally:
        process.terminate()

        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE / 10)

        # Stop everything that it has started as well.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

        process.wait()


@contextlib.contextmanager
def boot(
    folder, *, log, app="app", gunicorn=False, workers=2, prefix="", **env
):
    """Boot a sample on a free port of 127.0.0.1, and yield its `Server`.

    The output goes to the file `log`. With `gunicorn`, that many workers of
    four threads serve it under the URL prefix `prefix`. Otherwise, it's
    `flask --app APP run`.
    """
    command = ["flask", "--app", app, "run", "--port", "0"]

    if gunicorn:
        text = (folder / "app.py").read_text(encoding="utf-8")
        named = re.search(r"^(?:app =|from .+ import app$)", text, re.M)
        command = ["gunicorn", "-w", f"{workers}", "--threads", "4"]
        command += ["-b", "127.0.0.1:0", "--no-control-socket"]
        command += ["app:app" if named else "app:create_app()"]
        env["SCRIPT_NAME"] = prefix or None

    with started(
        [sys.executable, "-W", "error", "-m", *command],
        cwd=folder,
        log=log,
        env=environment(**env),
        ready=r"http://127\.0\.0\.1:(\d+)",
    ) as (process, match):
        yield Server(match[0] + prefix, int(match[1]), log, process)


# -- Fetch ------------------------------------------------------------------


@dataclass
class Reply:
    """An HTTP response."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def fetch(url, form=None, *, method=None, headers=(), body=None):
    """GET `url`, or POST `form` (a dict) or `body` (bytes) to it.

    Each call opens a connection and follows no redirect.
    """
    parts = urlsplit(url)
    headers = dict(headers)

    if form is not None:
        body = urlencode(form)
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")

    method = method or ("GET" if body is None else "POST")
    target = parts._replace(
        scheme="", netloc="", path=parts.path or "/", fragment=""
    )
    connection = HTTPConnection(parts.netloc, timeout=PATIENCE)

    with contextlib.closing(connection):
        connection.request(method, target.geturl(), body, headers)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
