"""Every sample has the same anatomy, so that a reader knows where to look.

Each message says what to write, and where.
"""

import ast
import functools
import importlib.metadata
import re
import subprocess
import sys

import pytest
import runner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FLASK = "https://flask.palletsprojects.com/patterns/"
HEADINGS = [
    "Run",
    "Try it",
    "How it works",
    "Before production",
    "Teach it",
    "Differs from Flask's page",
]
# A heading is a comment, in whichever file of the sample its code stands.
HEADING = re.compile(r"^(?:#|//|\{#|<!--) -- (.+?) -+(?: #\}| -->)?$", re.M)
CODE = (".py", ".html", ".js", ".css", ".sql")
TOP = {"LICENSE", "Makefile", "README.md", "requirements.txt"}
TOP |= {"samples", "tests"}

# Samples must not contain these.
FORBIDDEN = {
    r"if __name__ ==": "`flask run` starts the sample",
    r"app\.run\(": "`flask run` starts the sample",
    r"debug=True": "`flask run --debug` turns the debugger on",
    r"0\.0\.0\.0": "the server would be open to the network",
    r"\|\s*safe\b": "text from outside could contain a script",
    r"innerHTML": "text from outside could contain a script",
    r"TODO|FIXME": "a reader copies the sample as it is",
}
# A mistake in the code raises these as well, so a sample must not catch them.
MISTAKES = {
    *("AttributeError", "BaseException", "Exception", "ImportError"),
    *("IndexError", "KeyError", "LookupError", "NameError", "OSError"),
    *("RuntimeError", "TypeError", "ValueError"),
    *("InternalError", "OperationalError", "ProgrammingError"),
}

# The parts of *Teach it*, in order, each with what to write.
TEACHING = {
    r"(\d+) minutes: demo (\d+), predict (\d+), write (\d+), debrief (\d+)\."
    r"\sStep \d+ of the course: \w+\.\n": "25 minutes: demo 8, predict 3,"
    " write 9, debrief 5. Step 3 of the course: pages.",
    r"\n\*\*Prerequisites:\*\* \S": "**Prerequisites:** `sample`, and ...",
    r"\n\*\*Aim:\*\*\sYou\scan\s": "**Aim:** You can ...",
    r"\n\*\*Predict:\*\* [^?]+\?": "**Predict:** ... a question ...?",
    r"\n<details>\n<summary>Answer</summary>\n\n[\s\S]+?\n\n</details>\n": (
        "<details>, <summary>Answer</summary>, the answer, and </details>,"
        " with a blank line before and after the answer"
    ),
    r"\n\*\*Exercise:\*\*\n\n1\. `": "**Exercise:** and a numbered list",
    r"\n\*\*Common mistakes:\*\*\n\n- ": "**Common mistakes:** and a list",
    r"\n\*\*Key points:\*\*\n\n- ": "**Key points:** and a list",
    r"\n\*\*Break it:\*\* \S": "**Break it:** ... `test_name` fails.",
    r"\n```diff\n[\s\S]+?\n```$": "a ```diff block, at the end",
}


def read(path):
    return path.read_text(encoding="utf-8")


def at(path, position):
    """Return the place in a file for a message: "app.py, line 12"."""
    line = read(path).count("\n", 0, position) + 1
    return f"{path.relative_to(runner.ROOT)}, line {line}"


@functools.cache
def table():
    """Return {folder: (title, sections)} of the root README's table.

    The sections in italics are prose, so they have no code.
    """
    row = r"^\| ([^|]+) \| \[`(\w+)`\]\([^)]*\) \| [^|]+ \| ([^|]+) \|$"
    rows = re.findall(row, read(runner.ROOT / "README.md"), re.M)
    return {
        folder: (title, [name.strip() for name in sections.split("·")])
        for title, folder, sections in rows
    }


@functools.cache
def tracked():
    """Return the files of the project, without those that git ignores."""
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=runner.ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    if done.returncode != 0:
        pytest.skip("Only a clone of git knows which files are the project's.")

    paths = [runner.ROOT / line for line in done.stdout.splitlines()]
    return [path for path in paths if path.is_file()]


# -- The top level ----------------------------------------------------------


def test_table_and_requirements_name_every_sample():
    text = read(runner.ROOT / "README.md")
    wanted = [f"-r samples/{name}/requirements.txt" for name in runner.SAMPLES]
    lines = read(runner.ROOT / "requirements.txt").splitlines()
    assert lines == wanted, (
        "requirements.txt must hold these lines and no others:\n"
        + "\n".join(wanted)
    )

    for name in runner.SAMPLES:
        assert f"(samples/{name}/README.md)" in text, (
            "README.md must link each sample. Add a line to its table:\n"
            f"| Title | [`{name}`](samples/{name}/README.md) | a phrase that"
            " says what it shows | Section · *Section that is prose* |"
        )

    for name in table():
        assert name in runner.SAMPLES, (
            f"README.md names the sample {name}, but samples/{name}/app.py"
            " doesn't exist. Remove the line from the table."
        )


def test_top_level_stays_small():
    names = {path.relative_to(runner.ROOT).parts[0] for path in tracked()}
    more = {name for name in names - TOP if not name.startswith(".")}
    assert not more, (
        f"Move {', '.join(sorted(more))} below samples or tests. Settings of"
        " tools belong into dot files."
    )
    assert names >= TOP, f"Restore {', '.join(sorted(TOP - names))}."


def test_no_file_names_a_path_of_one_machine():
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")

        if found := re.search(r"/(home|root|Users|work)/\w+/", text):
            line = text.count("\n", 0, found.start()) + 1
            pytest.fail(
                f"{path.relative_to(runner.ROOT)}, line {line}: {found[0]}"
                " exists on one machine only. Write a relative path."
            )


def test_links_between_files_lead_somewhere():
    for path in tracked():
        if path.suffix != ".md":
            continue

        for link in re.finditer(r"\]\(([^)#\s]+)[^)]*\)", read(path)):
            if not re.match(r"https?:|mailto:", link[1]):
                assert (path.parent / link[1]).exists(), (
                    f"{at(path, link.start())}: {link[1]} doesn't exist."
                    " Correct the link."
                )


def test_steps_of_the_course_are_all_different():
    found = {}

    for name, folder in runner.SAMPLES.items():
        text = runner.section(folder, "Teach it")

        if step := re.search(r"\bStep (\d+) of ", text):
            other = found.setdefault(step[1], name)
            assert other == name, (
                f"{other} and {name} are both step {step[1]}. Change the"
                " number in *Teach it* of one README."
            )


def test_workshops_take_as_long_as_their_samples():
    rows = re.findall(
        r"^\| ([^|]+) \| (`[^|]+`) \| (\d+) \|$",
        read(runner.ROOT / "README.md"),
        re.M,
    )
    assert rows, "README.md needs a table with Workshop, Samples, and Minutes."

    for title, samples, minutes in rows:
        texts = [
            runner.section(runner.SAMPLES[name], "Teach it")
            for name in re.findall(r"`(\w+)`", samples)
        ]
        total = sum(int(re.match(r"\d+", text)[0]) for text in texts)
        assert int(minutes) == total, (
            f"README.md, workshop {title!r}: write {total} minutes, because"
            " that is the sum of its samples."
        )


def test_plan_of_the_day_leaves_time_for_each_sample():
    text = read(runner.ROOT / "README.md")
    rows = re.findall(r"^\| (\d+):(\d\d) \| (.+) \|$", text, re.M)
    starts = [60 * int(hours) + int(minutes) for hours, minutes, _ in rows]
    assert starts == sorted(starts)
    assert len(rows) > 1, "README.md needs a table with Time and Block."

    for start, end, (*_, block) in zip(starts, starts[1:], rows, strict=False):
        if name := re.fullmatch(r"`(\w+)`", block):
            text = runner.section(runner.SAMPLES[name[1]], "Teach it")
            assert end - start >= int(re.match(r"\d+", text)[0]), (
                f"README.md, plan of the day: {block} needs more time."
            )


# -- The files of a sample --------------------------------------------------


def test_folder_has_its_four_files(sample):
    test = f"test_{sample.name}.py"

    for name in ("app.py", test, "README.md", "requirements.txt"):
        assert (sample / name).is_file(), f"Add {name} to {sample.name}."

    packages = list(sample.rglob("__init__.py"))
    assert not packages or (sample / "pyproject.toml").is_file(), (
        f"{packages[0]} makes a package. Add a pyproject.toml beside app.py,"
        " or use one module."
    )


def test_docstring_says_what_to_read_and_run(sample):
    where = f"samples/{sample.name}/app.py, docstring:"
    text = ast.get_docstring(ast.parse(read(sample / "app.py"))) or ""
    found = re.fullmatch(
        r"[A-Z][^\n]+\.\n\n(?:Docs: (\S+)\n)?"
        r"Run:  flask --app app run --port 8000\n(?:      .+\n)?"
        r"Try:  \S.*(\n      .+){0,2}",
        text,
    )
    assert found, (
        f"{where} write one sentence in one line that says what the pattern is"
        " for, and a blank line. Then write `Docs: ` and the address of the"
        " page, if there is one, the line `Run:  flask --app app run --port"
        " 8000`, and one to three commands after `Try:  `. Indent the second"
        f" and third by six spaces. Now it's\n{text}"
    )

    if found[1] and found[1].startswith(FLASK):
        page = f"{FLASK}{sample.name.replace('_', '')}/"
        assert found[1] == page, (
            f"{where} write Docs: {page}, or rename the folder after the page."
        )


def test_lines_fit_into_79_columns(sample):
    for path in sample.rglob("*.py"):
        for number, line in enumerate(read(path).splitlines(), 1):
            assert len(line) <= 79, (
                f"{path.relative_to(runner.ROOT)}, line {number}: break the"
                f" line, because it has {len(line)} columns and 79 fit."
            )


def test_sample_contains_nothing_forbidden(sample):
    for path in map(sample.joinpath, runner.contents(sample)):
        if path.suffix not in CODE:
            continue

        if path.name.startswith("test_"):
            continue

        for pattern, reason in FORBIDDEN.items():
            if found := re.search(pattern, read(path)):
                pytest.fail(
                    f"{at(path, found.start())}: remove {found[0]!r}, because"
                    f" {reason}."
                )


def test_sample_catches_no_exception_that_a_mistake_raises(sample):
    for path in runner.sources(sample):
        lines = read(path).splitlines()
        # The client of a broker uses this name for a lost connection.
        allowed = {"OperationalError"} & brokers(path)

        for node in ast.walk(ast.parse(read(path))):
            caught = []

            if isinstance(node, ast.ExceptHandler):
                caught = [node.type or ast.Name("BaseException")]
            elif isinstance(node, ast.Call) and re.search(
                r"\b(errorhandler|register_error_handler|suppress)$",
                ast.unparse(node.func),
            ):
                caught = node.args

            names = {
                part.attr if isinstance(part, ast.Attribute) else part.id
                for one in caught
                for part in ast.walk(one)
                if isinstance(part, ast.Name | ast.Attribute)
            }

            if found := names & MISTAKES - allowed:
                excused = "# noqa: BLE001" in lines[node.lineno - 1]
                raised = isinstance(node, ast.ExceptHandler) and any(
                    isinstance(child, ast.Raise) and not child.exc
                    for child in ast.walk(node)
                )
                assert excused or raised, (
                    f"samples/{sample.name}/{path.name}, line {node.lineno}:"
                    f" don't catch {found.pop()}, because a mistake in the"
                    " code raises it as well. Check the input before, or catch"
                    " the exception that the pattern is about."
                )


def brokers(path):
    """Return the names that a file imports from the client of a broker."""
    return {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(read(path)))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("kombu")
        for alias in node.names
    }


def test_headings_are_the_sections_and_each_has_a_test(sample):
    if sample.name not in table():
        return

    _, sections = table()[sample.name]
    sections = [name for name in sections if not name.startswith("*")]
    test = f"test_{sample.name}.py"
    headings = set()

    for path in map(sample.joinpath, runner.contents(sample)):
        if path.suffix not in CODE or path.name == test:
            continue

        for found in HEADING.finditer(read(path)):
            headings.add(found[1])

    # Scripts have headings of their own for what isn't a section.
    headings &= {*sections} | python_headings(sample)
    assert headings == {*sections}, (
        f"samples/{sample.name}: the comment headings of the code are"
        f" {sorted(headings)}, and the sections in the table of README.md are"
        f" {sections}. Make them equal. In the table, put a section without"
        " code in *italics*, and say it in the README of the sample."
    )

    path = sample / test
    parts = HEADING.split(read(path))[1:]
    tests = dict(zip(parts[::2], parts[1::2], strict=True))

    for name in sections:
        assert re.search(r"^(async )?def test_", tests.get(name, ""), re.M), (
            f"samples/{sample.name}/{path.name}: write a test for the section"
            f" {name}, below the heading\n{f'# -- {name} '.ljust(77, '-')}"
        )


def python_headings(sample):
    return {
        name
        for path in runner.sources(sample)
        for name in HEADING.findall(read(path))
    }


# -- The README of a sample -------------------------------------------------


def test_readme_has_its_sections_in_order(sample):
    text = read(sample / "README.md")
    where = f"samples/{sample.name}/README.md"
    found = re.findall(r"^## (.+)$", text, re.M)
    known = [name for name in HEADINGS if name in found]
    assert found == known, (
        f"{where}: the headings are {found}. Write these, in this order: "
        + ", ".join(f"## {name}" for name in HEADINGS)
    )
    needed = HEADINGS[:2]

    if sample.name in table():
        title, _ = table()[sample.name]
        assert text.startswith(f"# {title}\n\n"), (
            f"{where}: write the title of the table in the root README, which"
            f" is # {title}, and a blank line."
        )
        needed = HEADINGS[:5]

    # A pattern that isn't one of Flask's needs no comparison.
    if FLASK in read(sample / "app.py"):
        needed = HEADINGS

    for name in needed:
        assert runner.section(sample, name), f"{where}: write ## {name}."


def test_readme_says_how_to_run_the_sample(sample):
    text = runner.section(sample, "Run")

    for command in (
        "\n$ pip install -r requirements.txt\n",
        "\n$ flask --app app run --port 8000\n",
        "`pip install pytest && pytest`",
    ):
        assert command in text, (
            f"samples/{sample.name}/README.md: write {command.strip()} below"
            " ## Run."
        )


def test_commands_to_try_need_no_other_program(sample):
    where = f"samples/{sample.name}/README.md, Try it:"
    text = runner.section(sample, "Try it")
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    assert blocks, f"{where} write a ```console block with a `$ curl` command."

    for block in blocks:
        assert block.startswith("$ "), f"{where} begin each block with `$ `."

        for command in re.findall(r"^\$ (.+)$", block, re.M):
            program = command.split()[0]
            assert program in ("curl", "flask", "python", "celery"), (
                f"{where} use curl, flask, or python instead of {program},"
                " because Windows doesn't have it."
            )
            outside = re.sub(r"\"[^\"]*\"|'[^']*'", "", command)
            assert not re.search(r"[|<>;&]|\\$", outside), (
                f"{where} write a command of one line without a pipe. `...` in"
                f" the output stands for any text. Now it's {command}"
            )

    assert "$ curl" not in text or "In PowerShell, use `curl.exe`" in text, (
        f"{where} begin with: In PowerShell, use `curl.exe`."
    )


def test_teach_it_has_all_of_its_parts(sample):
    text = runner.section(sample, "Teach it")
    where = f"samples/{sample.name}/README.md, Teach it:"

    if not text:
        return

    start = 0

    for pattern, write in TEACHING.items():
        found = re.compile(pattern).search(text, start)
        assert found, f"{where} write {write}"
        # The next part begins with the line break that this one ends with.
        start = found.end() - 1

    total, *parts = map(int, re.match(next(iter(TEACHING)), text).groups())
    assert total == sum(parts), (
        f"{where} write {sum(parts)} minutes, the sum of {parts}."
    )


def test_readme_names_tests_that_exist(sample):
    path = sample / "README.md"
    test = f"test_{sample.name}.py"
    tests = {*re.findall(r"def (test_\w+)", read(sample / test))}

    for found in re.finditer(r"`(test_\w+)`", read(path)):
        assert found[1] in tests, (
            f"{at(path, found.start())}: {test} has no {found[1]}. Correct the"
            " name."
        )


def test_each_difference_is_held_by_a_test(sample):
    where = f"samples/{sample.name}/README.md, {HEADINGS[-1]}:"
    text = runner.section(sample, HEADINGS[-1])

    if not text:
        return

    head, line, *rows = [row for row in text.splitlines() if row[:1] == "|"]
    assert (head, line) == ("| Flask's page | This sample |", "|---|---|"), (
        f"{where} begin the table with\n| Flask's page | This sample |\n"
        "|---|---|"
    )
    assert rows, f"{where} write a row for each difference."

    for row in rows:
        assert re.fullmatch(r".* \(`test_\w+`(, `test_\w+`)*\)\.? \|", row), (
            f"{where} write the tests in parentheses at the end of each row,"
            f" such as | Its key is public. | The key is random (`test_name`)."
            f" |\nNow it's\n{row}"
        )


# -- The requirements of a sample -------------------------------------------


def test_requirements_are_ranges(sample):
    for line in requirements(sample):
        assert re.fullmatch(
            r"[\w.-]+(\[[\w,-]+\])?>=[\d.]+,<\d[\d.]*", line
        ), (
            f"samples/{sample.name}/requirements.txt: write {line} as a range,"
            " such as flask>=3.1.3,<4, so that both ends can be tested."
        )


def test_requirements_bring_everything_that_is_imported(sample):
    covered = set().union(*map(provided, requirements(sample)))
    local = {path.stem for path in sample.rglob("*.py")}
    local |= {path.parent.name for path in sample.rglob("__init__.py")}
    owners = packages()

    for path in sample.rglob("*.py"):
        allowed = covered | ({"pytest"} if "test_" in path.name else set())

        for node in ast.walk(ast.parse(read(path))):
            names = []

            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]

            for name in {name.partition(".")[0] for name in names}:
                known = name in sys.stdlib_module_names or name in local
                brought_by = {*map(canonicalize_name, owners.get(name, []))}
                assert known or brought_by & allowed, (
                    f"{path.relative_to(runner.ROOT)} imports {name}. Add the"
                    f" package ({', '.join(brought_by) or name}) to"
                    f" samples/{sample.name}/requirements.txt."
                )


@functools.cache
def packages():
    """Return {module: names of the installed packages that bring it}."""
    return importlib.metadata.packages_distributions()


def requirements(sample):
    lines = read(sample / "requirements.txt").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@functools.cache
def provided(requirement):
    """Return the names of the packages that a requirement brings."""
    todo, seen = [Requirement(requirement)], set()

    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        # With other extras, the same package brings other packages.
        one = (name, frozenset(wanted.extras))

        if one in seen:
            continue

        seen.add(one)

        for line in importlib.metadata.requires(name) or []:
            needed = Requirement(line)
            extras = wanted.extras or {""}

            if needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras
            ):
                todo.append(needed)

    return {name for name, _ in seen}
