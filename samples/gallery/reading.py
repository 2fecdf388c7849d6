"""Reads a sample's folder: its README, and its source as rows to show."""

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

SHOWN = (".css", ".html", ".js", ".py", ".sql", ".svg", ".toml", ".txt")
HEADING = re.compile(r"# -- (.+?) -{3,}")
TEACH = re.compile(r"(\d+) minutes\. Step (\d+), (\w+)\.")


@dataclass
class Row:
    """Some lines of code, and the comment that stands above them."""

    heading: str = ""
    comment: str = ""
    code: str | Markup = ""


@dataclass
class Sample:
    folder: Path
    readme: str

    @property
    def name(self):
        return self.folder.name

    @property
    def title(self):
        return self.readme.partition("\n")[0].removeprefix("# ")

    @property
    def summary(self):
        return self.html(self.part("What it shows").partition("\n\n")[0])

    def part(self, heading: str) -> str:
        """Return the text below `## heading` in the README, or ''."""
        found = re.search(
            rf"^## {heading}\n(.*?)(?=^## |\Z)", self.readme, re.M | re.S
        )
        return found[1].strip() if found else ""

    def html(self, text: str) -> Markup:
        # Without HTML of its own, what Markdown makes is safe to show.
        markdown = MarkdownIt("commonmark", {"html": False})
        return Markup(markdown.render(text))  # noqa: S704

    def teaching(self, group: int, default: str) -> str:
        found = TEACH.match(self.part("Teach it"))
        return found[group] if found else default

    @property
    def minutes(self):
        return int(self.teaching(1, "0"))

    @property
    def step(self):
        """The place in teaching order; a sample without one comes last."""
        return int(self.teaching(2, "99"))

    @property
    def theme(self):
        return self.teaching(3, "more")

    @cached_property
    def docs(self):
        found = re.search(r"^Docs: (\S+)$", self.text("app.py"), re.M)
        return found[1] if found else ""

    @cached_property
    def sections(self):
        test = f"test_{self.name}.py"
        code = [
            self.text(file)
            for file in self.files
            if file.endswith(".py") and file != test
        ]
        return list(dict.fromkeys(HEADING.findall("\n".join(code))))

    def has(self, query: str) -> bool:
        """Whether all words of the query stand in README or headings."""
        text = " ".join([self.name, self.readme, *self.sections]).casefold()
        return all(word in text for word in query.casefold().split())

    @cached_property
    def files(self):
        """Return the files to show: app.py, its test, then the others."""
        first = ["app.py", f"test_{self.name}.py"]
        found = [
            path.relative_to(self.folder).as_posix()
            for path in sorted(self.folder.rglob("*"))
            if path.suffix in SHOWN
            and not {"instance", "__pycache__"} & set(path.parts)
        ]
        return sorted(found, key=lambda file: (file not in first, file))

    def text(self, file: str) -> str:
        return (self.folder / file).read_text(errors="replace")

    def rows(self, file: str) -> list[Row]:
        """Return the file as rows, comment beside code where it is Python."""
        text = self.text(file)
        notes = noted_lines(text) if file.endswith(".py") else set()
        rows = [Row()]

        for number, (line, code) in enumerate(
            zip(text.splitlines(), highlighted(file, text), strict=False), 1
        ):
            heading = HEADING.match(line)

            # A comment begins a row, and the code below it belongs there.
            if heading or (number in notes and rows[-1].code):
                rows.append(Row())

            if heading:
                rows[-1].heading = heading[1]
            elif number in notes:
                rows[-1].comment += line.strip().strip('#"').strip() + "\n"
            elif rows[-1].code or line.strip():
                rows[-1].code += code + Markup("\n")

        return rows


def read_sample(folder: Path) -> Sample:
    readme = folder / "README.md"
    text = readme.read_text() if readme.is_file() else f"# {folder.name}\n"
    return Sample(folder, text)


def highlighted(file: str, text: str) -> list[Markup]:
    """Return the lines of a file as HTML."""
    try:
        lexer = get_lexer_for_filename(file, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)

    html = highlight(text, lexer, HtmlFormatter(nowrap=True))
    return [Markup(line) for line in html.split("\n")]  # noqa: S704


def noted_lines(text: str) -> set[int]:
    """Return the numbers of lines that are comment or the first docstring."""
    notes = {
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.lstrip().startswith("#")
    }

    try:
        body = ast.parse(text).body
    except SyntaxError:
        return notes

    if body and isinstance(body[0], ast.Expr):
        notes |= {*range(1, body[0].end_lineno + 1)}

    return notes
