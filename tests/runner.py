"""Find the samples, copy one, boot one, and ask it for a page.

This file knows no sample by its name. Every folder in `samples` that contains
an `app.py` is a sample.
"""

import ast
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
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = {
    path.parent.name: path.parent
    for path in sorted((ROOT / "samples").glob("*/app.py"))
}
# Running a sample can leave these in its folder.
LEFT_BEHIND = ("instance", "__pycache__", ".pytest_cache", ".ruff_cache")
PATIENCE = 300  # seconds, because a busy machine can be very slow
LARGEST = 64_000_000  # bytes of a body that fetch() reads

URL_MAP = """
import json
from flask.cli import ScriptInfo

app = ScriptInfo(app_import_path="app").load_app()
print(json.dumps([
    {
        "rule": rule.rule,
        "endpoint": rule.endpoint,
        "methods": sorted(rule.methods or ()),
        "defaults": sorted(rule.defaults or ()),
        "arguments": {
            name: [
                rule._converters[name].__class__.__name__,
                rule._converters[name].regex,
            ]
            for name in sorted(rule.arguments) if name in rule._converters
        },
    }
    for rule in app.url_map.iter_rules()
]))
"""


def environment(**changes):
    """Return a copy of this process's environment for a sample.

    It contains no variable that changes how a sample runs, and turns every
    warning of Python into an error. A change to None removes a variable.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLASK_", "PYTEST_", "PYTHON", "SCRIPT_NAME"))
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
    return sorted(
        path
        for path in folder.rglob("*.py")
        if not path.name.startswith("test_")
        and not set(LEFT_BEHIND) & set(path.relative_to(folder).parts)
    )


def section(folder, heading):
    """Return the text below `## heading` in the sample's README, or ''."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    return found[1].strip() if found else ""


@functools.cache
def url_map(folder):
    """Return the rules of the sample in `folder`, as a list of dicts."""
    with tempfile.TemporaryDirectory() as tmp:
        done = python("-c", URL_MAP, cwd=copy(folder, tmp))

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def plain_gets(folder):
    """Return the paths without arguments that respond to a GET."""
    return sorted(
        {
            rule["rule"]
            for rule in url_map(folder)
            if "GET" in rule["methods"] and "<" not in rule["rule"]
        }
    )


# -- Boot -------------------------------------------------------------------


@dataclass
class Server:
    """A sample that runs."""

    url: str  # "http://127.0.0.1:PORT" and the prefix, without a slash
    port: int
    log: Path
    process: subprocess.Popen

    def workers(self, least=2):
        """Wait until gunicorn has booted `least` workers. Return their ids."""
        deadline = time.monotonic() + PATIENCE
        found = []

        while len(found) < least and time.monotonic() < deadline:
            time.sleep(0.02)
            text = self.log.read_text(encoding="utf-8", errors="replace")
            found = re.findall(r"Booting worker with pid: (\d+)", text)

        return [int(pid) for pid in found]

    def complaints(self, since=0):
        """Return the log from `since` if it has a traceback or a warning."""
        text = self.log.read_text(encoding="utf-8", errors="replace")[since:]
        # gunicorn raises errors of its own for malformed chunks.
        text = re.sub(
            r"Traceback .*\n(?: .*\n)+gunicorn\.http\.errors\..*", "", text
        )
        return text if re.search(r"Traceback|Warning:", text) else ""


def wsgi_target(folder):
    """Return gunicorn's name for the app: `app:app` or `app:create_app()`."""
    text = (folder / "app.py").read_text(encoding="utf-8")
    names = set()

    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            names |= {ast.unparse(target) for target in node.targets}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}

    return "app:app" if "app" in names else "app:create_app()"


@contextlib.contextmanager
def started(command, *, cwd, log, env, ready):
    """Start a command, wait until its log matches `ready`, and stop it later.

    Yield (process, match). Raise RuntimeError with the log if the command
    ends, or if the log doesn't match in time.
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

    try:
        deadline = time.monotonic() + PATIENCE

        while not (
            match := re.search(ready, log.read_text("utf-8", "replace"))
        ):
            if process.poll() is not None or time.monotonic() > deadline:
                text = log.read_text("utf-8", "replace")
                raise RuntimeError(f"{command} didn't start:\n{text}")

            time.sleep(0.02)

        yield process, match
    finally:
        stop(process)


def stop(process):
    """Stop a process by its id, and everything that it has started."""
    process.terminate()

    try:
        process.wait(PATIENCE / 10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def boot(
    folder,
    *,
    log,
    app="app",
    cwd=None,
    gunicorn=False,
    workers=2,
    prefix="",
    before=(),
    **env,
):
    """Boot a sample on a free port of 127.0.0.1, and yield its `Server`.

    The output goes to the file `log`. With `gunicorn`, that many workers of
    four threads serve it under the URL prefix `prefix`. Otherwise, it's
    `flask --app APP run` in the folder `cwd`. `before` is a command that
    starts the real one.
    """
    flask = ["-m", "flask", "--app", app, "run", "--port", "0"]
    command = [sys.executable, "-W", "error", *flask]

    if gunicorn:
        command[3:] = ["-m", "gunicorn", "-w", f"{workers}", "--threads", "4"]
        command += ["-b", "127.0.0.1:0", "--no-control-socket"]
        command += [wsgi_target(folder)]
        env["SCRIPT_NAME"] = prefix or None

    with started(
        [*before, *command],
        cwd=cwd or folder,
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


def fetch(
    url,
    form=None,
    *,
    method=None,
    headers=None,
    body=None,
    seconds=PATIENCE,
):
    """GET `url`, or POST `form` (a dict) or `body` (bytes) to it.

    Each call opens a connection and follows no redirect. A body that is too
    long, or that doesn't end in `seconds`, is cut off.
    """
    parts = urlsplit(url)
    headers = dict(headers or {})

    if form is not None:
        body = urlencode(form)
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")

    method = method or ("GET" if body is None else "POST")
    connection = HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
    deadline = time.monotonic() + seconds

    with contextlib.closing(connection):
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, target, body, headers)
        # The connection forgets the socket if the server wants to close it.
        sock = connection.sock
        received = bytearray()

        with connection.getresponse() as response:
            # Python 3.13 closes the socket after the last byte.
            while (
                not response.isclosed()
                and len(received) < LARGEST
                and time.monotonic() < deadline
            ):
                sock.settimeout(max(deadline - time.monotonic(), 0.001))

                try:
                    block = response.read1(65536)
                except TimeoutError:
                    break

                if not block and response.length:
                    raise IncompleteRead(bytes(received), response.length)

                if not block:
                    break

                received += block

        return Reply(response.status, response.headers, bytes(received))
