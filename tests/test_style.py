"""Every sample has the same anatomy, so that a reader knows where to look.

Each message says what to write, and where.
"""

import ast
import functools
import re

import pytest
import runner

FLASK = "https://flask.palletsprojects.com/patterns/"
HEADINGS = [
    "Run",
    "Try it",
    "How it works",
    "Before production",
    "Teach it",
    "Differs from Flask's page",
]
RUN = [
    "$ pip install -r requirements.txt",
    "$ flask --app app run --port 8000",
    "`pip install pytest && pytest`",
]
# The labels of *Teach it*, in bold, and what hides the answer to *Predict*.
TEACH = [
    "**Prerequisites:**",
    "**Aim:**",
    "**Predict:**",
    "<summary>Answer</summary>",
    "**Exercise:**",
    "**Common mistakes:**",
    "**Key points:**",
    "**Break it:**",
]
# A heading is a comment, in whichever file of the sample its code stands.
HEADING = re.compile(r"^(?:#|//|\{#|<!--) -- (.+?) -+(?: #\}| -->)?$", re.M)
CODE = (".py", ".html", ".js", ".css", ".sql")

# Samples must not contain these.
FORBIDDEN = {
    r"if __name__ ==|app\.run\(": "`flask run` starts the sample",
    r"debug=True": "`flask run --debug` turns the debugger on",
    r"0\.0\.0\.0": "the server would be open to the network",
    r"\|\s*safe\b|innerHTML": "text from outside could contain a script",
    r"TODO|FIXME": "a reader copies the sample as it is",
}
CATCHES = r"except\b|[\w.]*(errorhandler|register_error_handler|suppress)\("
# A mistake in the code raises these as well, so a sample must not catch them.
MISTAKES = (
    r"except:|\b((Attribute|Import|Index|Key|Lookup|Name|OS|Runtime|Type|Value"
    r"|Internal|InternalServer|Operational|Programming)Error"
    r"|(Base)?Exception|500)\b"
)


def read(path):
    return path.read_text(encoding="utf-8")


def line(path, position):
    """Return the place in a file for a message: "samples/a/app.py, line 2"."""
    number = read(path).count("\n", 0, position) + 1
    return f"{path.relative_to(runner.ROOT)}, line {number}"


def code(sample):
    """Return the files of a sample that contain code, without its test."""
    return [
        path
        for path in map(sample.joinpath, runner.contents(sample))
        if path.suffix in CODE and not path.name.startswith("test_")
    ]


def minutes(sample):
    """Return the minutes of *Teach it*, and of its parts."""
    text = runner.section(sample, "Teach it").partition(".\n")[0]
    return [int(number) for number in re.findall(r"\d+", text) or "0"]


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


# -- The root ---------------------------------------------------------------


def test_readme_and_requirements_name_every_sample(sample):
    line = f"-r samples/{sample.name}/requirements.txt"
    assert line in read(runner.ROOT / "requirements.txt").splitlines(), (
        f"Add a line to requirements.txt: {line}"
    )
    link = f"(samples/{sample.name}/README.md)"
    assert link in read(runner.ROOT / "README.md"), (
        "Add a line to the table of README.md:\n"
        f"| Title | [`{sample.name}`]{link} | a phrase that says what it shows"
        " | Section · *Section that is prose* |"
    )


def test_links_between_files_lead_somewhere():
    for pattern in ("*.md", ".github/*.md", "tests/*.md", "samples/*/*.md"):
        for path in runner.ROOT.glob(pattern):
            for link in re.finditer(r"\]\(([^)#\s:]+)[)#\s]", read(path)):
                assert (path.parent / link[1]).exists(), (
                    f"{line(path, link.start())}: {link[1]} doesn't exist."
                    " Correct the link."
                )


def test_workshops_take_as_long_as_their_samples():
    text = read(runner.ROOT / "README.md")
    rows = re.findall(r"^\| ([^|]+) \| (`.+`) \| (\d+) \|$", text, re.M)

    for title, names, total in rows:
        parts = [
            minutes(runner.SAMPLES[it])[0] for it in names.split("`")[1::2]
        ]
        assert int(total) == sum(parts), (
            f"README.md, workshop {title!r}: write {sum(parts)} minutes,"
            " because that is the sum of its samples."
        )


# -- The files of a sample --------------------------------------------------


def test_docstring_says_what_to_read_and_run(sample):
    where = f"samples/{sample.name}/app.py, docstring:"
    text = ast.get_docstring(ast.parse(read(sample / "app.py"))) or ""
    page = f"{FLASK}{sample.name.replace('_', '')}/"
    found = re.fullmatch(
        r"[A-Z][^\n]+\.\n\n(?:Docs: (\S+)\n)?"
        r"Run:  flask --app app run --port 8000\n(?:      .+\n)?"
        r"Try:  \S.*(\n      .+){0,2}",
        text,
    )
    assert found, (
        f"{where} write one sentence in one line that says what the pattern is"
        f" for, one to three commands, and perhaps Docs:\nA sentence.\n\nDocs:"
        f" {page}\nRun:  flask --app app run --port 8000\nTry:  curl ...\n"
        f"      curl ...\nNow it's\n{text}"
    )
    assert found[1] == page or not f"{found[1]}".startswith(FLASK), (
        f"{where} write Docs: {page}, or rename the folder after the page."
    )


def test_sample_contains_nothing_forbidden(sample):
    for path in code(sample):
        for pattern, reason in FORBIDDEN.items():
            if found := re.search(pattern, read(path)):
                pytest.fail(
                    f"{line(path, found.start())}: remove {found[0]!r},"
                    f" because {reason}."
                )


def test_sample_catches_no_exception_that_a_mistake_raises(sample):
    for path in runner.sources(sample):
        text = read(path)

        for node in ast.walk(ast.parse(text)):
            head, _, rest = ast.unparse(node).partition("\n")
            found = re.match(CATCHES, head) and re.search(MISTAKES, head)

            if found and not (
                re.search(r"^\s+raise$", rest, re.M)
                or "# noqa: BLE001" in text.splitlines()[node.lineno - 1]
                # The client of a broker uses this name for a lost connection.
                or f"from kombu.exceptions import {found[0]}\n" in text
            ):
                pytest.fail(
                    f"samples/{sample.name}/{path.name}, line {node.lineno}:"
                    f" don't catch {found[0]}, because a mistake in the code"
                    " raises it as well. Check the input before, or catch the"
                    " exception that the pattern is about."
                )


def test_headings_are_the_sections_and_each_has_a_test(sample):
    _, sections = table().get(sample.name, ("", []))
    sections = {name for name in sections if not name.startswith("*")}
    found = {path: {*HEADING.findall(read(path))} for path in code(sample)}
    python = set().union(*(found[path] for path in runner.sources(sample)))
    # Scripts have headings of their own for what isn't a section.
    found = python | sections & set().union(*found.values())
    assert found == sections or not sections, (
        f"samples/{sample.name}: the comment headings of the code are"
        f" {sorted(found)}, and the sections in the table of README.md are"
        f" {sorted(sections)}. Make them equal. In the table, put a section"
        " without code in *italics*, and say it in the README of the sample."
    )
    test = f"test_{sample.name}.py"
    parts = HEADING.split(read(sample / test))
    tests = dict(zip(parts[1::2], parts[2::2], strict=True))

    for name in sections:
        assert "\ndef test_" in tests.get(name, ""), (
            f"samples/{sample.name}/{test}: write a test for the section"
            f" {name}, below the heading\n{f'# -- {name} '.ljust(77, '-')}"
        )


def test_requirements_are_ranges(sample):
    for line in read(sample / "requirements.txt").splitlines():
        assert re.fullmatch(r"#.*|\S+>=[\d.]+,<\d[\d.]*", line), (
            f"samples/{sample.name}/requirements.txt: write {line} as a range,"
            " such as flask>=3.1.3,<4, so that both ends can be tested."
        )


# -- The README of a sample -------------------------------------------------


def test_readme_has_its_headings_in_order(sample):
    where = f"samples/{sample.name}/README.md"
    title, _ = table().get(sample.name, ("", []))
    # A pattern that isn't one of Flask's needs no comparison.
    flask = FLASK in read(sample / "app.py")
    needed = HEADINGS if flask else HEADINGS[: 5 if title else 2]
    text = read(sample / "README.md")
    found = re.findall(r"^## (.+)$", text, re.M)
    wanted = [name for name in HEADINGS if name in [*needed, *found]]
    assert text.startswith(f"# {title}"), f"{where}: begin with # {title}"
    assert found == wanted, (
        f"{where}: the headings are {found}. Write these, in this order: "
        + ", ".join(f"## {name}" for name in wanted)
    )


@pytest.mark.parametrize(
    ("heading", "parts"), [("Run", RUN), ("Teach it", TEACH)]
)
def test_section_has_its_parts_in_order(sample, heading, parts):
    text = runner.section(sample, heading)
    found = re.findall("|".join(map(re.escape, parts)), text)
    assert found == parts or not text, (
        f"samples/{sample.name}/README.md, {heading}: write these, in this"
        " order:\n" + "\n".join(parts)
    )


def test_minutes_are_the_sum_of_their_parts(sample):
    total, *parts = minutes(sample)
    assert total == sum(parts), (
        f"samples/{sample.name}/README.md, Teach it: write {sum(parts)}"
        " minutes, because that is the sum of the parts."
    )


def test_readme_names_tests_that_exist(sample):
    tests = read(sample / f"test_{sample.name}.py")
    names = re.findall(r"`(test_\w+)`", read(sample / "README.md"))
    missing = [name for name in names if f"def {name}(" not in tests]
    assert not missing, (
        f"samples/{sample.name}/README.md: correct the names of these tests,"
        f" which don't exist: {', '.join(missing)}"
    )


def test_each_difference_is_held_by_a_test(sample):
    text = runner.section(sample, HEADINGS[-1])

    for row in re.findall(r"^\|.*", text, re.M)[2:]:
        assert re.search(r" \(`test_\w+`(, `test_\w+`)*\)\.? \|$", row), (
            f"samples/{sample.name}/README.md, {HEADINGS[-1]}: write the tests"
            " in parentheses at the end of each row, such as | Its key is"
            f" public. | The key is random (`test_name`). |\nNow it's\n{row}"
        )
