"""Sends raw requests to a sample, judges the answers, knows what to ask."""

import contextlib
import html.parser
import json
import re
import socket
import time
from itertools import product
from types import SimpleNamespace
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

import runner

COSTLY = 0.03  # seconds that tell a slow answer, a password's hash for one
ENOUGH = 300_000  # bytes that are read of one answer
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
WRITING = ["POST", "PUT", "PATCH", "DELETE"]

# Some requests break Flask, Werkzeug, gunicorn or an extension by themselves,
# so a sample can respond with 500. Each key is a test of test_upstream.py that
# shows whose fault it is. The pair finds such requests: a part of them, and
# what it contains. Requests without a pair are marked where they are built.
UPSTREAM = {
    "test_json_nested_too_deep": ("json", rb"(\[|{\"a\":){1000}"),
    "test_json_with_a_lone_surrogate": ("json", rb"\\ud[89a-f]"),
    "test_json_with_nan": ("json", rb"NaN|Infinity|1e999"),
    "test_json_with_a_field_called_self": ("json", rb'"self":'),
    "test_a_long_number_of_a_page": ("query", rb"page=\d{19}"),
    "test_a_part_without_a_name": (
        "body",
        rb"\nContent-Disposition: form-data\r\n\r",
    ),
    "test_a_host_with_broken_punycode": ("host", rb"^xn--(a\.b)?$"),
    "test_broken_chunks": None,
}

# What is sent, and must not come back as it is.
MARKUP = "\"'><script>alert(31337)</script> onload=alert(31337) x="
TEMPLATE, RESULT = "{{31337*31337}}", b"982007569"
NEW_HEADER = "x\r\nX-Injected: 1"


# -- Sockets ----------------------------------------------------------------


class Attack(NamedTuple):
    head: bytes
    body: bytes = b""
    cut: bool = False  # the sending half is closed after it
    two: bool = False  # the body ends in a HEAD /, a request of its own
    fault: str = ""  # a key of UPSTREAM

    @property
    def upstream(self):
        """The key of UPSTREAM that it belongs to, or an empty string."""
        line, *headers = self.head.split(b"\r\n")
        headers = dict(it.split(b": ", 1) for it in headers if b": " in it)
        kind = headers.get(b"Content-Type", b"").partition(b";")[0]
        parts = {
            "body": self.body,
            "host": headers.get(b"Host", b""),
            "json": self.body if kind == b"application/json" else b"",
            "query": line.partition(b"?")[2],
        }
        found = (
            name
            for name, pair in UPSTREAM.items()
            if pair and re.search(pair[1], parts[pair[0]])
        )
        return self.fault or next(found, "")

    def __str__(self):
        raw = self.head + self.body
        short = re.sub(
            rb"(?s)(.{1,8}?)\1{40,}",
            lambda m: b"%b(x %d)" % (m[1], len(m[0]) // len(m[1])),
            raw,
        )
        cut = ", then cut off" if self.cut else ""
        return f"{short[:1000]!r} ({len(raw)} bytes{cut})"


def request(method, target, *lines, body=b"", host="localhost", **flags):
    """Build a request; it is for `lines` to announce the body."""
    lines = [f"{method} {target} HTTP/1.1", "Connection: close", *lines]

    if host is not None:
        lines.insert(1, f"Host: {host}")

    head = "".join(f"{line}\r\n" for line in [*lines, ""])
    return Attack(head.encode("latin-1"), body, **flags)


def sized(method, target, kind, body, *lines, more=0, **flags):
    """Build a request that announces its body's length, or even `more`."""
    length = len(body) + more
    lines = [f"Content-Type: {kind}", f"Content-Length: {length}", *lines]
    return request(method, target, *lines, body=body, **flags)


def chunked(method, target, kind, body, end=b"0\r\n\r\n", **flags):
    """Build a request whose body comes in chunks and then has that end."""
    parts = [body[i : i + 50_000] for i in range(0, len(body), 50_000)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    lines = [f"Content-Type: {kind}", "Transfer-Encoding: chunked"]
    return request(method, target, *lines, body=body + end, **flags)


def encoded(fields):
    """Return the fields, whose values are bytes, as a form sends them."""
    pairs = [f"{quote(name)}={quote(fields[name])}" for name in fields]
    return "&".join(pairs).encode()


def multipart(fields):
    """Return the fields as parts; a value that starts with "@" is a file."""
    body = b""

    for name, value in fields.items():
        body += b"--b\r\nContent-Disposition: form-data; "
        body += b'name="%b"' % name.encode()

        if value.startswith(b"@"):
            file = value[1:].replace(b'"', b"%22")
            body += b'; filename="%b"\r\nContent-Type: text/plain' % file

        body += b"\r\n\r\n%b\r\n" % value

    return body + b"--b--\r\n"


def filed(method, target, fields, *lines):
    """Build what a browser sends for a form of these fields."""
    if method == "GET":
        short = {name: value[:900] for name, value in fields.items()}
        target = f"{target.partition('?')[0]}?{encoded(short).decode()}"
        return request(method, target, *lines)

    if any(value.startswith(b"@") for value in fields.values()):
        return sized(method, target, MULTIPART, multipart(fields), *lines)

    return sized(method, target, URLENCODED, encoded(fields), *lines)


def exchange(port, attack):
    """Send it and return the answer, b"" if the connection is just closed.

    Raises TimeoutError if the answer does not come, or does not end.
    """
    answer = b""
    deadline = time.monotonic() + runner.PATIENCE

    with socket.create_connection(
        ("127.0.0.1", port), runner.PATIENCE
    ) as sock:
        try:
            sock.sendall(attack.head + attack.body)

            if attack.cut:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It may answer before it has read everything.

        try:
            while len(answer) < ENOUGH and (data := sock.recv(65536)):
                answer += data

                if time.monotonic() > deadline:
                    raise TimeoutError
        except ConnectionResetError:
            pass  # What came before that counts.
        except TimeoutError:
            raise TimeoutError(f"no whole answer to {attack}") from None

    return answer


def slow(port, attack):
    """Whether each of up to three answers is a costly one."""
    for _ in range(3):
        start = time.monotonic()
        exchange(port, attack)

        if time.monotonic() - start < COSTLY:
            return False

    return True


# -- Judgement --------------------------------------------------------------


def statuses(answer):
    """Return the status codes of an answer, or of several in a row."""
    return [
        int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)
    ]


def injected(page):
    """Whether what was sent became a script, an attribute or a link."""
    tags = b" ".join(re.findall(rb"<[a-zA-Z][^>]*>", page))
    return (
        b"<script>alert(31337)" in page
        or b"31337" in re.sub(rb"\"[^\"]*\"|'[^']*'", b"", tags)
        or re.search(rb"(href|src|action)=.?\s*javascript:[^\"'>]*31337", tags)
    )


def foreign(location):
    """Whether a browser at http://localhost/ would leave that host."""
    location = re.sub(r"[\t\r\n]", "", location).strip().replace("\\", "/")
    home = re.match(r"https?://localhost(?:[/?#]|$)", location)
    return re.match(r"//|\w+:", location) and not home


def problem(attack, answer, secrets=()):
    """Return what is wrong with the answer, or a text that is empty."""
    if not statuses(answer):
        unclear = not answer and attack.cut
        return "" if unclear else "closed without an answer"

    head, _, body = answer.partition(b"\r\n\r\n")
    code = statuses(head)[0]
    more = statuses(body) if attack.two else []
    headers = dict(
        re.findall(r"(?m)^([\w-]+): *(.*)\r?$", head.decode("latin-1").lower())
    )
    # To another Host it may well say: stay at that host.
    local = b"\r\nHost: localhost\r\n" in attack.head
    page = re.search("html|xml", headers.get("content-type", "html"))
    wrong = {
        f"status {code}": code >= 500 and not attack.upstream,
        "a traceback": b"Traceback (most recent call last)" in body,
        "a secret": any(secret in body for secret in secrets),
        "a template that ran": RESULT in body,
        "a header from outside": "x-injected" in headers,
        "markup from outside": page and injected(body),
        "a way out": local and foreign(headers.get("location", "")),
        # A server may close behind its first answer, but must not take what
        # is left of the body for a request: HEAD / is the only other one.
        f"smuggled, {more}": more[1:] or more[:1] >= [400],
    }
    return ", ".join(name for name, found in wrong.items() if found)


# -- What a sample answers --------------------------------------------------

INTEGERS = ["1", "0", "-1", "1.5", "%D9%A3", f"{2**31}", f"{2**63}", "9" * 400]
TEXTS = ["x", ".", "..%2fapp.py", "%2e%2e", "%00", "%ff", "x" * 300, "%27"]
TEXTS += map(quote, [MARKUP, TEMPLATE, NEW_HEADER, "\u202e\u65e5\U0001d54f"])
# What a field holds, unless the README or the page has a value for it.
USUAL = {"email": "a@example.org", "number": "7", "file": "@notes.txt"}


class Form(NamedTuple):
    method: str
    target: str
    fields: dict  # {name: bytes}; a file is "@" and its name
    lines: list  # headers that a browser would send with it


class Page(html.parser.HTMLParser):
    """The links and the forms of a page; what can be chosen is chosen."""

    def __init__(self, path, answer, known=()):
        super().__init__()
        self.select = None
        head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
        cookies = "; ".join(re.findall(r"(?im)^set-cookie: *([^;\r]+)", head))
        self.lines = [f"Cookie: {cookies}"] if cookies else []
        self.base, self.known = path, dict(known)
        self.links, self.forms = [], []
        self.feed(body if "text/html" in head.lower() else "")

    def local(self, link):
        """Return the path that a link leads to, "/" for another host's."""
        parts = urlsplit(urljoin(f"http://localhost{self.base}", link))
        query = f"?{parts.query}" if parts.query else ""
        return parts.path + query if parts.netloc == "localhost" else "/"

    def form(self, method="get", action=""):
        target = self.local(action)
        self.forms.append(Form(method.upper(), target, {}, self.lines))

    def choose(self, value):
        self.forms[-1].fields[self.select] = value.encode()
        self.select = None

    def handle_data(self, data):
        if self.select and self.lasttag == "option" and data.strip():
            self.choose(data.strip())

    def handle_starttag(self, tag, attrs):
        attrs = {name: value or "" for name, value in attrs}

        if tag != "option":
            self.select = tag == "select" and attrs.get("name")
        elif self.select and attrs.get("value"):
            self.choose(attrs["value"])

        if tag == "base":
            self.base = self.local(attrs["href"])
        elif tag == "form":
            self.form(attrs.get("method", "get"), attrs.get("action", ""))
        elif tag in {"input", "select", "textarea", "button"}:
            if not self.forms:
                self.form()

            if name := attrs.get("name"):
                usual = USUAL.get(attrs.get("type"), "a good word")
                value = self.known.get(name) or attrs.get("value") or usual
                self.forms[-1].fields[name] = value.encode()
        elif link := attrs.get("href") or attrs.get("src"):
            self.links.append(self.local(link))


def filled(rule):
    """Yield the rule's path with good arguments, then with each bad one."""
    values = {}

    for name, (converter, regex) in rule["arguments"].items():
        items = re.sub(r"^\(\?:|\\|\)$", "", regex).split("|")
        kinds = {"Integer": INTEGERS, "Float": INTEGERS, "Any": items + TEXTS}
        values[name] = kinds.get(converter.removesuffix("Converter"), TEXTS)

    good = {name: choice[0] for name, choice in values.items()}
    bad = [{name: it} for name, choice in values.items() for it in choice[1:]]

    for one in [{}, *bad]:
        path = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule["rule"])
        yield path.format_map(good | one)


def surface(folder, port):
    """Return what a sample can be asked, by its rules, pages and README.

    `paths` is {path: methods}, `reads` and `writes` are [(method, path)] of
    it, `odd` are paths with bad arguments, `forms` those of the pages and one
    for each other write, `fields` what they all contain, `queries` the names
    that a query can contain, `objects` what to send as JSON, `data` what the
    README sends as forms, `headers` the names of those that are mentioned,
    and `limited` tells whether the sample limits the length of a body.
    """
    rules = runner.url_map(folder)
    source = "".join(
        path.read_text("utf-8") for path in runner.sources(folder)
    )
    readme = (folder / "README.md").read_text("utf-8")
    found = re.findall(r"localhost:8000(/[^\s'\"`\\)]*)", readme)
    sent = r"-(?:d|F|-data\S*|-json) ('[^']*'|\"[^\"]*\"|\S+)"
    data = [text.strip("'\"") for text in re.findall(sent, readme)]
    lines = [re.findall(sent, line) for line in readme.splitlines()]
    lines = [parse_qsl(re.sub("['\"]", "", "&".join(it))) for it in lines]
    known = {name: it for text in data for name, it in parse_qsl(text)}
    # The code also shows which fields it reads from a request.
    asked = r"\.(args|cookies|files|form|values)\W+(?:get\w*\W+)?(\w+)[\"']"
    asked = re.findall(asked, source)
    fields = {name: b"a good word" for _, name in asked}
    fields |= {name: it.encode() for name, it in known.items()} | {"q": b"a"}
    queries = {"page", "q"} | {
        name for place, name in asked if place in ("args", "values")
    }
    queries |= {
        name for path in found for name, _ in parse_qsl(urlsplit(path).query)
    }
    paths, odd, forms, objects = {"/": {"GET"}}, [], [], []

    for text in data:
        with contextlib.suppress(ValueError):
            objects += [json.loads(text)] if text.startswith("{") else []

    # Only something that exists can be changed. Two workers, which share
    # nothing, need several.
    for rule in rules * 4:
        if "POST" in rule["methods"] and not rule["arguments"]:
            to = "POST", rule["rule"]
            texts = [json.dumps(it).encode() for it in objects]
            makers = [sized(*to, "application/json", text) for text in texts]

            for maker in [filed(*to, fields), *makers]:
                place = rb"(?i)\nLocation: (?:http://localhost)?(/\S*)"
                places = re.findall(place, exchange(port, maker))
                found += [place.decode() for place in places]

    def page(path):
        return Page(path, exchange(port, request("GET", path)), known)

    # No map contains an app that is mounted, but the first page links to it.
    found += page("/").links

    for rule in rules:
        path, *bad = filled(rule)
        like = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"(?:{\1[1]})", rule["rule"])
        like = like.format_map(rule["arguments"])
        real = [it for it in found if re.fullmatch(like, it)] or [path]
        paths.setdefault(real[0], set()).update(rule["methods"])
        odd += bad

        # Nothing can change what was deleted.
        if real[0] != path and "DELETE" in rule["methods"]:
            paths[real[0]].remove("DELETE")
            paths.setdefault(path, set()).add("DELETE")

    gets = [path for path in paths if "GET" in paths[path]] + found
    # Of paths that are alike, such as /items/1 and /items/2, one is enough.
    gets = {re.sub(r"\d+", "0", path): path for path in gets}
    gets = [*gets.values()][:40]

    for path in gets:
        paths.setdefault(path, {"GET"})
        forms += page(path).forms

    # Many pages contain the same form.
    forms = {(*form[:2], *form.fields): form for form in forms}
    forms = [*forms.values()]

    for form in forms:
        paths.setdefault(form.target, set()).add(form.method)
        fields |= form.fields
        queries |= form.fields.keys() if form.method == "GET" else set()

    objects.append({name: value.decode() for name, value in fields.items()})
    writes = [to for to in product(WRITING, paths) if to[0] in paths[to[1]]]
    done = [form[:2] for form in forms]
    forms += [Form(*to, fields, []) for to in writes if to not in done]
    headers = set(re.findall(r"[\"']([A-Z]\w*(?:-[A-Z]\w*)+)[\"']", source))
    headers |= set(re.findall(r"-H [\"']?([\w-]+):", readme))
    headers -= {"Content-Length", "Transfer-Encoding"}
    return SimpleNamespace(
        paths=paths, odd=odd, reads=[("GET", path) for path in gets],
        writes=writes, forms=forms, fields=fields, queries=sorted(queries),
        objects=objects, headers=sorted(headers),
        limited="MAX_CONTENT_LENGTH" in source,
        data=[{k: v.encode() for k, v in line} for line in lines if line],
    )  # fmt: skip


def costly(found, port):
    """Return the pairs of method and path whose responses take long."""
    targets = {to: request(*to) for to in found.reads}
    targets |= {to: filed(*to, found.fields) for to in found.writes}
    return {to for to, it in targets.items() if slow(port, it)}
