"""Sends raw requests to a sample, judges the answers, knows what to ask."""

import contextlib
import html.parser
import json
import re
import socket
import time
from itertools import pairwise, product
from types import SimpleNamespace
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

import runner

PATIENCE = 30  # seconds for one answer
COSTLY = 0.03  # seconds that tell a slow answer, a password's hash for one
ENOUGH = 300_000  # bytes that are read of one answer
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
WRITING = ["POST", "PUT", "PATCH", "DELETE"]

# What is sent, and must not come back as it is.
MARKUP = "\"'><script>alert(31337)</script> onload=alert(31337) x="
TEMPLATE, RESULT = "{{31337*31337}}", b"982007569"
NEW_HEADER = "x\r\nX-Injected: 1"


# -- Sockets ----------------------------------------------------------------


class Attack(NamedTuple):
    head: bytes
    body: bytes = b""
    cut: bool = False  # the sending half is closed behind it
    broken: int = 0  # gunicorn itself may answer this, or nothing
    two: bool = False  # the body ends in a HEAD /, a request of its own

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
    deadline = time.monotonic() + PATIENCE

    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
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


def cost(port, attack):
    """Return the seconds that the quickest of three answers takes."""
    times = [time.monotonic()]

    for _ in range(3):
        exchange(port, attack)
        times.append(time.monotonic())

    return min(end - start for start, end in pairwise(times))


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
        unclear = not answer and (attack.cut or attack.broken)
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
        f"status {code}": code >= 500 and code != attack.broken,
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
    """The links and the forms of a page."""

    def __init__(self, path, answer, known):
        super().__init__()
        head, _, body = answer.decode("utf-8", "replace").partition("\r\n\r\n")
        cookies = "; ".join(re.findall(r"(?im)^set-cookie: *([^;\r]+)", head))
        self.lines = [f"Cookie: {cookies}"] if cookies else []
        self.base, self.known, self.links, self.forms = path, known, [], []
        self.feed(body if "text/html" in head.lower() else "")

    def local(self, link):
        """Return the path that a link leads to, "/" for another host's."""
        parts = urlsplit(urljoin(f"http://localhost{self.base}", link))
        query = f"?{parts.query}" if parts.query else ""
        return parts.path + query if parts.netloc == "localhost" else "/"

    def form(self, method="get", action=""):
        target = self.local(action)
        self.forms.append(Form(method.upper(), target, {}, self.lines))

    def handle_starttag(self, tag, attrs):
        attrs = {name: value or "" for name, value in attrs}

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
    """Return what a sample answers, by its rules, its pages and its README.

    `paths` is {path: methods}, `reads` and `writes` are [(method, path)] of
    it and `costly` those that take long, `odd` are paths with bad arguments,
    `forms` those of the pages and one for each other write, `fields` what
    they all ask for, `objects` what to send as JSON, `data` what the README
    sends as forms, `headers` the names of those that are mentioned.
    """
    rules = runner.url_map(folder)
    source = "".join(path.read_text() for path in runner.sources(folder))
    readme = (folder / "README.md").read_text()
    found = re.findall(r"localhost:8000(/[^\s'\"`\\)]*)", readme)
    sent = r"-(?:d|F|-data\S*|-json) ('[^']*'|\"[^\"]*\"|\S+)"
    data = [text.strip("'\"") for text in re.findall(sent, readme)]
    lines = [re.findall(sent, line) for line in readme.splitlines()]
    lines = [parse_qsl(re.sub("['\"]", "", "&".join(it))) for it in lines]
    known = {name: it for text in data for name, it in parse_qsl(text)}
    # The code, too, tells what it looks up in a request.
    asked = r"\.(?:args|cookies|files|form|values)\W+(?:get\w*\W+)?(\w+)[\"']"
    fields = dict.fromkeys(re.findall(asked, source), b"a good word")
    fields |= {name: it.encode() for name, it in known.items()} | {"q": b"a"}
    paths, odd, forms, objects = {"/": {"GET"}}, [], [], []

    for text in data:
        with contextlib.suppress(ValueError):
            objects += [json.loads(text)] if text.startswith("{") else []

    # What can be changed has to be made, more than once for two workers.
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

    # An app that is mounted stands in no map, but maybe on the first page.
    found += page("/").links

    for rule in rules:
        path, *bad = filled(rule)
        like = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"(?:{\1[1]})", rule["rule"])
        like = like.format_map(rule["arguments"])
        real = [it for it in found if re.fullmatch(like, it)] or [path]
        paths.setdefault(real[0], set()).update(rule["methods"])
        odd += bad

        # What is deleted cannot be changed any more.
        if real[0] != path and "DELETE" in rule["methods"]:
            paths[real[0]].remove("DELETE")
            paths.setdefault(path, set()).add("DELETE")

    gets = [path for path in paths if "GET" in paths[path]] + found
    # Of many alike, as /items/1 and /items/2, one will do.
    gets = {re.sub(r"\d+", "0", path): path for path in gets}
    gets = [*gets.values()][:40]

    for path in gets:
        paths.setdefault(path, {"GET"})
        forms += page(path).forms

    for form in forms:
        paths.setdefault(form.target, set()).add(form.method)
        fields |= form.fields

    objects.append({name: value.decode() for name, value in fields.items()})
    writes = [to for to in product(WRITING, paths) if to[0] in paths[to[1]]]
    done = [form[:2] for form in forms]
    forms += [Form(*to, fields, []) for to in writes if to not in done]
    reads = [("GET", path) for path in gets]
    targets = {to: request(*to) for to in reads}
    targets |= {to: filed(*to, fields) for to in writes}
    costly = [to for to, it in targets.items() if cost(port, it) > COSTLY]
    headers = set(re.findall(r"[\"']([A-Z]\w*(?:-[A-Z]\w*)+)[\"']", source))
    headers |= set(re.findall(r"-H [\"']?([\w-]+):", readme))
    headers -= {"Content-Length", "Transfer-Encoding"}
    return SimpleNamespace(
        paths=paths, odd=odd, reads=reads, writes=writes, forms=forms,
        fields=fields, objects=objects, headers=sorted(headers), costly=costly,
        data=[{k: v.encode() for k, v in line} for line in lines if line],
    )  # fmt: skip
