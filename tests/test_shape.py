"""Every sample has the same anatomy, so that a reader knows their way."""

import ast
import importlib.metadata
import re
import statistics
import sys

import runner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DOCS = "https://flask.palletsprojects.com/patterns/"
HEADINGS = [
    "What it shows",
    "Run",
    "Try it",
    "How it works",
    "Differs from the documentation",
    "Before production",
    "Teach it",
]
LINES, COLUMNS, MEDIAN = 120, 79, 75
MORE_LINES = {"celery": 150, "mongoengine": 150, "sqlalchemy": 150}
FORBIDDEN = re.compile(
    r"__name__ ==|app\.run\(|debug=True|0\.0\.0\.0|\|\s*safe\b|innerHTML"
    r"|except Exception|except:|TODO|FIXME"
)
HEADING = re.compile(r"^# -- (.+?) -{3,}$", re.M)


def table():
    """Return {folder: (sections, minutes)} of the README's table.

    Minutes is None where the pattern is marked as not built yet.
    """
    rows = re.findall(
        r"^\| (.+?) \| \[?`(\w+)`.*? \| .+? \| (.+?) \| (\d+|planned) \|$",
        (runner.ROOT / "README.md").read_text(),
        re.M,
    )
    return {
        folder: (
            [name.strip() for name in sections.split("·")],
            int(minutes) if minutes.isdigit() else None,
        )
        for _, folder, sections, minutes in rows
    }


def lines(text):
    """Return the number of lines that are not blank."""
    return sum(1 for line in text.splitlines() if line.strip())


def test_the_table_names_all_patterns_and_the_folders():
    patterns = table()
    built = {name for name, (_, minutes) in patterns.items() if minutes}
    planned = patterns.keys() - built
    assert len(patterns) == 23
    assert built == runner.SAMPLES.keys() - {"gallery"}
    assert not planned & runner.SAMPLES.keys()


def test_requirements_name_every_sample_and_no_other():
    text = (runner.ROOT / "requirements.txt").read_text()
    named = re.findall(r"^-r samples/(\w+)/requirements\.txt$", text, re.M)
    assert named == list(runner.SAMPLES)


def test_teaching_steps_are_all_different():
    steps = [
        re.search(r"Step (\d+)", runner.section(folder, "Teach it"))[1]
        for folder in runner.SAMPLES.values()
    ]
    assert len(set(steps)) == len(runner.SAMPLES)


def test_the_median_sample_is_short():
    counts = [
        lines((folder / "app.py").read_text())
        for folder in runner.SAMPLES.values()
    ]
    assert statistics.median(counts) <= MEDIAN


def test_files(sample):
    names = {path.name for path in sample.iterdir()}
    assert {
        "app.py",
        f"test_{sample.name}.py",
        "README.md",
        "requirements.txt",
    } <= names
    assert not list(sample.rglob("__init__.py")) or "pyproject.toml" in names


def test_docstring(sample):
    doc = ast.get_docstring(ast.parse((sample / "app.py").read_text()))
    first, blank, *fields = doc.splitlines()
    assert re.fullmatch(r"[A-Z].+\.", first)
    assert blank == ""
    slug = sample.name.replace("_", "")

    if sample.name in table():
        assert fields.pop(0) == f"Docs: {DOCS}{slug}/"

    assert fields.pop(0).startswith("Run:  flask --app app run --port 8000")
    tries = [line.removeprefix("Try:") for line in fields]
    tries = [line for line in tries if not line.startswith(" " * 7)]
    assert fields[-len(tries)].startswith("Try:  ")
    assert 1 <= len(tries) <= 3


def test_budgets(sample):
    allowed = MORE_LINES.get(sample.name, LINES)
    text = (sample / "app.py").read_text()
    assert lines(text) <= allowed

    for path in sample.rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert len(line) <= COLUMNS, f"{path.name}:{number}"


def test_nothing_forbidden(sample):
    for path in sample.rglob("*"):
        is_text = path.suffix in (".py", ".html", ".js", ".css", ".sql")
        is_test = path.name.startswith("test_")

        if is_text and not is_test:
            assert not FORBIDDEN.search(path.read_text()), path.name


def test_a_heading_and_a_test_for_each_section(sample):
    if sample.name not in table():
        return

    sections, _ = table()[sample.name]
    code = "\n".join(path.read_text() for path in runner.sources(sample))
    assert sorted(HEADING.findall(code)) == sorted(sections)
    test = (sample / f"test_{sample.name}.py").read_text()
    parts = HEADING.split(test)[1:]
    tests = dict(zip(parts[::2], parts[1::2], strict=True))
    assert sections == [name for name in tests if name in sections]

    for name in sections:
        assert re.search(r"^(async )?def test_", tests[name], re.M), name


def test_readme(sample):
    text = (sample / "README.md").read_text()
    assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS
    assert re.match(r"# .+\n", text)
    how = runner.section(sample, "How it works")
    assert re.findall(r"^(\d)\. ", how, re.M) == ["1", "2", "3"]
    code = (sample / "app.py").read_text()
    assert all(block not in text for block in code.split("\n\n\n")[1:])


def test_readme_names_tests_that_exist(sample):
    text = (sample / "README.md").read_text()
    tests = (sample / f"test_{sample.name}.py").read_text()
    found = {*re.findall(r"def (test_\w+)", tests)}
    found |= {f"test_{sample.name}"}
    assert {*re.findall(r"`(test_\w+)`", text)} <= found
    differs = runner.section(sample, "Differs from the documentation")

    for point in re.split(r"^- ", differs, flags=re.M)[1:]:
        assert re.search(r"\(`test_\w+`(,\s+`test_\w+`)*\)$", point.strip()), (
            point
        )


def test_teach_it(sample):
    text = runner.section(sample, "Teach it")
    minutes, step = re.match(
        r"(\d+) minutes\. Step (\d+), \w+\.\s\*\*Aim:\*\* ", text
    ).groups()
    assert int(step) >= 1
    assert int(minutes) == table().get(sample.name, (0, int(minutes)))[1]
    assert "\n**Predict:** " in text
    assert "\n**Exercise:**\n" in text
    assert "\n**Break it:** " in text


def provided(requirement):
    """Return the names of the distributions that a requirement brings."""
    todo, seen = [Requirement(requirement)], set()

    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        # Wanted again with other extras, it brings other distributions.
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


def test_requirements_cover_the_imports(sample):
    requirements = [
        line
        for line in (sample / "requirements.txt").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    # A range, so that the oldest and the newest release can be tried.
    assert all(re.search(r">=[\d.]+,<\d", line) for line in requirements)
    covered = set().union(*map(provided, requirements))
    local = {path.stem for path in sample.rglob("*.py")}
    local |= {path.parent.name for path in sample.rglob("__init__.py")}
    owners = importlib.metadata.packages_distributions()

    for path in sample.rglob("*.py"):
        allowed = covered | ({"pytest"} if "test_" in path.name else set())

        for node in ast.walk(ast.parse(path.read_text())):
            modules = []

            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]

            for module in {name.partition(".")[0] for name in modules}:
                known = module in sys.stdlib_module_names or module in local
                needed = {*map(canonicalize_name, owners.get(module, []))}
                assert known or needed & allowed, f"{path.name}: {module}"
