"""Every sample starts, works, and passes its own test, wherever it stands."""

import re
import shlex
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import mistakes
import pytest
import runner

# The text to type into a field, by its type.
TYPED = {"email": "ada@example.com", "number": "1", "password": "secret"}
# What *Try it* in a README can run.
PROGRAMS = ("curl", "flask", "python", "celery")


def test_own_test_passes_in_an_environment_of_its_own(sample, tmp_path):
    folder = runner.copy(sample, tmp_path / "samples")
    env = tmp_path / "env"
    packages = ["-r", "requirements.txt", "pytest>=9"]
    uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"

    # With `make test-lowest`, these are the lowest versions that the sample
    # allows, of indirect packages as well.
    for command in (
        ["venv", "--python", sys.executable, env],
        ["pip", "install", "--python", env, *packages],
    ):
        done = runner.run([uv, *command], cwd=folder)
        assert done.returncode == 0, done.stderr

    # From the root. The exercises run the tests inside their folder.
    done = runner.own_tests(
        tmp_path,
        *("-W", "error", f"samples/{sample.name}"),
        python=env / "bin" / "python",
    )
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nDoes requirements.txt name everything"
        " that the sample imports?"
    )
    assert runner.contents(folder) == runner.contents(sample), (
        "The test wrote into its folder. Write below tmp_path."
    )


@pytest.mark.parametrize("gunicorn", [False, True])
def test_first_start_works(sample, tmp_path, gunicorn):
    """`flask run` from the root, or gunicorn with two workers."""
    folder = runner.copy(sample, tmp_path / "samples")
    options = {"app": f"samples/{sample.name}/app", "gunicorn": gunicorn}
    paths = [
        rule["rule"]
        for rule in runner.url_map(sample)
        if "GET" in rule["methods"] and not rule["arguments"]
    ]

    with runner.boot(
        folder if gunicorn else tmp_path, log=tmp_path / "log", **options
    ) as server:
        if gunicorn:
            assert len(server.workers()) == 2
            # Often enough that both workers respond.
            paths += ["/"] * 6

        for path in paths:
            # A stream can be endless, so five seconds of it are enough.
            reply = runner.fetch(server.url + path, seconds=5)
            assert reply.status < (400 if path == "/" else 500), path

        assert not server.complaints(), server.complaints()

    assert runner.contents(folder) == runner.contents(sample), (
        "The sample wrote into its folder. Write below app.instance_path."
    )


def test_programming_errors_are_shown(sample, tmp_path):
    """A test of the sample fails with the traceback, whatever the mistake."""
    folder = runner.copy(sample, tmp_path)
    errors = mistakes.programming_errors(folder)
    hidden = [
        what
        for what, _, output in mistakes.tried(folder, errors)
        if what.split()[0] not in output
    ]
    assert not hidden, (
        f"samples/{sample.name} catches these errors, or no test of it reaches"
        f" them: {', '.join(hidden)}. Don't catch what a mistake in the code"
        " raises, or add a test."
    )


# -- Under a prefix ---------------------------------------------------------


class Addresses(HTMLParser):
    """Collect the URLs and the forms of a page."""

    def __init__(self, page):
        super().__init__()
        self.links = []
        self.forms = []  # (attributes, {name: value})
        self.select = None  # the name of one that has no value yet
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name = attrs.get("name")
        self.links += [attrs[key] for key in ("href", "src") if attrs.get(key)]

        if tag == "form":
            self.forms.append((attrs, {}))
        elif tag == "select":
            self.select = name
        elif name and self.forms:
            typed = TYPED.get(attrs.get("type"), "x")
            self.forms[-1][1][name] = attrs.get("value") or typed

    def handle_data(self, data):
        if self.lasttag == "option" and self.select and data.strip():
            self.forms[-1][1][self.select] = data.strip()
            self.select = None


def test_urls_stay_under_a_prefix(sample, tmp_path):
    """All links, forms, and redirects stay under the prefix /pre."""
    folder = runner.copy(sample, tmp_path)

    with runner.boot(
        folder, log=tmp_path / "log", gunicorn=True, workers=1, prefix="/pre"
    ) as server:
        host = urlsplit(server.url).netloc
        todo, seen = [f"{server.url}/"], set()

        def under_prefix(base, target):
            """Return the absolute URL if it's one of this sample."""
            parts = urlsplit(urldefrag(urljoin(base, target)).url)

            if parts.scheme != "http" or parts.netloc != host:
                return None

            assert re.match(r"/pre(/|$)", parts.path), (
                f"{base} leads to {target}, which isn't under the prefix."
                " Build the URL with url_for()."
            )
            return parts.geturl()

        while todo and len(seen) < 60:
            url = todo.pop()

            if not url or url in seen:
                continue

            seen.add(url)
            reply = runner.fetch(url, seconds=5)
            assert reply.status < 500, f"{url} returned {reply.status}."
            todo.append(under_prefix(url, reply.headers["Location"] or url))

            if reply.headers.get_content_type() != "text/html":
                continue

            page = Addresses(reply.text)
            todo += [under_prefix(url, link) for link in page.links]

            for attrs, fields in page.forms:
                action = under_prefix(url, attrs.get("action") or url)

                if attrs.get("method", "get").lower() == "post":
                    reply = runner.fetch(action, fields)
                    assert reply.status < 500, (action, fields)
                    under_prefix(action, reply.headers["Location"] or action)

        assert not server.complaints(), server.complaints()


# -- Try it -----------------------------------------------------------------


def normal(output):
    """Return the output without what differs between versions of Flask."""
    output = output.replace("\r", "").strip()
    statuses = r"^(HTTP/1.1 30)[23].*|^(HTTP/1.1 \d+).*"
    return re.sub(statuses, r"\1\2", output, flags=re.M)


def test_try_it_prints_what_the_readme_says(sample, tmp_path):
    text = runner.section(sample, "Try it")
    blocks = "".join(re.findall(r"```console\n(.*?)```", text, re.S))
    tried = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", blocks, re.M)
    assert tried, 'Write console blocks with "$ curl …" under "## Try it".'
    folder = runner.copy(sample, tmp_path)

    # This is the first start in the folder, as the README tells to start it.
    with runner.boot(folder, log=tmp_path / "log") as server:
        for command, expected in tried:
            words = shlex.split(command)
            assert words[0] in PROGRAMS and not {*"|<>;&\\"} & {*words}, (
                f'Under "## Try it", use only {PROGRAMS} and no pipe, because'
                " Windows doesn't have other programs. `...` in the output"
                f" stands for any text. Now it's\n$ {command}"
            )

            if words[0] != "curl":
                # `flask` and `python` are those of this environment.
                words[0] = str(Path(sys.executable).with_name(words[0]))

            port = f":{server.port}"
            words = [word.replace(":8000", port) for word in words]
            output = runner.run(words, cwd=folder).stdout
            output = output.replace(port, ":8000")
            # `...` stands for any text.
            parts = map(re.escape, normal(expected).split("..."))
            assert re.fullmatch(".*".join(parts), normal(output), re.S), (
                f'Under "## Try it", the README says that\n$ {command}\n'
                f"prints\n{expected}\nbut it prints\n{output}"
            )

        assert not server.complaints(), server.complaints()
