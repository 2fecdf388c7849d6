"""Read the README and the source of a sample, to show them on a page."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

SHOWN = (".css", ".html", ".j2", ".js", ".py", ".sql", ".svg", ".toml", ".txt")
# A comment, such as "# -- Easy Querying ----".
HEADING = re.compile(r"(?:#|\{#|//|--) -- (.+?) -{3,}")
# "25 minutes: demo 8, ... Step 3 of the course: pages."
TEACH = re.compile(
    r"(?P<minutes>\d+) minutes.*?\.\s"
    r"Step (?P<step>\d+) of the course: (?P<theme>\w+)\."
)
# The HTML of a link to another sample, such as "../sqlite3/README.md".
README_LINK = re.compile(r'href="\.\./(\w+)/README\.md"')
# "| An hour | `template_inheritance` · `flashing` | 62 |"
WORKSHOP = re.compile(
    r"^\| ([\w ]+) \| ((?:`\w+`(?: · )?)+) \| (\d+) \|$", re.M
)
WORD = re.compile(r"\w+")


@dataclass
class Part:
    """The lines of a file from one comment heading to the next."""

    heading: str
    first_line: int
    lines: list[Markup]


@dataclass
class Sample:
    """A folder with an app.py and, usually, a README."""

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
    def readme_sections(self):
        """Return the README's sections as {heading: text}."""
        _, *found = re.split(r"^## (.+)\n", self.readme, flags=re.M)
        return dict(zip(found[::2], found[1::2], strict=True))

    def teaching(self, group: str, default: str) -> str:
        found = TEACH.search(self.readme_sections.get("Teach it", ""))
        return found[group] if found else default

    @property
    def minutes(self):
        return int(self.teaching("minutes", "0"))

    @property
    def step(self):
        """The place in the teaching order. A sample without one is last."""
        return int(self.teaching("step", "99"))

    @property
    def theme(self):
        return self.teaching("theme", "more")

    @cached_property
    def docs(self):
        found = re.search(r"^Docs: (\S+)$", self.text("app.py"), re.M)
        return found[1] if found else ""

    @cached_property
    def files(self):
        """Return the files to show: app.py, the others, and the test last."""
        found = [
            path.relative_to(self.folder).as_posix()
            for path in own_files(self.folder)
            if path.suffix in SHOWN
        ]
        last = ["requirements.txt", f"test_{self.name}.py"]
        return sorted(
            found, key=lambda file: (file in last, file != "app.py", file)
        )

    @property
    def sources(self):
        """Return the files to show, without the test."""
        return [file for file in self.files if file != f"test_{self.name}.py"]

    def text(self, file: str) -> str:
        return (self.folder / file).read_text("utf-8", errors="replace")

    def headings(self, file: str) -> dict[int, str]:
        """Return {line number: heading} of the comment headings in a file."""
        return {
            number: match[1]
            for number, line in enumerate(self.text(file).splitlines(), 1)
            if (match := HEADING.match(line))
        }

    @cached_property
    def code_sections(self):
        """Return {heading: id of its first part on the page}."""
        found = {}

        for file in self.sources:
            for number, heading in self.headings(file).items():
                found.setdefault(heading, f"{file}-{number}")

        return found

    def code(self, file: str) -> list[Part]:
        """Return a whole file in HTML, divided at its comment headings."""
        headings = {1: "", **self.headings(file)}
        lines = highlighted(file, self.text(file))
        starts = [*headings, len(lines) + 1]
        return [
            Part(headings[start], start, lines[start - 1 : end - 1])
            for start, end in pairwise(starts)
        ]

    def weighted_texts(self):
        """Yield (weight, text), for the search."""
        yield 20, f"{self.name} {self.title}"
        yield 10, " ".join(self.code_sections)
        yield 5, self.introduction
        yield 1, self.readme

        for file in self.sources:
            yield 1, self.text(file)


def own_files(folder: Path) -> list[Path]:
    """Return a sample's files, without what running it leaves behind."""
    files = []

    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        left = {"instance", "__pycache__"} & {*parts}
        hidden = any(part.startswith(".") for part in parts)

        if path.is_file() and not left and not hidden:
            files.append(path)

    return files


def read_sample(folder: Path) -> Sample:
    readme = folder / "README.md"
    text = f"# {folder.name}\n"

    if readme.is_file():
        text = readme.read_text("utf-8", errors="replace")

    return Sample(folder, text)


# -- HTML -------------------------------------------------------------------


def markdown_html(text: str, url_for: Callable) -> Markup:
    """Return a text from a README as HTML, with links to the gallery.

    Pass the template's `url_for`, which `make site` replaces with one for
    links between files.
    """
    # The READMEs are part of this project, so allow their <details>.
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    html = README_LINK.sub(
        lambda found: f'href="{url_for("pattern", name=found[1])}"',
        markdown.render(text),
    )
    return Markup(html)  # noqa: S704


def anchor(heading: str) -> str:
    """Return the id that a section of the README has on the page."""
    return "-".join(WORD.findall(heading.lower()))


def live_commands(text: str, host: str, path: str) -> str:
    """Return the text of *Try it* with the URLs of the running sample.

    The gallery at `host` serves the sample at `path`, which ends in a slash.
    """
    port = re.search(r"(:\d+)?$", host)[0]
    text = re.sub(
        r"(?<![.\w])localhost:8000/?", lambda _: f"{host}{path}", text
    )
    text = text.replace("localhost:8000", f"localhost{port}")
    return re.sub(r"^Location: /", f"Location: {path}", text, flags=re.M)


def highlighted(file: str, text: str) -> list[Markup]:
    """Return the lines of a file as HTML."""
    try:
        lexer = get_lexer_for_filename(file, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)

    html = highlight(text, lexer, HtmlFormatter(nowrap=True))
    return [Markup(line) for line in html.splitlines()]  # noqa: S704


# -- Search -----------------------------------------------------------------


def search_index(samples: Iterable[Sample]) -> dict[str, dict[str, int]]:
    """Return {word: {name of a sample: weight}}."""
    index = defaultdict(Counter)

    for sample in samples:
        for weight, text in sample.weighted_texts():
            for word, count in Counter(WORD.findall(text.lower())).items():
                # Limit the count, because a frequent word says little more.
                index[word][sample.name] += weight * min(count, 5)

    return index


def rank(index: dict[str, dict[str, int]], query: str) -> list[str]:
    """Return the names of the samples that have all words, best first.

    A part of a word matches, too. gallery.js ranks in the same way.
    """
    scores = None

    for word in WORD.findall(query.lower()):
        found = Counter()

        for other, weights in index.items():
            if word in other:
                for name, weight in weights.items():
                    found[name] += weight * (3 if word == other else 1)

        if scores is None:
            scores = found
        else:
            names = scores.keys() & found.keys()
            scores = {name: scores[name] + found[name] for name in names}

    return sorted(scores or (), key=lambda name: (-scores[name], name))


# -- Workshops and downloads ------------------------------------------------


@dataclass
class Workshop:
    """Some samples, in the order of the workshop."""

    title: str
    names: list[str]
    minutes: int


def read_workshops(folder: Path) -> dict[str, Workshop]:
    """Return {slug: workshop} from the table in the folder's README."""
    readme = folder / "README.md"
    text = readme.read_text("utf-8") if readme.is_file() else ""
    return {
        title.lower().replace(" ", "-"): Workshop(
            title, re.findall(r"\w+", names), int(minutes)
        )
        for title, names, minutes in WORKSHOP.findall(text)
    }


def zip_folder(folder: Path) -> BytesIO:
    """Return a ZIP file of a sample without what running it leaves behind."""
    file = BytesIO()

    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for path in own_files(folder):
            archive.write(path, path.relative_to(folder.parent))

    file.seek(0)
    return file
