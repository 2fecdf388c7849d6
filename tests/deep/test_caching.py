"""caching: what only worker processes and a real Redis can show."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis
import runner
import servers

PAGES = ("/report", "/search?q=view", "/square/12", "/", "/hello")
# The log says which worker has responded.
LOG = "--access-logfile - --access-logformat worker=%(p)s"


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["caching"], tmp_path)


@pytest.fixture
def service(tmp_path):
    with servers.redis(tmp_path) as service:
        yield service


@pytest.fixture
def boot(folder, tmp_path, service):
    def boot(**env):
        env = {
            "FLASK_CACHE_TYPE": "RedisCache",
            "FLASK_CACHE_REDIS_URL": service.url,
            "GUNICORN_CMD_ARGS": LOG,
        } | env
        log = tmp_path / "log"
        return runner.boot(folder, log=log, gunicorn=True, **env)

    return boot


@pytest.fixture
def server(boot):
    with boot() as server:
        yield server


def together(work, times=16):
    """Return what `times` threads get that do `work` at the same time."""
    start = Barrier(times)

    def one(number):
        start.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def reports(server):
    """Return the different reports that all visitors get, of both workers."""
    deadline = time.monotonic() + runner.PATIENCE
    since = len(server.log.read_text())
    found = set()

    def report(number):
        return runner.fetch(f"{server.url}/report").text

    while time.monotonic() < deadline:
        found |= {*together(report)}
        log = server.log.read_text()[since:]

        if len({*re.findall(r"worker=<?(\d+)", log)}) == 2:
            return found

    raise AssertionError("One worker has handled all requests.")


def fetch_all(server):
    return [runner.fetch(f"{server.url}{page}").status for page in PAGES]


def clear(server):
    return runner.fetch(f"{server.url}/clear", {}).status


def test_two_workers_share_one_entry(server):
    first = runner.fetch(f"{server.url}/report").text
    assert reports(server) == {first}
    assert not server.complaints()


def test_each_worker_has_its_own_entry_without_redis(boot):
    with boot(FLASK_CACHE_TYPE="SimpleCache") as server:
        reports(server)
        assert len(reports(server)) == 2
        assert not server.complaints()


def test_visitors_who_read_while_others_clear_get_correct_responses(server):
    def visit(number):
        for n in range(12):
            reply = runner.fetch(f"{server.url}/square/{n % 5}")
            assert reply.json() == {"n": n % 5, "square": (n % 5) ** 2}
            headers = {"Cookie": f"name=visitor{number}"}
            reply = runner.fetch(f"{server.url}/hello", headers=headers)
            assert reply.json() == {"message": f"Hello, visitor{number}!"}

            if n % 4 == number % 4:
                assert clear(server) in (302, 303)

    together(visit, 8)
    assert not server.complaints()


def test_only_successful_responses_for_everybody_reach_redis(server, service):
    for page in (*PAGES, "/search", "/search?q="):
        headers = {"Cookie": "name=ada"}
        runner.fetch(f"{server.url}{page}", headers=headers)

    with redis.from_url(service.url) as client:
        keys = client.keys()
        # The report, the search, and the square with its version.
        assert len(keys) == 4
        assert all(0 < client.ttl(key) <= 300 for key in keys)
        assert not any(b"ada" in client.get(key) for key in keys)


def test_clear_leaves_the_entries_of_another_prefix(boot, service):
    with (
        boot(FLASK_CACHE_KEY_PREFIX="mine:") as server,
        redis.from_url(service.url) as client,
    ):
        client.set("yours:view//report", "")
        fetch_all(server)
        assert len(client.keys("mine:*")) == 4
        assert clear(server) in (302, 303)
        assert client.keys() == [b"yours:view//report"]


def test_pages_work_without_redis_and_cache_again_with_it(boot, service):
    service.stop()

    with boot() as server:
        for _ in range(2):
            assert fetch_all(server) == [200] * len(PAGES)
            assert len(reports(server)) > 2
            assert clear(server) == 503
            service.start()
            runner.fetch(f"{server.url}/report")
            assert len(reports(server)) == 1
            assert clear(server) in (302, 303)
            service.stop()

        service.start()


def test_pages_work_while_redis_hangs(boot, service, folder):
    """With the settings of the README, which make the wait short."""
    section = runner.section(folder, "Before production")
    settings = dict(re.findall(r"(FLASK_CACHE_OPTIONS\w+)=([\d.]+)", section))
    assert len(settings) == 2

    with boot(**settings) as server:
        runner.fetch(f"{server.url}/report")

        with service.hanging():
            assert fetch_all(server) == [200] * len(PAGES)
            assert len(reports(server)) > 2

        # On a busy machine, Redis too can need longer than these settings.
        deadline = time.monotonic() + runner.PATIENCE

        while len(reports(server)) > 1:
            assert time.monotonic() < deadline


def test_page_is_sent_when_redis_stops_while_it_is_computed(server, service):
    with (
        redis.from_url(service.url) as client,
        client.monitor() as monitor,
        ThreadPoolExecutor() as pool,
    ):
        reply = pool.submit(runner.fetch, f"{server.url}/report")
        commands = (entry["command"] for entry in monitor.listen())
        assert any(command.startswith("GET ") for command in commands)
        service.stop()
        assert reply.result().status == 200
        service.start()
