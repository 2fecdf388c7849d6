"""Reads the README and the source of a sample, to show them on a page."""

import ast
import re
import tokenize
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path

from flask import url_for
from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

SHOWN = (".css", ".html", ".j2", ".js", ".py", ".sql", ".svg", ".toml", ".txt")
HEADING = re.compile(r"# -- (.+?) -{3,}")
TEACH = re.compile(r"(\d+) minutes.*?\.\sStep (\d+) of the course: (\w+)\.")
README = re.compile(r'href="\.\./(\w+)/README\.md"')


@dataclass
class Row:
    """Some lines of code, and the comment above them."""

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
    def introduction(self):
        text = self.readme.partition("\n")[2]
        return re.split(r"^## ", text, maxsplit=1, flags=re.M)[0].strip()

    @property
    def summary(self):
        return self.introduction.partition("\n\n")[0]

    @cached_property
    def parts(self):
        """Return the README's sections as {heading: text}."""
        _, *parts = re.split(r"^## (.+)\n", self.readme, flags=re.M)
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def html(self, text: str) -> Markup:
        # The READMEs are part of this project, so allow their <details>.
        markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
        html = README.sub(
            lambda found: f'href="{url_for("pattern", name=found[1])}"',
            markdown.render(text),
        )
        return Markup(html)  # noqa: S704

    def teaching(self, group: int, default: str) -> str:
        found = TEACH.search(self.parts.get("Teach it", ""))
        return found[group] if found else default

    @property
    def minutes(self):
        return int(self.teaching(1, "0"))

    @property
    def step(self):
        """The place in the teaching order. A sample without one is last."""
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
        code = [self.text(file) for file in self.files if file != test]
        return list(dict.fromkeys(HEADING.findall("\n".join(code))))

    def has(self, query: str) -> bool:
        """Return whether README and headings contain all words of a query."""
        text = " ".join([self.name, self.readme, *self.sections]).casefold()
        return all(word in text for word in query.casefold().split())

    @cached_property
    def files(self):
        """Return the files to show: app.py, its test, then the others."""
        first = ["app.py", f"test_{self.name}.py"]
        paths = [
            path.relative_to(self.folder) for path in self.folder.rglob("*")
        ]
        found = [
            path.as_posix()
            for path in paths
            if path.suffix in SHOWN and path.parts[0] != "instance"
        ]
        return sorted(found, key=lambda file: (file not in first, file))

    def text(self, file: str) -> str:
        return (self.folder / file).read_text("utf-8", errors="replace")

    def rows(self, file: str) -> list[Row]:
        """Return the rows of a file. A comment in Python starts a row."""
        text = self.text(file)
        notes = noted_lines(text) if file.endswith(".py") else set()
        rows = [Row()]

        for number, (line, code) in enumerate(
            zip(text.splitlines(), highlighted(file, text), strict=False), 1
        ):
            heading = HEADING.match(line)

            if heading or (number in notes and rows[-1].code):
                rows.append(Row())

            if heading:
                rows[-1].heading = heading[1]
            elif number in notes:
                rows[-1].comment += line + "\n"
            elif rows[-1].code or line.strip():
                rows[-1].code += code + Markup("\n")

        return rows


def read_sample(folder: Path) -> Sample:
    readme = folder / "README.md"
    text = f"# {folder.name}\n"

    if readme.is_file():
        text = readme.read_text("utf-8", errors="replace")

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
    """Return the line numbers of the comments and the module's docstring."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return set()

    # Don't search for a "#", because a string can have one, too.
    notes = {
        token.start[0]
        for token in tokenize.generate_tokens(StringIO(text).readline)
        if token.type == tokenize.COMMENT and token.line.strip()[0] == "#"
    }

    if ast.get_docstring(ast.Module(body, [])) is not None:
        notes |= {*range(1, body[0].end_lineno + 1)}

    return notes
