"""Sends raw requests to a sample, and judges the responses."""

import re
import socket
import tomllib
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import runner

ENOUGH = 300_000  # bytes that are read of one response
SMUGGLED = b"BREW /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
ATTACKS = Path(__file__).with_name("attacks.toml").read_text("utf-8")
ATTACKS = SimpleNamespace(**tomllib.loads(ATTACKS))


class Attack(NamedTuple):
    head: bytes
    body: bytes = b""
    cut: bool = False  # the sending half is closed after it

    @property
    def path(self):
        return self.head.decode("latin-1").split(" ")[1].partition("?")[0]

    @property
    def upstream(self):
        """Whether Flask, Werkzeug, gunicorn, or an extension breaks on it."""
        raw = self.head + self.body + b"CUT" * self.cut
        return any(
            re.search(pattern.encode(), raw)
            for pattern in ATTACKS.upstream.values()
        )

    def __str__(self):
        return f"{(self.head + self.body)[:1000]!r}, cut: {self.cut}"


def request(method, target, *lines, body=b"", host="localhost", cut=False):
    """Build a request; it is for `lines` to announce the body."""
    # Only in HTTP/1.0, a request can have no host.
    start = f"HTTP/1.1\r\nHost: {host}" if host is not None else "HTTP/1.0"
    lines = [f"{method} {target} {start}", "Connection: close", *lines, "", ""]
    return Attack("\r\n".join(lines).encode("latin-1"), body, cut)


def sized(method, target, kind, body, *lines, more=0, cut=False):
    """Build a request that announces its body's length, or even `more`."""
    length = len(body) + more
    lines = [f"Content-Type: {kind}", f"Content-Length: {length}", *lines]
    return request(method, target, *lines, body=body, cut=cut)


def chunked(method, target, kind, body, end=b"0\r\n\r\n", cut=False):
    """Build a request whose body comes in chunks and then has that end."""
    parts = [body[i : i + 50_000] for i in range(0, len(body), 50_000)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    lines = [f"Content-Type: {kind}", "Transfer-Encoding: chunked"]
    return request(method, target, *lines, body=body + end, cut=cut)


def exchange(port, attack):
    """Send it and return the answer, b"" if the connection is just closed."""
    answer = b""
    address = "127.0.0.1", port

    with socket.create_connection(address, runner.PATIENCE) as sock:
        # The server can answer before it has read everything.
        with suppress(ConnectionError):
            sock.sendall(attack.head + attack.body)

            if attack.cut:
                sock.shutdown(socket.SHUT_WR)

        with suppress(ConnectionError):
            while len(answer) < ENOUGH and (data := sock.recv(65536)):
                answer += data

    return answer


# -- Judgement --------------------------------------------------------------


def statuses(answer):
    """Return the status codes of an answer, or of several in a row."""
    return [*map(int, re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer))]


def injected(page):
    """Return whether what was sent became a script, attribute, or link."""
    tags = b" ".join(re.findall(rb"<[a-zA-Z][^>]*>", page))
    return (
        b"<script>alert(31337)" in page
        or b"31337" in re.sub(rb"\"[^\"]*\"|'[^']*'", b"", tags)
        or re.search(rb"(href|src|action)=.?\s*javascript:[^\"'>]*31337", tags)
    )


def foreign(location):
    """Return whether a browser at http://localhost/ would leave that host."""
    location = re.sub(r"[\t\r\n]", "", location).strip().replace("\\", "/")
    home = re.match(r"https?://localhost(?:[/?#]|$)", location)
    return re.match(r"//|\w+:", location) and not home


def problem(attack, answer, secrets):
    """Return what is wrong with the answer, or an empty text."""
    if not statuses(answer):
        # gunicorn closes the connection if the request is cut off.
        return "closed without an answer" if answer or not attack.cut else ""

    head, _, body = answer.partition(b"\r\n\r\n")
    code = statuses(head)[0]
    more = statuses(body) if SMUGGLED in attack.body else []
    lines = head.decode("latin-1").lower()
    headers = dict(re.findall(r"(?m)^([\w-]+): *(.*)\r?$", lines))
    # To a request for another host, the redirect can go to that host.
    local = b"\r\nHost: localhost\r\n" in attack.head
    page = re.search("html|xml", headers.get("content-type", "html"))
    wrong = {
        f"status {code}": code >= 500 and not attack.upstream,
        "a traceback": b"Traceback (most recent call last)" in body,
        "a secret": any(secret in body for secret in secrets),
        "a template that ran": b"982007569" in body,
        "a header from outside": "x-injected" in headers,
        "markup from outside": page and injected(body),
        "a way out": local and foreign(headers.get("location", "")),
        # A server can close after its first answer, but must not take what is
        # left of the body for a request. HEAD / is the only other request.
        f"smuggled, {more}": more[1:] or more[:1] >= [400],
    }
    return ", ".join(name for name, found in wrong.items() if found)
