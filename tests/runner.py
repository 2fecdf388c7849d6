"""Finds the samples, boots one, copies one, blanks one.

Nothing here knows a sample by name: a folder below `samples` that holds an
`app.py` is one.
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
import textwrap
import time
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = {
    path.parent.name: path.parent
    for path in sorted((ROOT / "samples").glob("*/app.py"))
}
# What running a sample may leave in its folder.
LEFT_BEHIND = ("instance", "__pycache__", ".pytest_cache", ".ruff_cache")
PATIENCE = 60  # seconds for anything that ought to come at once

WARM = """
import importlib, os, signal, sys
import pytest

for name in sys.argv[2:]:
    importlib.import_module(name)

for _ in sys.stdin:
    if not os.fork():
        signal.alarm(int(sys.argv[1]))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(pytest.main(["-qx", "--tb=no", "--assert=plain"]))

    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
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


@dataclass
class Server:
    """A booted sample: where it answers, what it logs, its process."""

    url: str  # "http://127.0.0.1:PORT", with the prefix, no slash behind
    port: int
    log: Path
    process: subprocess.Popen

    def workers(self, least=2):
        """Wait until gunicorn has booted so many workers; return their ids."""
        deadline = time.monotonic() + PATIENCE
        found = []

        while len(found) < least and time.monotonic() < deadline:
            time.sleep(0.02)
            text = self.log.read_text(errors="replace")
            found = re.findall(r"Booting worker with pid: (\d+)", text)

        return [int(pid) for pid in found]

    def complaints(self, since=0):
        """The log, from its character `since`, if it tells of trouble, or ''.

        A traceback is trouble, and a warning; but not gunicorn's errors over
        malformed chunks, which come up in the app that reads them.
        """
        text = self.log.read_text(errors="replace")[since:]
        text = re.sub(
            r"Traceback .*\n(?: .*\n)+gunicorn\.http\.errors\..*", "", text
        )
        return text if re.search(r"Traceback|Warning:", text) else ""


def environment(**changes):
    """This process's environment without what would steer a sample.

    Returns a dict in which every warning of Python is an error. A change
    to None removes the variable.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLASK_", "PYTEST_", "PYTHON", "SCRIPT_NAME"))
    }
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
    env |= changes
    return {name: value for name, value in env.items() if value is not None}


def python(*args, cwd, python=sys.executable, **env):
    """Run Python with `args` in the folder `cwd`; return what came of it."""
    return subprocess.run(
        [python, *args],
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 5,
        check=False,
    )


def own_tests(folder, *args, **kwargs):
    """Run the test of the sample in `folder`, in a process of its own."""
    return python("-m", "pytest", "-q", *args, cwd=folder, **kwargs)


@contextlib.contextmanager
def warm(folder):
    """Yield a function that runs the own test, and returns its exit code.

    For many runs: each is a fork of one process, which has imported whatever
    the sample imports, but for the sample's own modules.
    """
    own = {path.stem for path in folder.rglob("*")}
    names = set()

    for path in folder.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)

    names = sorted(name for name in names if name.split(".")[0] not in own)

    with subprocess.Popen(
        [sys.executable, "-c", WARM, f"{PATIENCE * 5}", *names],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def own_test():
            process.stdin.write("\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield own_test


def copy(folder, to):
    """Copy a sample to `to`/NAME as a user would; return the new folder."""
    return shutil.copytree(
        folder,
        Path(to) / folder.name,
        ignore=shutil.ignore_patterns(*LEFT_BEHIND),
    )


def contents(folder):
    """Return {relative path: bytes} of all but what may be left behind."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not set(LEFT_BEHIND) & set(path.relative_to(folder).parts)
    }


@functools.cache
def url_map(folder):
    """Return the rules of the sample in `folder`, a list of dicts."""
    done = python("-c", URL_MAP, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def plain_gets(folder):
    """Return the paths that GET answers and that take no argument."""
    return sorted(
        {
            rule["rule"]
            for rule in url_map(folder)
            if "GET" in rule["methods"] and "<" not in rule["rule"]
        }
    )


def wsgi_target(folder):
    """Return what gunicorn is given: `app:app` or `app:create_app()`."""
    names = set()

    for node in ast.parse((folder / "app.py").read_text()).body:
        if isinstance(node, ast.Assign):
            names |= {ast.unparse(target) for target in node.targets}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}

    return "app:app" if "app" in names else "app:create_app()"


@contextlib.contextmanager
def started(command, *, cwd, log, env, ready):
    """Start `command`, wait until its log matches `ready`, end it after.

    Yields (process, match). Raises RuntimeError with the log if the command
    ends before, or says nothing in time.
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
                raise RuntimeError(f"{command}:\n{log.read_text()}")

            time.sleep(0.02)

        yield process, match
    finally:
        stop(process)


def stop(process):
    """End a process by its id, kindly first, and whatever it started."""
    process.terminate()

    try:
        process.wait(PATIENCE / 4)
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
    """Boot a sample on a free port of 127.0.0.1; yield its `Server`.

    `log` is the file for its output. With `gunicorn` it runs under so many
    workers of four threads, below the URL prefix `prefix`; otherwise under
    `flask --app APP run`, in the folder `cwd` or its own. The command is an
    argument of the command `before`, which becomes it.
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


# -- Asking a server --------------------------------------------------------


@dataclass
class Reply:
    """One HTTP answer; redirects are not followed."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def fetch(url, form=None, *, method=None, headers=None, body=None):
    """GET `url`, or POST `form` (a dict) or `body` (bytes) to it.

    Opens a connection of its own. Returns a `Reply` for whatever status.
    """
    parts = urlsplit(url)
    headers = dict(headers or {})

    if form is not None:
        body = urlencode(form)
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")

    method = method or ("GET" if body is None else "POST")
    connection = HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)

    with contextlib.closing(connection):
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())


# -- The README of a sample -------------------------------------------------


def section(folder, heading):
    """Return the text below `## heading` in the README, or ''."""
    text = (folder / "README.md").read_text()
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    return found[1].strip() if found else ""


def exercise(folder):
    """Return {function: hint} that *Teach it* gives to the student."""
    return dict(
        re.findall(
            r"^- `([\w.]+)`: (.+(?:\n  .+)*)",
            section(folder, "Teach it"),
            re.M,
        )
    )


# -- Blanking ---------------------------------------------------------------


def sources(folder):
    """Return the sample's own Python files, its test left out."""
    return sorted(
        path
        for path in folder.rglob("*.py")
        if not path.name.startswith("test_")
        and not set(LEFT_BEHIND) & set(path.relative_to(folder).parts)
    )


def functions(path):
    """Return {dotted name: node} of all functions and methods in a file."""
    found = {}

    def walk(node, prefix):
        for child in ast.iter_child_nodes(node):
            name = prefix

            if isinstance(
                child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            ):
                name = f"{prefix}{child.name}"

                if not isinstance(child, ast.ClassDef):
                    # Getter and setter share a name; the first one counts.
                    found.setdefault(name, child)

                name += "."

            walk(child, name)

    walk(ast.parse(path.read_text()), "")
    return found


def blank(path, names, hints=None):
    """Take the bodies out of the functions `names` of the file `path`.

    Signature, decorators and docstring stay; the body becomes the hint, as
    a comment, and `...`. Raises KeyError for a name that is not there.
    """
    lines = path.read_text().splitlines(keepends=True)
    nodes = functions(path)

    # From the bottom up, so that the line numbers above stay right.
    for name in sorted(names, key=lambda name: -nodes[name].lineno):
        body = nodes[name].body
        start = body[0].lineno
        indent = " " * body[0].col_offset
        decorated = getattr(body[0], "decorator_list", None)

        if decorated:
            start = decorated[0].lineno

        new = [f"{indent}...\n"]

        if hint := (hints or {}).get(name):
            hint = f"{hint[0].upper()}{hint[1:]}"
            start_of_line = f"{indent}# "
            new.insert(
                0,
                textwrap.fill(
                    " ".join(hint.split()),
                    79,
                    initial_indent=start_of_line,
                    subsequent_indent=start_of_line,
                )
                + "\n",
            )

        if ast.get_docstring(nodes[name]) is not None:
            new.insert(0, "\n")
            start = body[0].end_lineno + 1

        lines[start - 1 : nodes[name].end_lineno] = new

    path.write_text("".join(lines))


def make_exercise(folder, to):
    """Copy a sample to `to`/NAME with the functions of *Teach it* blanked.

    The hints stand in their place, as comments. Returns the new folder.
    Raises FileExistsError rather than overwrite a student's work.
    """
    made = copy(folder, to)
    hints = exercise(folder)

    for path in sources(made):
        blank(path, hints.keys() & functions(path).keys(), hints)

    return made


def main(name=""):
    """`python tests/runner.py NAME` makes exercises/NAME."""
    if name not in SAMPLES:
        sys.exit(f"Name a sample, as SAMPLE=NAME: {' '.join(SAMPLES)}")

    place = f"exercises/{name}"

    try:
        make_exercise(SAMPLES[name], ROOT / "exercises")
    except FileExistsError:
        sys.exit(f"{place} is somebody's work: move it away first.")

    print(f"In {place}, fill in what is `...` until this passes:")
    print(f"cd {place} && pytest")


if __name__ == "__main__":
    main(*sys.argv[1:2])
