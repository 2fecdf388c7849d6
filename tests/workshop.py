"""Makes exercises for a workshop: `python tests/workshop.py NAME`.

`python tests/workshop.py NAME --solution` compares an exercise with its
sample, and `python tests/workshop.py --check` says whether this machine is
ready.

An exercise is a copy of a sample. In it, hints replace what *Teach it* in the
sample's README lists. An item there is one of these:

    index             the body of a function, or of a method: Class.method
    @index            the decorators of a view, with its URL rules
    schema.sql        a whole file: a template, SQL, or a script
    app.py: Heading   the section of a file below that heading
"""

import argparse
import ast
import contextlib
import difflib
import importlib.metadata
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import NamedTuple

import runner


class Step(NamedTuple):
    """One numbered item of the exercise in *Teach it*."""

    name: str  # of a region
    hint: str
    command: str  # "pytest" or "pytest -k EXPRESSION", or ""


def steps(folder):
    """Return the steps of the exercise in the README, easiest first."""
    text = runner.section(folder, "Teach it").partition("**Exercise:**")[2]
    text = text.partition("\n**")[0]
    found = []

    for item in re.split(r"^\d+\. ", text, flags=re.M)[1:]:
        name, _, hint = " ".join(item.split()).partition("`: ")
        hint = f"{hint[:1].upper()}{hint[1:]}"
        command = re.search(r"`(pytest(?: -k [^`]+)?)`", hint)
        name = name.removeprefix("`")
        found.append(Step(name, hint, command[1] if command else ""))

    return found


def make_exercise(folder, to):
    """Copy a sample to `to`/NAME with its regions blank. Return the folder.

    Raises FileExistsError instead of overwriting a student's work.
    """
    made = runner.copy(folder, to)
    write(folder, made, steps(folder))
    return made


def write(folder, made, left):
    """Write the files to `made`, with the regions of `left` blank."""
    hints = {
        step.name: f"{number}. {step.hint}"
        for number, step in enumerate(steps(folder), 1)
        if step in left
    }

    for file in files(folder):
        shutil.copy(folder / file, made / file)
        names = hints.keys() & regions(made / file, file)
        blank(made / file, {name: hints[name] for name in names}, file)


# -- Blanking ---------------------------------------------------------------

# How a comment starts and ends.
COMMENTS = {
    ".html": ("{# ", " #}"),
    ".js": ("// ", ""),
    ".py": ("# ", ""),
    ".sql": ("-- ", ""),
}
HEADING = re.compile(r"\{?(?:#|//) -- (?P<title>.+?) --|<h2>(?P<h2>.+)</h2>$")
# A section ends at the next heading, or when a page continues around it.
END = re.compile(rf"{HEADING.pattern}|</main>|{{% block")


class Region(NamedTuple):
    """The part of a file that a hint replaces: lines[first:end]."""

    first: int
    end: int
    indent: int = 0  # columns
    before: str = ""
    after: str = ""


def files(folder):
    """Return the paths in a sample of the files that have regions."""
    return [
        path.as_posix()
        for path in map(Path, runner.contents(folder))
        if path.suffix in COMMENTS and not path.name.startswith("test_")
    ]


def regions(path, file=""):
    """Return {name: Region} of a file, whose path in the sample is `file`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {}

    for number, line in enumerate(lines):
        if heading := HEADING.match(line):
            rest = itertools.takewhile(
                lambda at: not END.match(lines[at]),
                range(number + 1, len(lines)),
            )

            # Leave the blank lines around the section.
            if inside := [at for at in rest if lines[at].strip()]:
                title = heading["title"] or heading["h2"]
                name = f"{file}: {title}"
                found[name] = Region(inside[0], inside[-1] + 1)

    if path.suffix != ".py":
        return found | {file: Region(0, len(lines))}

    for name, node in functions(path).items():
        first = first_line(node) - 1

        # The comments above the first statement can give the solution away.
        while lines[first - 1].strip()[:1] in ("", "#"):
            first -= 1

        indent = node.body[0].col_offset
        before = "\n" if ast.get_docstring(node) is not None else ""
        found[name] = Region(
            first, node.end_lineno, indent, before, f"{' ' * indent}...\n"
        )

        if node.decorator_list:
            first = node.decorator_list[0].lineno - 1
            found[f"@{name}"] = Region(first, node.lineno - 1, node.col_offset)

    return found


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
                    # A getter and its setter share a name. Take the first.
                    found.setdefault(name, child)

                name += "."

            walk(child, name)

    walk(ast.parse(path.read_bytes()), "")
    return found


def first_line(node):
    """Return the number of the line where a function's code starts.

    The docstring isn't code. Without any code, it's the line after it.
    """
    if ast.get_docstring(node) is None:
        [first, *_] = node.body
    elif node.body[1:]:
        first = node.body[1]
    else:
        return node.end_lineno + 1

    decorators = getattr(first, "decorator_list", None)
    return decorators[0].lineno if decorators else first.lineno


def wrapped(text, start):
    """Return the text in lines with that start."""
    # Keep commands and quotations on one line, so that you can copy them.
    text = re.sub(
        '`pytest.*?`|"[^"`]+"', lambda m: m[0].replace(" ", "\0"), text
    )
    return textwrap.fill(
        text,
        79,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace("\0", " ")


def blank(path, hints, file=""):
    """Replace the regions in `hints`, which is {name: hint}, by comments.

    In a function, `...` follows the comment, and the signature and the
    docstring stay. Raises KeyError for an unknown name.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found = regions(path, file)
    start, end = COMMENTS[path.suffix]

    # Start at the end of the file, so that the line numbers stay right.
    for name in sorted(hints, key=lambda name: -found[name].first):
        region = found[name]
        new = [region.before]

        if hints[name]:
            # A comment that has an end starts only once.
            margin = " " * region.indent
            each = margin + (" " * len(start) if end else start)
            text = wrapped(hints[name], each).removeprefix(each)
            new.append(f"{margin}{start}{text}{end}\n")

        lines[region.first : region.end] = [*new, region.after]

    path.write_text("".join(lines), encoding="utf-8")


# -- Running a test many times ----------------------------------------------

WARM = """
import gc, hashlib, importlib, json, os, signal, sys
import pytest

# Hashing a password is slow on purpose, but these runs are many.
hashlib.scrypt = lambda password, salt, **_: (
    hashlib.sha256(password + salt).digest()
)

# With -x, end at the first failure, and don't wait for the fixtures' ends.
class Stop:
    def pytest_configure(self, config):
        self.config = config

    def pytest_runtest_logreport(self, report):
        if report.failed:
            terminal = self.config.get_terminal_writer()
            terminal.line(report.longreprtext)
            terminal.flush()
            os._exit(1)


for name in sys.argv[3:]:
    importlib.import_module(name)

gc.freeze()

for line in sys.stdin:
    if not os.fork():
        signal.alarm(int(sys.argv[1]))
        output = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        args = json.loads(line)
        code = pytest.main(args, [Stop()] if "-x" in args else None)
        sys.stdout.flush()
        os._exit(code)

    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


def imports(folder):
    """Return the modules that a sample imports, without its own ones."""
    own = {path.stem for path in folder.rglob("*")}
    names = set()

    for path in folder.rglob("*.py"):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)

    return sorted(name for name in names if name.split(".")[0] not in own)


@contextlib.contextmanager
def warm(folder):
    """Yield a function that runs pytest and returns (exit code, output).

    Each run is a fork of one process, which has imported the modules that the
    sample imports, because many runs would take too long otherwise.
    """
    with (
        tempfile.TemporaryDirectory() as tmp,
        subprocess.Popen(
            [
                *(sys.executable, "-c", WARM, f"{runner.PATIENCE * 2}"),
                *(f"{tmp}/output", *imports(folder)),
            ],
            cwd=folder,
            env=runner.environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        ) as process,
    ):

        def pytest(*args):
            arguments = ["-q", "--tb=short", "--assert=plain", *args]
            process.stdin.write(f"{json.dumps(arguments)}\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            output = Path(tmp, "output").read_bytes()
            return code, output.decode(errors="replace")

        yield pytest


# -- Comparing with the sample ----------------------------------------------


def difference(folder, made):
    """Return a diff from a student's exercise to the sample, or ""."""
    lines = []

    for name, data in runner.contents(folder).items():
        with contextlib.suppress(UnicodeDecodeError, FileNotFoundError):
            wanted = data.decode().splitlines(keepends=True)
            written = (made / name).read_text(encoding="utf-8")
            lines += difflib.unified_diff(
                written.splitlines(keepends=True),
                wanted,
                f"exercises/{folder.name}/{name}",
                f"samples/{folder.name}/{name}",
            )

    return "".join(lines)


# -- Checking a machine -----------------------------------------------------


def missing(port):
    """Yield a sentence for each thing that a workshop needs and can't find."""
    if sys.version_info < (3, 11):  # noqa: UP036
        yield "This needs Python 3.11 or later. Install it."

    wanted = set()

    for path in runner.ROOT.glob("samples/*/requirements.txt"):
        text = path.read_text(encoding="utf-8")
        wanted |= set(re.findall(r"^[\w.-]+", text, re.M))

    for name in sorted(wanted | {"pytest"}):
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{name} isn't installed. See the README, Teach."

    if not shutil.which("curl"):
        yield "There is no curl. Install it, or use the browser instead."

    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            yield f"Another program uses port {port}. Stop it or use another."


# -- The command ------------------------------------------------------------


def check(port):
    found = list(missing(port))
    print("\n".join(found) if found else "OK")
    sys.exit(bool(found))


def main():
    parser = argparse.ArgumentParser(description="Make an exercise.")
    parser.add_argument("name", nargs="?", help="the name of a sample")
    parser.add_argument(
        "--solution", action="store_true", help="compare it with the sample"
    )
    parser.add_argument(
        "--check",
        type=int,
        nargs="?",
        const=8000,
        metavar="PORT",
        help="say whether this machine is ready",
    )
    arguments = parser.parse_args()
    name = arguments.name

    if arguments.check is not None:
        check(arguments.check)

    if name not in runner.SAMPLES:
        sys.exit(
            f"Name a sample: python tests/workshop.py NAME\n"
            f"The samples are: {' '.join(runner.SAMPLES)}"
        )

    sample, exercises = runner.SAMPLES[name], runner.ROOT / "exercises"

    if not arguments.solution:
        make(sample, exercises)
    elif (exercises / name).exists():
        print(
            difference(sample, exercises / name) or "There is no difference."
        )
    else:
        sys.exit(f"There is no exercise in exercises/{name} yet.")


def make(sample, exercises):
    """Make an exercise, and print what to type next."""
    try:
        made = make_exercise(sample, exercises)
    except FileExistsError:
        sys.exit(
            f"There is an exercise in exercises/{sample.name} already. Move"
            " the folder away or delete it, then run this command again."
        )

    # Not the resolved path, which leads out of a virtual environment.
    python = Path(sys.executable)

    if python.is_relative_to(runner.ROOT):
        python = os.path.relpath(python, made)

    print(f"Fill in what is missing in exercises/{made.name}:\n")

    for number, step in enumerate(steps(made), 1):
        print(f"  {number}. {step.name}")

    print("\nThe exercise is solved when this test passes:\n")
    print(f"  cd {shlex.quote(os.path.relpath(made))}")
    print(f"  {shlex.quote(f'{python}')} -m pytest -x -q --tb=short")


if __name__ == "__main__":
    main()
