"""Every sample boots, answers its first request and stays below a prefix."""

import re
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
import runner

# What a person might type, by type of input.
TYPED = {"email": "ada@example.com", "number": "1", "password": "secret"}


class Addresses(HTMLParser):
    """Collects what a page links to, loads, or sends a form to."""

    def __init__(self, page):
        super().__init__()
        self.links = []  # URLs
        self.forms = []  # (attributes, {name: value}), filled in
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


def addresses(reply):
    is_page = reply.headers.get_content_type() == "text/html"
    return Addresses(reply.text if is_page else "")


def test_first_request(sample, tmp_path, record_property):
    """Whatever GET comes first to a fresh copy is answered, silently."""
    paths = runner.plain_gets(sample)
    assert "/" in paths

    for number, path in enumerate(paths):
        folder = runner.copy(sample, tmp_path / f"{number}")

        with runner.boot(folder, log=tmp_path / f"{number}.log") as server:
            reply = runner.fetch(server.url + path)
            assert reply.status < 500, (path, reply)
            assert path != "/" or reply.status in (200, 302, 303, 307)
            assert not server.complaints()

        assert runner.contents(folder) == runner.contents(sample)

    record_property("inner", len(paths))


def test_from_the_root(sample, tmp_path):
    """`flask --app samples/NAME/app run` works where the samples lie."""
    runner.copy(sample, tmp_path / "samples")

    with runner.boot(
        tmp_path, app=f"samples/{sample.name}/app", log=tmp_path / "log"
    ) as server:
        assert runner.fetch(server.url).status < 400
        assert not server.complaints()


def test_two_workers(sample, live):
    for path in runner.plain_gets(sample):
        assert runner.fetch(live.url + path).status < 500, path
        assert runner.fetch(live.url + path, method="HEAD").body == b""

    assert not live.complaints()


@pytest.fixture(scope="session")
def prefixed(folder, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "prefix.log"

    with runner.boot(folder, log=log, gunicorn=True, prefix="/pre") as server:
        yield server


def test_prefix(prefixed, record_property):
    """Links, forms, what a page loads and redirects stay below /pre."""
    host = urlsplit(prefixed.url).netloc
    todo, seen = [f"{prefixed.url}/"], set()

    def inside(base, target, what):
        parts = urlsplit(urldefrag(urljoin(base, target)).url)

        if parts.scheme == "http" and parts.netloc == host:
            assert re.match(r"/pre(/|$)", parts.path), (what, base, target)
            return parts.geturl()

        return None

    def check(url, reply):
        assert reply.status < 500, (url, reply)

        if location := reply.headers["Location"]:
            todo.append(inside(url, location, "redirect"))

        page = addresses(reply)
        todo.extend(inside(url, link, "link") for link in page.links)

        for attrs, fields in page.forms:
            action = inside(url, attrs.get("action") or url, "form")

            if (attrs.get("method") or "get").lower() == "post":
                # Without following on: these answers were not looked at.
                answer = runner.fetch(action, fields)
                assert answer.status < 500, (action, answer)
                inside(action, answer.headers["Location"] or action, "post")

    while todo and len(seen) < 60:
        url = todo.pop()

        if url and url not in seen:
            seen.add(url)
            check(url, runner.fetch(url))

    assert not prefixed.complaints()
    record_property("inner", len(seen))
