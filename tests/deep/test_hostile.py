"""No request makes a sample answer 5xx, log a traceback or fall silent.

Each test sends one kind of bad request, over real sockets, to everything that
a sample under gunicorn answers, and then asks whether it is still there.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from urllib.parse import quote

import hostile
import pytest
import runner
from hostile import (
    MARKUP,
    MULTIPART,
    NEW_HEADER,
    TEMPLATE,
    URLENCODED,
    chunked,
    encoded,
    filed,
    multipart,
    request,
    sized,
)


def split(text):
    """Return what stands between bars; a bar may begin a new line."""
    return text.replace("\n|", "|").split("|")


KINDS = [URLENCODED, MULTIPART, "application/json", "text/plain"]
ODD_KINDS = f"""|\xff|a;;=/|multipart/form-data|multipart/form-data; boundary=
|text/plain; charset=x|application/json; charset=utf-16
|{URLENCODED}; charset=x"""

WORDS = f"""| |\0|a\0b|-1|0|1e999|NaN|[]|' OR 1=1 --|%|{{x|\u202e\u65e5\u200b
|//evil.test/|/\\evil.test/|/\t/evil.test/|http:evil.test|https://evil.test/
|javascript:alert(31337)|{2**31}|{2**63}|{MARKUP}|{TEMPLATE}|{NEW_HEADER}"""
WORDS = [word.encode() for word in [*split(WORDS), "9" * 5000, "x" * 70_000]]
WORDS += [b"\xff\xfe", b"\xed\xa0\x80"]

FILES = f"""@|@.txt|@../../x.txt|@\\..\\x.txt|@a\0.txt|@x.php|@\u65e5.png
|@{MARKUP}.txt"""
FILES = [name.encode() for name in [*split(FILES), f"@{'x' * 300}.txt"]]
FILES += [b"@\xff.txt"]

JSON = r"""[null, true, -1, 0.5, 1e308, NaN, -Infinity, "", " ", "1", [], {},
    [[]], {"$ne": null}, "\u0000", "\ud800", "x\r\nX-Injected: 1"]"""
JSON = [*json.loads(JSON), MARKUP, TEMPLATE, 2**70, "x" * 70_000]

RAW = r"""|[|{|[]|1|null|NaN|"\ud800"|{}|{"a":1,"a":2}|%|=|%zz=%zz|%ff=%ff|--b
|--b--"""
RAW = [text.encode() for text in [*split(RAW), "x=1&" * 5000]]
RAW += [b"\xff", b"\xef\xbb\xbf{}", "{}".encode("utf-16")]
RAW += [b"[" * 100_000, b'{"a":' * 100_000, b'{"a":%b}' % (b"9" * 5000)]
RAW += [b"--b\r\n\r\n" * 1100, b"--b\r\nX: " + b"x" * 100_000]
RAW += [b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"]

# gunicorn understands none of these. It responds itself to the lines.
CHUNKS = """z\r\n|-1\r\nx\r\n|3\r\nab\r\n0\r\n\r\n|3\r\nabcd|0\r\n|\r\n
|0\r\nx\r\n\r\n"""
CHUNKS = [*split(CHUNKS), "f" * 20 + "\r\n", "1;" + "x" * 9000]
CHUNKS = [end.encode() for end in CHUNKS]
LENGTHS = """Content-Length: x|Content-Length: -1|Content-Length: +3| folded: x
|Content-Length: 3\r\nContent-Length: 4|Bad Name: x|: x|x|\0: x|x: \0
|Content-Length: 3\r\nTransfer-Encoding: chunked"""
CODINGS = "Transfer-Encoding: x|Transfer-Encoding: gzip, chunked"

HOSTS = """localhost.|red.localhost.|LOCALHOST|[::1|[::1]:80|a b||localhost:x
|localhost:99999|evil.test|127.0.0.1|:80|@|-|a@localhost|localhost,evil.test
|\xe9\xff|xn--|xn--a.b|..|red..localhost|.localhost|.
|<script>alert(31337)</script>"""

TARGETS = f"""||/|//|///|//evil.test|//evil.test/|/.//evil.test/|/%5cevil.test
|/%2f%2fevil.test/|/../x|/..|/.|/%2e%2e/|/%00|/%ff|/%c3%a9|/%|/%zz|/;x|/?|/#x
|http://evil.test/|http://evil.test|http://localhost:99999/|https://localhost/
|http://[::1/|ftp://x|evil.test:80|*|x|?x|/a b|/\xe9|/\xff|/\\evil.test
|/%0d%0aX-Injected:%201|/{quote(MARKUP)}|/{quote(TEMPLATE)}|/{MARKUP}"""
TARGETS = [*split(TARGETS), "/" * 3900, "/" + "a/" * 1900]
TARGETS += ["/" + "a" * 3900, "/" + "a" * 8000]
CLIMBS = """../app.py|..%2fapp.py|%2e%2e/app.py|%2e%2e%2fapp.py|..%5capp.py
|app.py|....//app.py|../../app.py|..%2f..%2fapp.py|x/../../app.py|app.py%00.txt
|%252e%252e%252fapp.py|/etc/passwd|%2fetc%2fpasswd|../../../../../etc/passwd
|..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"""

VALUES = f"""|\xff|a,b;c=d|sha-256=:x:|-1|DELETE|GET|PROPFIND|%00|a\tb|*;q=nan
|"|en;q=1e999,*;q=-1|{MARKUP}|{"x" * 8000}"""
HEADERS = """Cookie: =;;=\xff; a; "; session=|Cookie: session=.eJx; user=\xff
|Range: bytes=-1|Range: bytes=9-1|Range: bytes=0-0,-0|Range: bytes=|Range: x=
|Range: bytes=99999999999999999999-|If-Range: x\r\nRange: bytes=0-1
|If-Modified-Since: Thu, 01 Jan 99999 00:00:00 GMT|If-Modified-Since: \xff
|If-Unmodified-Since: Fri, 31 Feb 2026|If-Match: *|If-None-Match: *
|If-None-Match: W/"|Authorization: Basic !|Authorization: Basic /////w==
|Authorization: Digest =|Authorization: Bearer|Content-Encoding: gzip
|Accept: text/html;q=x, */*;q=1e999|Accept: \xff|Expect: x|Upgrade: websocket
|X-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: x\r\nX-Forwarded-Port: x
|X-Forwarded-Prefix: //evil.test\r\nX-Forwarded-For: x|Origin: null
|Forwarded: host=evil.test|Referer: //evil.test|X-HTTP-Method: DELETE"""


# Bodies that are cut off.
longer = partial(sized, more=1, cut=True)
broken = partial(chunked, cut=True, fault="test_broken_chunks")
endless = partial(broken, end=b"")
torn = partial(broken, end=b"9\r\nx")


def changed(value):
    """Yield the JSON object with one member wrong, at any depth."""
    for name, inner in value.items():
        deeper = changed(inner) if isinstance(inner, dict) else ()

        for wrong in [*JSON, *deeper]:
            yield {**value, name: wrong}
            yield {name: wrong}

        yield {key: value[key] for key in value if key != name}

    yield {**value, "": 1, MARKUP: 1}


# -- The promise ------------------------------------------------------------


@pytest.fixture(scope="session")
def costly(live, surface):
    return hostile.costly(surface, live.port)


@pytest.fixture
def attack(live):
    """A function that sends attacks, judges the responses, and looks after."""

    def send(attacks, secrets=()):
        attacks = list(attacks)
        upstream = [it for it in attacks if it.upstream]
        own = [it for it in attacks if not it.upstream]
        since = len(live.log.read_text(errors="replace"))
        send_all(own, secrets)
        assert not (complaints := live.complaints(since)), complaints[-3000:]
        send_all(upstream, secrets)
        # All workers are the first ones.
        assert live.log.read_text(errors="replace").count("Booting") == 2

    def send_all(attacks, secrets):
        exchange = partial(hostile.exchange, live.port)
        pool = ThreadPoolExecutor(8)

        try:
            answers = list(pool.map(exchange, attacks))
        finally:
            pool.shutdown(cancel_futures=True)

        problems = [
            f"{found}: {attack}"
            for attack, answer in zip(attacks, answers, strict=True)
            if (found := hostile.problem(attack, answer, secrets))
        ]
        assert not problems, "\n".join([*problems[:9], f"{len(problems)} bad"])

        for _ in range(4):
            codes = hostile.statuses(exchange(request("GET", "/")))
            assert codes and codes[0] < 400, codes

    return send


@pytest.fixture
def pairs(costly):
    """A function: each target with each thing; some targets with a few."""

    def pair(targets, things, few=()):
        few = {*costly, *few}
        return [
            (to, it)
            for number, (to, it) in enumerate(product(targets, things))
            if number % 13 == 0 or to not in few
        ]

    return pair


def test_query_strings(surface, pairs, attack):
    queries = ["a&" * 1900, "x=1&" * 950, "=", "&&", "%", "%zz", "%ff=%ff"]
    queries += ["%00", "q[$ne]=", "_method=DELETE", "__debugger__=yes"]

    for name, word in product(surface.queries, WORDS):
        queries.append(encoded({name: word[:900]}).decode())

    reads = dict.fromkeys(
        (get, path.partition("?")[0]) for get, path in surface.reads
    )
    attack(
        request(method, f"{path}?{query}")
        for (method, path), query in pairs(reads, queries)
    )


def test_forms(surface, costly, attack):
    attacks = []

    for method, target, fields, lines in surface.forms:
        variants = [fields, *(dict.fromkeys(fields, word) for word in WORDS)]

        for name, value in fields.items():
            words = WORDS + FILES if value.startswith(b"@") else WORDS
            variants += [{**fields, name: word} for word in words]
            variants += [{key: fields[key] for key in fields if key != name}]

        few = 5 if (method, target) in costly else 1
        attacks += [
            filed(method, target, it, *lines) for it in variants[::few]
        ]

    attack(attacks)


def test_json(surface, pairs, attack):
    bodies = dict.fromkeys(
        json.dumps(wrong).encode()
        for value in surface.objects
        for wrong in changed(value)
    )
    attack(
        sized(*to, "application/json", body)
        for to, body in pairs(surface.writes, bodies)
    )


def test_bodies(surface, pairs, attack):
    good = [encoded(surface.fields), multipart(surface.fields), b'{"a":"b"}']
    large = b"a=" + b"x" * 2_000_000
    kinds = KINDS + split(ODD_KINDS)
    bodies = [
        *product([sized, chunked], KINDS, RAW),
        *product([sized, chunked], [URLENCODED, "text/plain"], [large]),
        *product([sized], kinds, [b"", *good]),
        *product([sized], KINDS, [body[: len(body) // 2] for body in good]),
        *product([longer, endless, torn], KINDS, good),
    ]
    others = [("GET", "/"), ("POST", "/no/such")]
    targets = surface.writes + others
    attacks = [
        build(*to, *it) for to, (build, *it) in pairs(targets, bodies, others)
    ]
    attacks += [
        request(*to, f"Content-Type: {kind}")
        for to, kind in pairs(targets, kinds, others)
    ]
    # No body comes. If a sample has a limit, it rejects this without waiting.
    attacks += [
        sized(*to, kind, b"", more=10**12, cut=not surface.limited)
        for to, kind in product(surface.writes, KINDS)
    ]
    attack(attacks)


def test_broken_framing(surface, attack):
    targets = [*surface.writes, ("GET", "/")]
    attacks = [
        broken(*to, kind, b"a=b", end=end)
        for to, kind, end in product(targets, KINDS, CHUNKS)
    ]
    attacks += [
        request(*to, line, body=b"a=b", cut=True)
        for to, line in product(targets, split(LENGTHS))
    ]
    attacks += [
        request(*to, line, body=b"a=b", cut=True, fault="test_broken_chunks")
        for to, line in product(targets, split(CODINGS))
    ]
    attack(attacks)


def test_hosts(surface, pairs, attack):
    others = [("GET", "/no/such"), ("PROPFIND", "/")]
    targets = surface.reads + surface.writes + others
    hosts = [*split(HOSTS), "x" * 300, None]
    attacks = [request(*to, host=host) for to, host in pairs(targets, hosts)]
    # In HTTP/1.0 none is needed.
    attacks += [
        it._replace(head=it.head.replace(b" HTTP/1.1", b" HTTP/1.0"))
        for it in attacks
        if b"Host:" not in it.head
    ]
    attack(attacks)


def test_paths(folder, surface, attack):
    rules = [rule["rule"] for rule in runner.url_map(folder)]
    below = {rule.partition("<")[0].rstrip("/") for rule in rules}
    climbs = ["/".join(it) for it in product(below, split(CLIMBS))]
    to = product(["GET", "HEAD", "POST", "OPTIONS"], TARGETS + climbs)
    secrets = [(folder / "app.py").read_bytes().splitlines()[0], b"root:x:0:"]
    attack([request(*it) for it in to], secrets)


def test_no_body_is_taken_for_a_request(surface, pairs, attack):
    """A refusal that leaves a body unread must not leave it to be parsed."""
    attacks = []
    last = request("HEAD", "/").head
    body = b"BREW /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    bodies = [
        *product([sized, chunked], KINDS, [body, body * 1000]),
        *product(
            [sized, chunked], ["text/plain"], [body * 4000, body * 40_000]
        ),
    ]
    others = [("POST", "/"), ("POST", "/no/such"), ("GET", "/")]

    for to, (build, *it) in pairs([*surface.writes, *others], bodies):
        first = build(*to, *it, two=True)
        head = first.head.replace(b"Connection: close\r\n", b"")
        attacks.append(first._replace(head=head, body=first.body + last))

    attack(attacks)


def test_headers(surface, pairs, attack):
    values = split(VALUES)
    lines = split(HEADERS)
    lines += map(": ".join, product(surface.headers, values))

    for value in values:
        cookies = [f"{name}={value}" for name in surface.fields]
        lines.append(f"Cookie: {'; '.join(cookies)}")

    body = encoded(surface.fields)
    attacks = [request(*to, line) for to, line in pairs(surface.reads, lines)]
    attacks += [
        sized(*to, URLENCODED, body, line)
        for to, line in pairs(surface.writes, lines)
    ]
    attack(attacks)


def test_methods(surface, attack):
    methods = ["GET", "HEAD", *hostile.WRITING, "OPTIONS", "PROPFIND", "TRACE"]
    paths = [*surface.paths, *surface.odd]
    attack(request(*to) for to in product(methods, paths))
