"""sqlite3: things that only several worker processes can show."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import runner
import starts


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["sqlite3"], tmp_path)


@pytest.fixture
def server(folder, tmp_path):
    with runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server:
        yield server
        assert not server.complaints()


def add(server, username):
    form = {"username": username, "email": "a@b.example"}
    return runner.fetch(f"{server.url}/users", form).status


def at_once(clients, function):
    """Call `function` with each number below `clients`, all at once."""
    start = Barrier(clients)

    def call(number):
        start.wait()
        return function(number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(call, range(clients)))


def test_writers_in_two_workers_lose_nothing(server):
    statuses = at_once(
        8, lambda n: {add(server, f"{n}x{turn}") for turn in range(50)}
    )
    assert set.union(*statuses) <= {302, 303}
    assert len(runner.fetch(f"{server.url}/users").json()) == 400


def test_concurrent_requests_cannot_take_the_same_name(server):
    statuses = at_once(16, lambda _: add(server, "ada"))
    assert sorted(statuses)[0] in (302, 303)
    assert sorted(statuses)[1:] == [409] * 15


def test_first_requests_at_once_find_the_tables(server):
    replies = at_once(16, lambda _: runner.fetch(f"{server.url}/users"))
    assert [reply.json() for reply in replies] == [[]] * 16


def test_four_workers_can_start_at_once_on_no_database(folder):
    with starts.at_once(folder, "flask") as start:
        for _ in range(10):
            shutil.rmtree(folder / "instance", ignore_errors=True)
            assert start() == 0
