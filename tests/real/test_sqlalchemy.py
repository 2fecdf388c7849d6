"""sqlalchemy: on a real PostgreSQL, and what only worker processes show."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from threading import Barrier

import pytest
import runner
import servers
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

WAYS = ["extension", "declarative", "imperative", "core"]
CLIENTS = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("real")
    return runner.copy(runner.SAMPLES["sqlalchemy"], target)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    with servers.postgresql(tmp_path_factory.mktemp("postgresql")) as service:
        yield service


@contextmanager
def connected(service):
    engine = create_engine(service.url, poolclass=NullPool)

    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request, folder, tmp_path):
    """The variables for an empty database, and for workers."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/users.db?timeout=30"
    else:
        service = request.getfixturevalue("postgresql")
        url = service.url

        with connected(service) as connection:
            connection.execute(text("DROP TABLE IF EXISTS users"))

    return {"FLASK_SQLALCHEMY_DATABASE_URI": url}


@pytest.fixture
def boot(folder, settings, tmp_path):
    @contextmanager
    def booted(arguments="", **changes):
        with runner.boot(
            folder,
            log=tmp_path / "log",
            gunicorn=True,
            GUNICORN_CMD_ARGS=arguments,
            **{**settings, **changes},
        ) as server:
            yield server
            assert not server.complaints()

    return booted


def add(server, way, name, email=None):
    form = {"name": name, "email": email or name}
    return runner.fetch(f"{server.url}/{way}/users", form).status


def names(server, way="core"):
    """Return the names of all users, page by page."""
    found, number = [], 1

    while users := runner.fetch(
        f"{server.url}/{way}/users?per_page=100&page={number}"
    ).json():
        found += [user["name"] for user in users]
        number += 1

    return found


def at_once(function):
    """Call `function` with each number below CLIENTS, all at once."""
    start = Barrier(CLIENTS)

    def call(number):
        start.wait()
        return function(number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(call, range(CLIENTS)))


def test_the_samples_own_test_passes_on_postgresql(folder, postgresql):
    done = runner.own_tests(
        folder, "-rs", "-W", "error", TEST_DATABASE_URI=postgresql.url
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_writers_in_two_workers_lose_nothing(boot, arguments):
    """They begin on an empty database, so making the table could race."""
    each = 24

    with boot(arguments) as server:

        def write(client):
            return [
                add(server, WAYS[(client + turn) % 4], f"{client}-{turn}")
                for turn in range(each)
            ]

        assert at_once(write) == [[201] * each] * CLIENTS
        wanted = {
            f"{client}-{turn}"
            for client in range(CLIENTS)
            for turn in range(each)
        }

        for way in WAYS:
            found = names(server, way)
            assert len(found) == len(wanted)
            assert set(found) == wanted


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_no_duplicate_is_accepted_in_any_mixture(boot, arguments):
    """All want the same names, each with another's email as well."""
    with boot(arguments) as server:

        def write(client):
            return [
                add(
                    server,
                    WAYS[(client + turn) % 4],
                    f"name {turn}",
                    f"email {(turn * (client % 3)) % 12}",
                )
                for turn in range(12)
            ]

        statuses = [*chain.from_iterable(at_once(write))]
        assert set(statuses) == {201, 409}
        assert len(names(server)) == statuses.count(201) <= 12
        users = runner.fetch(f"{server.url}/core/users").json()
        assert len({user["email"] for user in users}) == len(users)


def test_first_requests_at_once_make_the_table_once(boot):
    with boot() as server:
        replies = at_once(
            lambda client: runner.fetch(
                f"{server.url}/{WAYS[client % 4]}/users"
            )
        )
        assert [reply.status for reply in replies] == [200] * CLIENTS
        assert [reply.json() for reply in replies] == [[]] * CLIENTS


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_all_four_ways_are_on_postgresql(boot, postgresql, folder):
    with boot() as server, connected(postgresql) as connection:
        for way in WAYS:
            assert add(server, way, way) == 201

        rows = connection.execute(text("SELECT name FROM users ORDER BY id"))
        assert list(rows.scalars()) == WAYS

    assert not list(folder.rglob("*.db"))


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_a_preloaded_app_is_not_connected_before_the_fork(
    boot, settings, postgresql
):
    """Each worker, once asked, has connections of its own."""
    name = "preloaded"
    url = (
        f"{settings['FLASK_SQLALCHEMY_DATABASE_URI']}?application_name={name}"
    )
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name"
    )

    with (
        connected(postgresql) as connection,
        boot("--preload", FLASK_SQLALCHEMY_DATABASE_URI=url) as server,
    ):
        # The page comes from a worker, so all forks are done.
        assert runner.fetch(server.url).status == 200
        assert connection.scalar(query, {"name": name}) == 0
        assert add(server, "core", "ada") == 201
        assert connection.scalar(query, {"name": name}) == 1


def everybody(server, way, word):
    """Add a user for each client at once; return all that was answered."""
    return set(at_once(lambda client: add(server, way, f"{word}-{client}")))


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_postgresql_may_stop_and_start_again(boot, postgresql):
    with boot() as server:
        for number, way in enumerate(WAYS, 1):
            # So that connections lie in the pools of both workers.
            assert everybody(server, way, f"{way}-before") == {201}
            postgresql.stop()

            try:
                for path in ("users", "users/1"):
                    reply = runner.fetch(f"{server.url}/{way}/{path}")
                    assert reply.status == 503
                    assert "not available" in reply.json()["error"]

                assert everybody(server, way, "meanwhile") == {503}
                assert runner.fetch(server.url).status == 200
            finally:
                postgresql.start()

            assert everybody(server, way, f"{way}-after") == {201}
            assert len(names(server, way)) == number * 2 * CLIENTS


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_connections_that_broke_unseen_are_replaced(boot, postgresql):
    """The server was away while nobody asked: no visitor is told."""
    with boot() as server:
        for way in WAYS:
            assert everybody(server, way, f"{way}-before") == {201}
            postgresql.stop()
            postgresql.start()
            assert everybody(server, way, f"{way}-after") == {201}


@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
def test_postgresql_may_stop_while_requests_come(boot, postgresql):
    """Whoever got a 201 is there, whoever got a 503 may be."""
    with boot() as server:
        half = Barrier(CLIENTS + 1)

        def write(client):
            answers = {}

            for turn in range(20):
                if turn == 10:
                    half.wait(runner.PATIENCE)

                name = f"{client}-{turn}"
                answers[name] = add(server, WAYS[client % 4], name)

            return answers

        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(write, n) for n in range(CLIENTS)]
            half.wait(runner.PATIENCE)
            postgresql.stop()
            postgresql.start()
            answers = {}

            for one in running:
                answers |= one.result()

        assert set(answers.values()) <= {201, 503}
        stored = set(names(server))
        assert {name for name in answers if answers[name] == 201} <= stored
        assert add(server, "core", "after") == 201


def test_what_a_database_cannot_hold_is_4xx(boot):
    forms = [
        {"name": "a\0b", "email": "a"},
        {"name": "a", "email": "\0"},
        {"name": "a" * 81, "email": "a"},
    ]

    with boot() as server:
        for way in WAYS:
            for number in (0, 2**31 - 1, 2**31, 2**63, 2**64):
                reply = runner.fetch(f"{server.url}/{way}/users/{number}")
                assert reply.status == 404
                assert reply.json()["error"]

            for form in forms:
                reply = runner.fetch(f"{server.url}/{way}/users", form)
                assert reply.status == 400
                assert "printable" in reply.json()["error"]

        assert names(server) == []
