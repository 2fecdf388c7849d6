"""Every sample starts, works, and passes its own test, wherever it stands."""

import fcntl
import os
import re
import shlex
import shutil
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
import runner

# The text to type into a field, by its type.
TYPED = {"email": "ada@example.com", "number": "1", "password": "secret"}


@pytest.fixture
def python(sample, tmp_path_factory):
    """The Python of an environment with the sample's own requirements alone.

    Samples with the same requirements share it, and so do xdist's workers.
    """
    text = (sample / "requirements.txt").read_text(encoding="utf-8")
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    env = shared / f"env-{zlib.crc32(text.encode())}"
    uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"
    # With `make test-lowest`, these are the lowest versions that the file
    # allows, of indirect packages as well.
    needed = [*text.split(), "pytest>=9"]

    with env.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        if not env.exists():
            for command in (
                [uv, "venv", "--python", sys.executable, env],
                [uv, "pip", "install", "--python", env, *needed],
            ):
                done = runner.run(command, cwd=shared)
                assert done.returncode == 0, done.stderr

    return env / "bin" / "python"


def test_own_test_passes_in_an_environment_of_its_own(
    sample, python, tmp_path
):
    folder = runner.copy(sample, tmp_path / "samples")
    # From the root. The exercises run the tests inside their folder.
    done = runner.own_tests(
        tmp_path,
        *("-W", "error", f"samples/{sample.name}"),
        python=python,
        # The next sample with these requirements starts faster.
        PYTHONDONTWRITEBYTECODE=None,
    )
    assert done.returncode == 0, (
        f"{done.stdout}{done.stderr}\nDoes requirements.txt name everything"
        " that the sample imports?"
    )
    assert runner.contents(folder) == runner.contents(sample), (
        "The test wrote into its folder. Write below tmp_path."
    )


def visit(sample, folder, server, paths):
    """Request the paths, and look for trouble."""
    for path in paths:
        # A stream can be endless, so five seconds of it are enough.
        reply = runner.fetch(server.url + path, seconds=5)
        assert reply.status < 500, f"{path} returned {reply.status}."

        if path == "/":
            assert reply.status in (200, 302, 303, 307), reply.status

    assert not server.complaints(), server.complaints()
    assert runner.contents(folder) == runner.contents(sample), (
        "The sample wrote into its folder. Write below app.instance_path."
    )


def test_first_start_from_the_root_works(sample, tmp_path):
    folder = runner.copy(sample, tmp_path / "samples")
    app = f"samples/{sample.name}/app"

    with runner.boot(tmp_path, app=app, log=tmp_path / "log") as server:
        visit(sample, folder, server, runner.plain_gets(sample))


def test_first_start_with_two_gunicorn_workers_works(sample, tmp_path):
    folder = runner.copy(sample, tmp_path)

    with runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server:
        assert len(server.workers()) == 2
        # Often enough that both workers respond.
        visit(sample, folder, server, ["/"] * 6)


def test_programming_errors_are_shown(sample, tmp_path):
    """See mistakes.py: no mistake ends in anything but a traceback."""
    folder = runner.copy(sample, tmp_path)
    # A sample can show the folders beside it, so put one there.
    beside = next(one for one in runner.SAMPLES.values() if one != sample)
    runner.copy(beside, tmp_path)
    script = Path(__file__).with_name("mistakes.py")
    done = runner.python(script, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


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


def commands(text):
    """Yield (command, expected output) of all console blocks in the text."""
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        yield from re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.M)


def normal(output):
    """Return the output without what may differ between versions."""
    output = output.replace("\r", "").strip()
    output = re.sub(r"^(HTTP/1.1 \d+).*", r"\1", output, flags=re.M)
    # Flask 3.2 redirects with 303 instead of 302.
    return re.sub(r"^HTTP/1.1 303", "HTTP/1.1 302", output, flags=re.M)


def matches(expected, output):
    """Return whether the output is as expected. `...` matches anything."""
    pattern = ".*".join(map(re.escape, normal(expected).split("...")))
    return re.fullmatch(pattern, normal(output), re.S)


def test_try_it_prints_what_the_readme_says(sample, tmp_path):
    tried = list(commands(runner.section(sample, "Try it")))
    assert tried, 'Write console blocks with "$ curl …" under "## Try it".'
    folder = runner.copy(sample, tmp_path)

    # This is the first start in the folder, as the README tells to start it.
    with runner.boot(folder, log=tmp_path / "log") as server:
        for command, expected in tried:
            words = shlex.split(command)

            if words[0] != "curl":
                # `flask` and `python` are those of this environment.
                words[0] = str(Path(sys.executable).with_name(words[0]))

            port = f":{server.port}"
            words = [word.replace(":8000", port) for word in words]
            output = runner.run(words, cwd=folder).stdout
            output = output.replace(port, ":8000")
            assert matches(expected, output), (
                f'Under "## Try it", the README says that\n$ {command}\n'
                f"prints\n{expected}\nbut it prints\n{output}"
            )

        assert not server.complaints(), server.complaints()
