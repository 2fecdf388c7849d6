"""Runs a sample's own test again and again, with one mistake after another.

Each run is a fork of one process, this file, which has imported the modules
that the sample imports. Many runs would take too long otherwise.
"""

import contextlib
import hashlib
import importlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import runner
import workshop

# Exit codes of pytest: a test failed, or it can't import the sample.
FAILED = (1, 2)


class Stop:
    """Ends at the first failure, without the teardown of the fixtures."""

    def pytest_runtest_logreport(self, report):
        if report.failed:
            shown = report.longreprtext, report.caplog, report.capstderr
            print(*shown, flush=True)
            os._exit(1)


def main():
    # Hashing a password is slow on purpose, but these runs are many.
    hashlib.scrypt = lambda password, salt, **_: hashlib.sha256(
        password + salt
    ).digest()

    for path in Path().rglob("*.py"):
        text = path.read_text(encoding="utf-8")

        for name in re.findall(r"^(?:from|import) (\w[\w.]*)", text, re.M):
            # The sample's own modules can't be found from here.
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    for line in sys.stdin:
        if not os.fork():
            signal.alarm(runner.PATIENCE * 2)
            code = pytest.main(json.loads(line), [Stop()])
            sys.stdout.flush()
            os._exit(code)

        code = os.waitstatus_to_exitcode(os.wait()[1])
        print(f"\0exit {code}", flush=True)


@contextlib.contextmanager
def warm(folder):
    """Yield a function that runs pytest and returns (exit code, output)."""
    options = ["-q", "--tb=short", "-o", "verbosity_assertions=2"]
    options += [f"--basetemp={folder}.tests"]

    with subprocess.Popen(
        [sys.executable, __file__],
        cwd=folder,
        env=runner.environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:

        def run(*args):
            line = json.dumps([*options, *args])
            print(line, file=process.stdin, flush=True)
            output = ""

            while not (end := re.search(r"\0exit (-?\d+)\n$", output)):
                output += process.stdout.readline() or pytest.fail(output)

            return int(end[1]), output

        yield run


def tried(folder, mistakes):
    """Yield (description, exit code, output) of the test for each mistake.

    A mistake is (description, path, new text of the file).
    """
    with warm(folder) as run:
        code, output = run("--durations=0", "--durations-min=0.3")
        assert code == 0, output
        # Run the slow tests only if no other one fails.
        slow = {*re.findall(rf"test_{folder.name}\.py::\w+", output)}
        quick = [f"--deselect={name}" for name in slow]

        for what, path, text in mistakes:
            original = path.read_bytes()
            path.write_text(text, encoding="utf-8")
            code, output = run(*quick)

            if slow and code not in FAILED:
                code, output = run(*slow)

            path.write_bytes(original)
            yield what, code, output


def programming_errors(folder):
    """Yield a mistake for each function, and for each name of a template.

    The description begins with the name of the exception.
    """
    for path in runner.sources(folder):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)

        for name, node in workshop.functions(path).items():
            first = workshop.first_line(node) - 1
            line = f"{' ' * node.body[0].col_offset}undefined_name\n"
            text = "".join([*lines[:first], line, *lines[first:]])
            yield f"NameError in {name} of {path.name}", path, text

    templates = [*folder.rglob("templates/**/*.*")]
    names = "|".join(re.escape(path.name) for path in templates) or "^"

    for path in [*runner.sources(folder), *templates]:
        text = path.read_text(encoding="utf-8")

        for found in re.finditer(rf"[\"'](?=[\w/]*({names})[\"'])", text):
            wrong = f"{text[: found.end()]}misspelled-{text[found.end() :]}"
            what = f"TemplateNotFound for {found[1]} in {path.name}"
            yield what, path, wrong


if __name__ == "__main__":
    main()
