"""No request makes a sample answer 5xx, log a traceback, or fall silent.

Each test sends one kind of bad request, over real sockets, to everything that
a sample under gunicorn answers, and then looks whether it is still there.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, product
from urllib.parse import quote, urlencode

import pytest
import runner
from crawl import crawl
from hostile import (
    ATTACKS,
    SMUGGLED,
    Attack,
    chunked,
    exchange,
    problem,
    request,
    sized,
)
from surface import WRITING, Client, form, read

WORDS = [*ATTACKS.words, "9" * 5000, "x" * 8000]
JSON = json.loads(ATTACKS.json) + WORDS
FIELDS = [word.encode() for word in WORDS]
FIELDS += [b"x" * 70_000, b"\xff\xfe", b"\xed\xa0\x80"]
BODIES = [text.encode() for text in ATTACKS.bodies]
BODIES += [b"\xff", "{}".encode("utf-16"), b"x=1&" * 5000, b"[" * 100_000]
BODIES += [b'{"a":' * 100_000, b'{"a":%b}' % (b"9" * 5000), b"x" * 2_000_000]
BODIES += [b"--b\r\n\r\n" * 1100, b"--b\r\nX: " + b"x" * 100_000]
# Bodies that end too early.
CUT = [partial(sized, more=more, cut=True) for more in (1, 10**12)]
CUT += [partial(chunked, end=it.encode(), cut=True) for it in ATTACKS.chunks]


@pytest.fixture(scope="session")
def surface(sample, live):
    """What the sample answers, after everything was sent eight times."""
    found = read(sample.name)
    found.client = Client(live.url)

    # Two workers that share nothing need some things each.
    for ask, number in product(found.asks, range(8)):
        if ask.method == "POST":
            found.client.send(ask.marked(f"good{number}"))

    found.asks = [ask.marked("good") for ask in found.asks]
    targets = [(ask.method, ask.path) for ask in found.asks]
    found.reads = [it for it in targets if it[0] == "GET"]
    found.writes = [it for it in targets if it[0] != "GET"]
    found.writes.append(("POST", "/no/such"))
    fields = [found.client.fields(ask).items() for ask in found.asks]
    found.fields = dict(chain(*fields)) or {"q": b"good"}
    return found


@pytest.fixture
def attack(folder, live, surface):
    """A function that sends attacks, judges the responses, and looks after."""
    secrets = [(folder / "app.py").read_bytes().splitlines()[0], b"root:x:0:"]
    few = [*surface.slow, "/no/such"]

    def send(attacks):
        attacks = [
            attack
            for number, attack in enumerate(attacks)
            if number % 5 == 0 or attack.path not in few
        ]
        since = len(live.output())
        send_all([it for it in attacks if not it.upstream])
        assert not (complaints := live.complaints(since)), complaints[-3000:]
        send_all([it for it in attacks if it.upstream])
        assert all(runner.fetch(f"{live.url}/").status < 400 for _ in "four")
        assert len(live.workers()) == 2, "A worker has died."

    def send_all(attacks):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(partial(exchange, live.port), attacks))

        problems = [
            f"{found}: {attack}"
            for attack, answer in zip(attacks, answers, strict=True)
            if (found := problem(attack, answer, secrets))
        ]
        assert not problems, "\n".join([*problems[:9], f"{len(problems)} bad"])

    return send


def test_surface_is_declared(sample, live, surface):
    """surface.toml names all rules, and where links and forms lead."""
    needed = [
        (method, re.sub("<.+?>", "x", rule), {})
        for rule, methods in runner.routes(sample)
        for method in {*methods} - {"HEAD", "OPTIONS"}
    ]

    for page in crawl(live):
        needed += [("GET", url, {}) for url in page.links]
        needed += page.forms

    missing = [
        (method, path, [*fields])
        for method, url, fields in needed
        if (path := url.removeprefix(live.url)).startswith("/")
        and not any(ask.covers(method, path, fields) for ask in surface.asks)
    ]
    assert not missing, f"Add this to [{sample.name}] in surface.toml."


def test_query_strings(surface, attack):
    asks = [ask for ask in surface.asks if ask.method == "GET"]
    names = {"page", "q"}.union(*(ask.fields for ask in asks))
    pairs = product(names, [word[:900] for word in FIELDS])
    queries = [*ATTACKS.queries, "a&" * 1900, "x=1&" * 950]
    queries += [urlencode([pair]) for pair in pairs]
    attack(
        request(method, f"{path.partition('?')[0]}?{query}")
        for (method, path), query in product(surface.reads, queries)
    )


def test_forms(surface, attack):
    fields = surface.fields
    forms = [fields, *(dict.fromkeys(fields, word) for word in FIELDS)]

    for name, value in fields.items():
        at = value[: value.startswith(b"@")]
        forms += [fields | {name: at + word} for word in FIELDS]
        forms += [{key: fields[key] for key in fields if key != name}]

    cookie = f"Cookie: {surface.client.cookie}"
    attack(
        sized(*to, *form(it), cookie)
        for to, it in product(surface.writes, forms)
    )


def changed(value):
    """Yield the JSON object with one member wrong, at any depth."""
    for name, inner in value.items():
        deeper = changed(inner) if isinstance(inner, dict) else ()

        for wrong in [*JSON, *deeper]:
            yield {**value, name: wrong}
            yield {name: wrong}

        yield {key: value[key] for key in value if key != name}

    yield {**value, "": 1}


def test_json(surface, attack):
    values = [it.body for it in surface.asks if isinstance(it.body, dict)]
    values.append(dict.fromkeys(surface.fields, "good"))
    bodies = [json.dumps(it).encode() for it in values for it in changed(it)]
    attack(
        sized(*to, "application/json", body)
        for to, body in product(surface.writes, bodies)
    )


def test_bodies(surface, attack):
    good = [form(surface.fields)[1], form({"file": b"@x.txt"})[1], b'{"a":1}']
    short = [body[: len(body) // 2] for body in good]
    kinds = ATTACKS.types + ATTACKS.odd_types
    bodies = [
        *product([sized, chunked], ATTACKS.types, BODIES),
        *product([sized], kinds, [*good, *short]),
        *product(CUT, ATTACKS.types, good[1:2]),
        *product([partial(request, body=b"a=b", cut=True)], ATTACKS.lengths),
    ]
    targets = product(surface.writes, bodies)
    attack(build(*to, *it) for to, (build, *it) in targets)


def test_hosts(surface, attack):
    targets = surface.reads + surface.writes
    hosts = [*ATTACKS.hosts, "x" * 300, None]
    attack(request(*to, host=host) for to, host in product(targets, hosts))


def test_paths(surface, attack):
    targets = [ask.target for ask in surface.asks]
    below = {re.split("[{?]", target)[0].rstrip("/") for target in targets}
    climbs = map("/".join, product(below, ATTACKS.climbs))
    long = [f"/{it * 3900}" for it in ("/", "a", "a/")]
    odd = [
        re.sub("{.*?}", quote(word[:900], safe="%"), target)
        for target, word in product(targets, WORDS)
        if "{" in target
    ]
    paths = dict.fromkeys([*ATTACKS.targets, *climbs, *long, *odd])
    methods = ["GET", "HEAD", "POST", "OPTIONS"]
    attack(request(*to) for to in product(methods, paths))


def test_no_body_is_taken_for_a_request(surface, attack):
    """A refusal that leaves a body unread must not leave it to be parsed."""
    last = request("HEAD", "/").head
    bodies = product(ATTACKS.types, [SMUGGLED, SMUGGLED * 1000])
    bodies = [*bodies, ("text/plain", SMUGGLED * 40_000)]
    targets = [*surface.writes, ("GET", "/")]
    attacks = []

    for to, build, it in product(targets, [sized, chunked], bodies):
        head, body, _ = build(*to, *it)
        head = head.replace(b"Connection: close\r\n", b"")
        attacks.append(Attack(head, body + last))

    attack(attacks)


def test_headers(surface, attack):
    words = [word.encode().decode("latin-1") for word in WORDS]
    lines = [ATTACKS.read.replace("WORD", word) for word in words]
    targets = surface.reads + surface.writes
    attack(
        sized(*to, *form(surface.fields), line)
        for to, line in product(targets, ATTACKS.headers + lines)
    )


def test_methods(surface, attack):
    methods = [*WRITING, "GET", "HEAD", "OPTIONS", "PROPFIND", "TRACE"]
    paths = {path for _, path in surface.reads + surface.writes}
    attack(request(*to) for to in product(methods, paths))
