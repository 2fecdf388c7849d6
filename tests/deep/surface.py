"""Reads what surface.toml declares of a sample, and sends it."""

import json
import re
import shutil
import tomllib
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urljoin

import runner
from crawl import Page

SURFACES = Path(__file__).with_suffix(".toml").read_text("utf-8")
DEFAULTS = {"GET": [], "public": [], "kept": "", "slow": [], "beside": []}
WRITING = ["POST", "PUT", "PATCH", "DELETE"]


class Ask(NamedTuple):
    """A request that a sample answers."""

    method: str
    target: str  # with its arguments in braces
    body: str | dict = ""  # a form, or JSON

    @property
    def path(self):
        return re.sub("[{}]", "", self.target)

    @property
    def fields(self):
        """What it sends in a query or as a form, {name: bytes}."""
        text = self.target.partition("?")[2] or self.body
        pairs = [] if isinstance(text, dict) else parse_qsl(text, True)
        return {name: value.encode() for name, value in pairs}

    def marked(self, mark):
        """Return it with a word in place of MARK."""
        return Ask(*json.loads(json.dumps(self).replace("MARK", mark)))

    def covers(self, method, path, fields):
        """Return whether it's like a request with any arguments and texts."""
        own = re.escape(self.target.partition("?")[0])
        pattern = re.sub(r"\\{.+?\\}", ".+", own)
        return (
            method == self.method
            and re.fullmatch(pattern, path.partition("?")[0])
            and (isinstance(self.body, dict) or {*fields} <= {*self.fields})
        )


def read(name):
    """Return what surface.toml says of a sample, and all of it as `asks`."""
    found = DEFAULTS | tomllib.loads(SURFACES).get(name, {})
    asks = [Ask("GET", it) for it in ["/static/{x.css}", *found["GET"]]]

    for method in WRITING:
        asks += [Ask(method, *it) for it in found.get(method, {}).items()]

    return SimpleNamespace(asks=asks, **found)


def copy(sample, to):
    """Copy a sample, and what it shows: other samples, and the workshops."""
    for name in read(sample.name).beside:
        runner.copy(runner.SAMPLES[name], to / "samples")

    shutil.copy(runner.ROOT / "README.md", to)
    return runner.copy(sample, to / "samples")


def form(fields):
    """Return the type and the body that a browser sends for the fields."""
    if not any(value.startswith(b"@") for value in fields.values()):
        return "application/x-www-form-urlencoded", urlencode(fields).encode()

    parts = []

    for name, value in fields.items():
        file = b'"; filename="%b' % value[1:].replace(b'"', b"%22")
        file = file if value.startswith(b"@") else b""
        parts.append(
            b'--b\r\nContent-Disposition: form-data; name="%b%b"\r\n\r\n%b\r\n'
            % (name.encode(), file, value)
        )

    return "multipart/form-data; boundary=b", b"".join(parts) + b"--b--\r\n"


class Client:
    """A visitor with cookies."""

    def __init__(self, url):
        self.url = url
        self.jar = SimpleCookie()

    @property
    def cookie(self):
        return self.jar.output([], "", "; ").strip()

    def send(self, ask, fields=None):
        """Send it, follow redirects, and return (path, reply)."""
        kind, body = "application/json", None

        if isinstance(ask.body, dict):
            body = json.dumps(ask.body).encode()
        elif ask.method != "GET":
            kind, body = form(fields or self.fields(ask))

        reply = runner.fetch(
            self.url + ask.path,
            method=ask.method,
            headers={"Content-Type": kind, "Cookie": self.cookie},
            body=body,
        )

        for cookie in reply.headers.get_all("Set-Cookie", []):
            self.jar.load(cookie)

        if reply.status in (302, 303):
            target = urljoin(self.url + ask.path, reply.headers["Location"])
            return self.send(Ask("GET", target.removeprefix(self.url)))

        return ask.path, reply

    def fields(self, ask):
        """Return the fields of its form, with the token of the page."""
        fields = ask.fields

        if "csrf_token" in fields:
            page = Page(self.url, self.send(Ask("GET", ask.path))[1])
            fields["csrf_token"] = page.forms[0][2]["csrf_token"].encode()

        return fields
