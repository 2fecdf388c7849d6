"""sqlalchemy: on a real PostgreSQL, and with several worker processes."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from threading import Barrier

import pytest
import runner
import servers
import starts
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

WAYS = ["extension", "declarative", "imperative", "core"]
CLIENTS = 16
# The advice of the README for --preload.
DISPOSE = """
engine.dispose()

with app.app_context():
    db.engine.dispose()
"""
on_postgresql = pytest.mark.parametrize(
    "settings", ["postgresql"], indirect=True
)


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["sqlalchemy"], tmp_path)


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
def settings(request, tmp_path):
    """The variables for an empty database."""
    url = f"sqlite:///{tmp_path}/users.db?timeout=30"

    if request.param == "postgresql":
        service = request.getfixturevalue("postgresql")
        url = service.url

        with connected(service) as connection:
            connection.execute(text("DROP TABLE IF EXISTS users"))

    return {"FLASK_SQLALCHEMY_DATABASE_URI": url}


@pytest.fixture
def boot(folder, settings, tmp_path):
    # The app needs its database to start, so wait until it has started twice.
    config, log = tmp_path / "config.py", tmp_path / "log"
    config.write_text("def post_worker_init(worker): print('Up', flush=True)")

    @contextmanager
    def booted(arguments="", *, failing=False, **changes):
        with runner.boot(
            folder,
            log=log,
            gunicorn=True,
            GUNICORN_CMD_ARGS=f"-c '{config}' {arguments}",
            **{**settings, **changes},
        ) as server:
            deadline = time.monotonic() + runner.PATIENCE

            while log.read_text("utf-8").count("Up\n") < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)

            yield server
            assert failing or not server.complaints()

    return booted


def add(server, way, name, email=None):
    form = {"name": name, "email": email or name}
    return runner.fetch(f"{server.url}/{way}/users", form).status


def names(server, way="core"):
    users = runner.fetch(f"{server.url}/{way}/users?per_page=100").json()
    return [user["name"] for user in users]


def at_once(function):
    """Call `function` with each number below CLIENTS, all at once."""
    start = Barrier(CLIENTS)

    def call(number):
        start.wait()
        return function(number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(call, range(CLIENTS)))


def test_four_workers_can_start_at_once_on_no_database(
    folder, settings, tmp_path, request
):
    modules = "flask_sqlalchemy", "psycopg"

    with starts.at_once(folder, *modules, **settings) as start:
        for _ in range(10):
            (tmp_path / "users.db").unlink(missing_ok=True)

            if "sqlite" not in settings["FLASK_SQLALCHEMY_DATABASE_URI"]:
                service = request.getfixturevalue("postgresql")

                with connected(service) as connection:
                    connection.execute(text("DROP TABLE IF EXISTS users"))

            assert start() == 0


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_writers_in_two_workers_lose_nothing(boot, folder, arguments):
    """With --preload, as the README says, the app disposes of its engines."""
    with (folder / "app.py").open("a", encoding="utf-8") as file:
        file.write(DISPOSE if arguments else "")

    with boot(arguments) as server:
        first = at_once(lambda n: names(server, WAYS[n % 4]))
        assert first == [[]] * CLIENTS

        def write(client):
            return [
                add(server, WAYS[(client + turn) % 4], f"{client}-{turn}")
                for turn in range(20)
            ]

        assert set(chain(*at_once(write))) == {201}
        wanted = {f"{n}-{turn}" for n in range(CLIENTS) for turn in range(20)}

        for way in WAYS[1:]:
            assert sorted(names(server, way)) == sorted(wanted)

        assert len(names(server, "extension")) == 100


def test_no_duplicate_is_accepted_in_any_mixture(boot):
    """All send the same names, each with another's email as well."""
    with boot() as server:

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


@pytest.mark.parametrize("dispose", [True, False])
@on_postgresql
def test_a_preloaded_app_has_connections_unless_it_disposes_of_them(
    boot, settings, postgresql, folder, dispose
):
    name = f"preloaded{dispose}"
    url = settings["FLASK_SQLALCHEMY_DATABASE_URI"]
    url = f"{url}?application_name={name}"
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name"
    )

    with (folder / "app.py").open("a", encoding="utf-8") as file:
        file.write(DISPOSE if dispose else "")

    with (
        connected(postgresql) as connection,
        boot("--preload", FLASK_SQLALCHEMY_DATABASE_URI=url),
    ):
        count = connection.scalar(query, {"name": name})
        assert count == (0 if dispose else 2)


@on_postgresql
def test_a_restart_of_postgresql_fails_one_request_per_connection(
    boot, postgresql
):
    with boot(failing=True) as server:
        for way in WAYS:
            assert set(
                at_once(lambda n, way=way: add(server, way, f"{way}-{n}"))
            ) == {201}

        postgresql.stop()
        postgresql.start()
        statuses = [add(server, WAYS[n % 4], f"after {n}") for n in range(40)]
        # Two workers have two engines each, which forget broken connections.
        assert statuses.count(500) <= 4
        assert set(statuses) <= {201, 500}
        assert len(names(server)) == 4 * CLIENTS + statuses.count(201)


@on_postgresql
def test_a_restart_of_postgresql_fails_nothing_with_pre_ping(boot, postgresql):
    ping = {"FLASK_SQLALCHEMY_ENGINE_OPTIONS__pool_pre_ping": "true"}

    with boot(**ping) as server:
        for word in ("before", "after"):
            assert set(
                at_once(
                    lambda n, word=word: add(server, WAYS[0], f"{word}{n}")
                )
            ) == {201}
            postgresql.stop()
            postgresql.start()


@on_postgresql
def test_postgresql_may_stop_while_requests_come(boot, postgresql):
    """Users with a response of 201 are stored."""
    with boot(failing=True) as server:
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

        # Broken connections are gone, after a request each at most.
        for n in range(20):
            add(server, WAYS[n % 4], f"again {n}")

        assert set(answers.values()) <= {201, 500}
        stored = set(names(server))
        assert {name for name in answers if answers[name] == 201} <= stored
        assert add(server, "core", "last") == 201


def test_text_in_any_script_is_stored_and_other_text_is_4xx(boot, folder):
    good = ["Zoë", "日本語", "علی‌رضا", "👩‍👩‍👧", "<b>'\"", "x" * 80]
    bad = [("a\0b", "a"), ("a", "\0"), ("a" * 81, "a"), ("a", "a" * 81)]

    with boot() as server:
        for number, name in enumerate(good):
            assert add(server, WAYS[number % 4], name) == 201

        for way in WAYS:
            for name, email in [*bad, ("", "a")]:
                form = {"name": name, "email": email}
                reply = runner.fetch(f"{server.url}/{way}/users", form)
                assert reply.status == 400

        for way in WAYS:
            assert names(server, way) == good

        # They are in the database that the variable names.
        assert not list(folder.rglob("*.db"))

        for number in (0, 2**31 - 1, 2**31, 2**63, 2**64):
            url = f"{server.url}/extension/users/{number}"
            assert runner.fetch(url).status == 404
