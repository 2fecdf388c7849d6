"""caching: what only worker processes and a real Redis can show."""

import re

import pytest
import redis
import runner
import servers
from helpers import together

PAGES = ("/report", "/search?q=view", "/square/12", "/", "/hello")
# The log says which worker has responded.
LOG = "--access-logfile - --access-logformat worker=%(p)s"


@pytest.fixture
def service(tmp_path):
    with servers.redis(tmp_path) as service:
        yield service


@pytest.fixture
def env(service):
    return {
        "FLASK_CACHE_TYPE": "RedisCache",
        "FLASK_CACHE_REDIS_URL": service.url,
    }


def reports(server):
    """Return how many different reports many visitors of both workers get."""
    since = len(server.output())
    found = set()

    def both():
        url = f"{server.url}/report"
        found.update(together(lambda _: runner.fetch(url).text))
        log = server.output()[since:]
        return len({*re.findall(r"worker=<?(\d+)", log)}) == 2

    runner.wait_until(both)
    return len(found)


def statuses(server):
    return [runner.fetch(f"{server.url}{page}").status for page in PAGES]


def clear(server):
    return runner.fetch(f"{server.url}/clear", {}).status


def test_entries_in_redis_expire_and_have_their_own_prefix(boot, env, service):
    with (
        boot(FLASK_CACHE_KEY_PREFIX="mine:", **env) as server,
        redis.from_url(service.url) as client,
    ):
        client.set("yours:view//report", "")
        assert statuses(server) == [200] * len(PAGES)
        # The report, the search, and the square with its version.
        keys = client.keys("mine:*")
        assert len(keys) == 4
        assert all(0 < client.ttl(key) <= 300 for key in keys)
        assert clear(server) in (302, 303)
        assert client.keys() == [b"yours:view//report"]


@pytest.mark.parametrize("away", ["stopped", "hanging"])
def test_pages_work_while_redis_is_away_and_workers_share_a_cache_afterwards(
    boot, fresh, env, service, away
):
    """For a Redis that hangs, the README names two settings."""
    if away == "hanging":
        section = runner.section(fresh, "Before production")
        found = re.findall(r"(FLASK_CACHE_OPTIONS\w+)=([\d.]+)", section)
        assert len(found) == 2
        env |= found

    with boot(LOG, failing=True, **env) as server:
        reports(server)

        with getattr(service, away)():
            assert statuses(server) == [200] * len(PAGES)
            assert reports(server) > 2
            assert clear(server) == 503

        # On a busy machine, even Redis can need longer than those settings.
        runner.wait_until(lambda: reports(server) == 1)
