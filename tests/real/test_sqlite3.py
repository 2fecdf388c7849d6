"""sqlite3: what only several worker processes can show."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import runner


@pytest.fixture
def server(tmp_path):
    folder = runner.copy(runner.SAMPLES["sqlite3"], tmp_path)

    with runner.boot(folder, log=tmp_path / "log", gunicorn=True) as server:
        yield server
        assert not server.complaints()


def add(server, username):
    return runner.fetch(
        f"{server.url}/users", {"username": username, "email": "a@b.example"}
    ).status


def test_writers_in_two_workers_lose_nothing(server):
    start = Barrier(8)

    def write(thread):
        start.wait()
        return [add(server, f"{thread}-{number}") for number in range(50)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(8))) == [[303] * 50] * 8

    assert len(runner.fetch(f"{server.url}/users").json()) == 400


def test_a_name_that_all_want_at_once_is_given_once(server):
    start = Barrier(16)

    def write(_):
        start.wait()
        return add(server, "ada")

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(write, range(16)))

    assert statuses == [303] + [409] * 15
