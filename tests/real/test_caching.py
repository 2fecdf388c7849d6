"""caching: what only worker processes and a real Redis can show."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis
import runner
import servers

SECONDS = 10  # more than enough for a page, whatever Redis does
CLIENTS = 16
# So that the log says which worker answered.
LOG = "--access-logfile - --access-logformat worker=%(p)s"


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["caching"], tmp_path)


@pytest.fixture
def shared(tmp_path):
    with servers.redis(tmp_path) as service:
        yield service


def settings(service):
    return {
        "FLASK_CACHE_TYPE": "RedisCache",
        "FLASK_CACHE_REDIS_URL": service.url,
        "GUNICORN_CMD_ARGS": LOG,
    }


@pytest.fixture
def server(folder, tmp_path, shared):
    with runner.boot(
        folder, log=tmp_path / "log", gunicorn=True, **settings(shared)
    ) as server:
        yield server


def together(ask, times=CLIENTS):
    """Return what `times` threads get that call `ask` at the same time."""
    start = Barrier(times)

    def one(number):
        start.wait()
        return ask(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def report(server):
    return runner.fetch(f"{server.url}/report")


def from_both_workers(server):
    """Ask for the report until both have answered; return the replies."""
    replies = []

    for _ in range(100):
        replies += together(lambda _: report(server))
        workers = re.findall(r"worker=<?(\d+)", server.log.read_text())

        if len({*workers}) == 2:
            return replies

    raise AssertionError("One worker answered all requests.")


def in_time(server, path, form=None):
    """Fetch, and see that the answer did not take too long."""
    start = time.monotonic()
    reply = runner.fetch(f"{server.url}{path}", form)
    assert time.monotonic() - start < SECONDS, path
    return reply


def test_two_workers_share_one_entry(server):
    first = report(server)
    assert first.headers["X-Cache"] == "MISS"
    replies = from_both_workers(server)
    assert {reply.body for reply in replies} == {first.body}
    assert {reply.headers["X-Cache"] for reply in replies} == {"HIT"}
    assert not server.complaints()


def test_without_a_shared_cache_each_worker_has_its_own(folder, tmp_path):
    with runner.boot(
        folder, log=tmp_path / "log", gunicorn=True, GUNICORN_CMD_ARGS=LOG
    ) as server:
        from_both_workers(server)
        kept = set()

        for _ in range(100):
            replies = together(lambda _: report(server))
            assert {reply.headers["X-Cache"] for reply in replies} == {"HIT"}
            kept |= {reply.body for reply in replies}

            if len(kept) == 2:
                break

        assert len(kept) == 2
        assert not server.complaints()


def test_askers_and_clearers_at_once_get_right_answers(server):
    def visit(number):
        statuses = []

        for turn in range(12):
            n = (number + turn) % 5
            reply = runner.fetch(f"{server.url}/square/{n}")
            assert reply.json() == {"n": n, "square": n * n}
            statuses.append(reply.status)

            if turn % 4 == number % 4:
                reply = runner.fetch(f"{server.url}/clear", {})
                statuses.append(reply.status)

        return statuses

    answers = together(visit, 8)
    assert {status for part in answers for status in part} == {200, 303}
    assert not server.complaints()


def test_what_two_visitors_get_under_load_is_their_own(server):
    def visit(number):
        headers = {"Cookie": f"name=visitor{number}x"}
        found = []

        for path in ["/hello", "/report", f"/search?q={number}"] * 5:
            reply = runner.fetch(f"{server.url}{path}", headers=headers)
            found.append((path, reply))

        return found

    for number, found in enumerate(together(visit)):
        for path, reply in found:
            assert reply.status == 200
            assert "Set-Cookie" not in reply.headers

            if path == "/hello":
                assert f"Hello, visitor{number}x!" in reply.text
            elif path != "/report":
                assert reply.json()["q"] == str(number)

    assert not server.complaints()


def test_only_what_is_right_for_all_reaches_redis(server, shared):
    for path in ("/report", "/search?q=a", "/search", "/square/2", "/hello"):
        runner.fetch(f"{server.url}{path}", headers={"Cookie": "name=ada"})

    with redis.from_url(shared.url) as client:
        keys = client.keys()
        # The report, the search, and the square with its version.
        assert len(keys) == 4
        assert all(key.startswith(b"flask-patterns:caching:") for key in keys)
        assert all(0 < client.ttl(key) <= 300 for key in keys)
        assert not any(b"ada" in client.get(key) for key in keys)


def test_clearing_leaves_the_keys_of_other_applications(server, shared):
    others = ("flask_cache_view//report", "flask-patterns:other", "session:1")

    with redis.from_url(shared.url) as client:
        for key in others:
            client.set(key, "kept")

        for path in ("/report", "/search?q=a", "/square/2"):
            runner.fetch(f"{server.url}{path}")

        assert len(client.keys()) == 4 + len(others)
        assert runner.fetch(f"{server.url}/clear", {}).status == 303
        assert {*client.keys()} == {key.encode() for key in others}


PAGES = ("/report", "/search?q=view", "/square/12", "/", "/hello")


def assert_uncached(server):
    """Every page answers while Redis does not, by both workers."""

    def ask(number):
        reply = in_time(server, PAGES[number % len(PAGES)])
        return reply.status, reply.headers["X-Cache"]

    assert {*together(ask)} == {(200, "MISS"), (200, None)}
    reports = [in_time(server, "/report").json() for _ in range(2)]
    assert reports[0] != reports[1]
    reply = in_time(server, "/clear", {})
    assert reply.status == 503
    assert "nothing was cleared" in reply.text


def assert_cached(server):
    """One answer for all, from Redis, whatever had happened to it before."""
    report(server)
    replies = together(lambda _: report(server))
    assert {reply.headers["X-Cache"] for reply in replies} == {"HIT"}
    assert len({reply.body for reply in replies}) == 1
    assert runner.fetch(f"{server.url}/clear", {}).status == 303


def test_pages_answer_uncached_while_redis_is_stopped(server, shared):
    assert_cached(server)
    shared.stop()
    assert_uncached(server)
    shared.start()
    assert_cached(server)


def test_pages_answer_uncached_while_redis_hangs(server, shared):
    assert_cached(server)

    with shared.hanging():
        assert_uncached(server)

    assert_cached(server)


def test_a_page_that_is_being_computed_when_redis_goes_is_answered(
    server, shared
):
    """Redis goes after the look-up and before the answer is to be kept."""
    with (
        redis.from_url(shared.url) as client,
        client.monitor() as monitor,
        ThreadPoolExecutor() as pool,
    ):
        reply = pool.submit(in_time, server, "/report")
        commands = (entry["command"] for entry in monitor.listen())
        assert any(command.startswith("GET ") for command in commands)
        shared.stop()
        assert reply.result().headers["X-Cache"] == "MISS"
        assert reply.result().status == 200


def test_the_app_starts_without_redis(folder, tmp_path, shared):
    shared.stop()

    with runner.boot(
        folder, log=tmp_path / "log", gunicorn=True, **settings(shared)
    ) as server:
        assert_uncached(server)
        shared.start()
        assert_cached(server)


def test_a_setting_of_ones_own_goes_before_the_time_outs(
    folder, tmp_path, shared
):
    options = '{"socket_timeout": 2, "client_name": "mine"}'

    with (
        runner.boot(
            folder,
            log=tmp_path / "log",
            gunicorn=True,
            FLASK_CACHE_OPTIONS=options,
            **settings(shared),
        ) as server,
        redis.from_url(shared.url) as client,
    ):
        report(server)
        assert "mine" in {entry["name"] for entry in client.client_list()}
