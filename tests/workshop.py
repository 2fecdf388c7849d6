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
import os
import re
import shlex
import shutil
import socket
import sys
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
    items = re.split(r"^\d+\. `", text.partition("\n**")[0], flags=re.M)
    found = []

    for item in items[1:]:
        name, _, hint = " ".join(item.split()).partition("`: ")
        command = re.search(r"`(pytest(?: -k [^`]+)?)`", hint)
        hint = f"{hint[:1].upper()}{hint[1:]}"
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
        text = blank(folder / file, hints, file)
        (made / file).write_text(text, encoding="utf-8")


# -- Blanking ---------------------------------------------------------------

# How a comment starts and ends.
COMMENTS = {
    ".html": ("{# ", " #}"),
    ".js": ("// ", ""),
    ".py": ("# ", ""),
    ".sql": ("-- ", ""),
}
HEADING = re.compile(r"\{?(?:#|//) -- (.+?) --|<h2>(.+)</h2>$")
# A section ends at the next heading, or when a page continues around it.
END = re.compile(rf"{HEADING.pattern}|</main>|{{% block")
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def files(folder):
    """Return the paths in a sample of the files that have regions."""
    return [
        path.as_posix()
        for path in map(Path, runner.contents(folder))
        if path.suffix in COMMENTS and not path.name.startswith("test_")
    ]


def regions(path, file=""):
    """Return {name: (first, end, indent)} of what a hint can replace.

    A region is lines[first:end] of a file, whose path in the sample is `file`.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    ends = [at for at, line in enumerate(lines) if END.match(line)]
    found = {}

    for start, end in itertools.pairwise([*ends, len(lines)]):
        # Leave the blank lines around a section.
        inside = [at for at in range(start + 1, end) if lines[at].strip()]

        if inside and (heading := HEADING.match(lines[start])):
            name = f"{file}: {heading[1] or heading[2]}"
            found[name] = (inside[0], inside[-1] + 1, 0)

    if path.suffix != ".py":
        return found | {file: (0, len(lines), 0)}

    for name, node in functions(path).items():
        first = first_line(node) - 1

        # The comments above the first statement can give the solution away.
        while lines[first - 1].strip().startswith("#"):
            first -= 1

        found[name] = (first, node.end_lineno, node.body[0].col_offset)

        if node.decorator_list:
            first = node.decorator_list[0].lineno - 1
            found[f"@{name}"] = (first, node.lineno - 1, node.col_offset)

    return found


def functions(path):
    """Return {dotted name: node} of all functions and methods in a file."""
    found = {}

    def walk(node, prefix):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, FUNCTION | ast.ClassDef):
                walk(child, prefix)
                continue

            if isinstance(child, FUNCTION):
                # A getter and its setter share a name. Take the first.
                found.setdefault(f"{prefix}{child.name}", child)

            walk(child, f"{prefix}{child.name}.")

    walk(ast.parse(path.read_bytes()), "")
    return found


def first_line(node):
    """Return the number of the line where a function's code starts.

    The docstring isn't code. Without any code, it's the line after it.
    """
    code = node.body[ast.get_docstring(node) is not None :]

    if not code:
        return node.end_lineno + 1

    decorators = getattr(code[0], "decorator_list", [])
    return min(one.lineno for one in [code[0], *decorators])


def blank(path, hints, file=""):
    """Return the text of a file with comments instead of some regions.

    `hints` is {name of a region: hint}. In a function, `...` follows the
    comment, and the signature and the docstring stay.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found = regions(path, file)

    # Start at the end of the file, so that the line numbers stay right.
    for name in sorted(hints.keys() & found, key=found.get, reverse=True):
        first, end, indent = found[name]
        margin = " " * indent
        new = comment(hints[name], path.suffix, margin)

        if indent and not name.startswith("@"):
            new += f"{margin}...\n"

        lines[first:end] = [new]

    return "".join(lines)


def comment(text, suffix, margin):
    """Return the text as the lines of a comment in a file with that suffix."""
    if not text:
        return ""

    start, end = COMMENTS[suffix]
    # A comment that has an end starts only once.
    each = margin + (" " * len(start) if end else start)
    # Keep commands and quotations on one line, so that you can copy them.
    text = re.sub(
        '`pytest.*?`|"[^"`]+"', lambda found: found[0].replace(" ", "\0"), text
    )
    options = {"break_long_words": False, "break_on_hyphens": False}
    lines = textwrap.wrap(text, 79 - len(each), **options)
    text = f"\n{each}".join(lines).replace("\0", " ")
    return f"{margin}{start}{text}{end}\n"


# -- Comparing with the sample ----------------------------------------------


def difference(folder, made):
    """Return a diff from a student's exercise to the sample, or ""."""
    lines = []

    for name, data in runner.contents(folder).items():
        with contextlib.suppress(UnicodeDecodeError, FileNotFoundError):
            written = (made / name).read_text(encoding="utf-8")
            lines += difflib.unified_diff(
                written.splitlines(keepends=True),
                data.decode().splitlines(keepends=True),
                f"exercises/{folder.name}/{name}",
                f"samples/{folder.name}/{name}",
            )

    return "".join(lines)


# -- Checking a machine -----------------------------------------------------


def missing(port):
    """Yield a sentence for each thing that a workshop needs and can't find."""
    wanted = {"pytest"}

    for path in runner.ROOT.glob("samples/*/requirements.txt"):
        text = path.read_text(encoding="utf-8")
        wanted |= set(re.findall(r"^[\w.-]+", text, re.M))

    for name in sorted(wanted):
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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\nAn")[0]
    )
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--solution", action="store_true")
    parser.add_argument(
        "--check", type=int, nargs="?", const=8000, metavar="PORT"
    )
    arguments = parser.parse_args()

    if arguments.check is not None:
        found = list(missing(arguments.check))
        print("\n".join(found) or "OK")
        sys.exit(bool(found))

    if arguments.name not in runner.SAMPLES:
        sys.exit(f"Name one of these samples: {' '.join(runner.SAMPLES)}")

    sample = runner.SAMPLES[arguments.name]
    made = runner.ROOT / "exercises" / sample.name

    if not arguments.solution:
        make(sample, made)
    elif made.exists():
        print(difference(sample, made) or "There is no difference.")
    else:
        sys.exit(f"There is no exercise in exercises/{sample.name} yet.")


def make(sample, made):
    """Make an exercise, and print what to type next."""
    if made.exists():
        sys.exit(
            f"There is an exercise in exercises/{sample.name} already. Move"
            " the folder away or delete it, then run this command again."
        )

    make_exercise(sample, made.parent)
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
