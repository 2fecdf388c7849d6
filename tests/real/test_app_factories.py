"""What only processes and sockets show of the sample app_factories."""

import contextlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import runner

CLIENTS = 16


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["app_factories"], tmp_path / "a copy")


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_concurrent_visits_are_counted_exactly(folder, tmp_path, arguments):
    """Sixteen clients start at once, so that making the table could race."""
    start = threading.Barrier(CLIENTS)
    each = 10

    def visit(_):
        start.wait()
        return [runner.fetch(server.url) for _ in range(each)]

    with (
        runner.boot(
            folder,
            log=tmp_path / "log",
            gunicorn=True,
            GUNICORN_CMD_ARGS=arguments,
        ) as server,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        answers = [
            answer
            for part in pool.map(visit, range(CLIENTS))
            for answer in part
        ]
        complaints = server.complaints()

    assert {answer.status for answer in answers} == {200}, complaints
    assert complaints == ""
    numbers = [
        int(re.search(r"number (\d+)", answer.text)[1]) for answer in answers
    ]
    assert sorted(numbers) == list(range(1, CLIENTS * each + 1))
    # Below the instance folder, and nowhere else.
    assert (folder / "instance" / "visits.db").is_file()
    assert runner.contents(folder) == runner.contents(
        runner.SAMPLES["app_factories"]
    )


def test_visits_outlive_the_server(folder, tmp_path):
    for number in (1, 2):
        with runner.boot(folder, log=tmp_path / f"{number}") as server:
            assert f"number {number}," in runner.fetch(server.url).text


@pytest.mark.parametrize(
    ("target", "status"),
    [("app", 404), ("app:create_app(local_auth=True)", 200)],
)
def test_the_flask_command_passes_arguments(folder, tmp_path, target, status):
    with runner.boot(folder, log=tmp_path / "log", app=target) as server:
        assert runner.fetch(f"{server.url}/auth/login").status == status


@pytest.mark.parametrize("gunicorn", [False, True])
def test_a_secret_key_of_digits_stops_the_start(folder, tmp_path, gunicorn):
    log = tmp_path / "log"
    settings = {"FLASK_SECRET_KEY": "123"}

    with (
        contextlib.suppress(RuntimeError),
        runner.boot(folder, log=log, gunicorn=gunicorn, **settings) as server,
    ):
        # gunicorn listens before its workers call the factory.
        assert server.process.wait(runner.PATIENCE) != 0

    assert "ValueError: SECRET_KEY must be text" in log.read_text()


@pytest.mark.parametrize(
    ("hops", "address"), [("0", "127.0.0.1"), ("1", "203.0.113.2")]
)
def test_forwarded_headers_count_from_the_nearest_proxy(
    folder, tmp_path, hops, address
):
    headers = {"X-Forwarded-For": "203.0.113.1, 203.0.113.2"}

    with runner.boot(
        folder,
        log=tmp_path / "log",
        gunicorn=True,
        FLASK_TRUSTED_PROXIES=hops,
    ) as server:
        assert (
            f"from {address}."
            in runner.fetch(server.url, headers=headers).text
        )
