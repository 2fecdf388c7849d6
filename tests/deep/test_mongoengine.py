"""mongoengine: the wire protocol, a server that fails, and two workers.

The server is SecantusDB, which speaks the protocol of MongoDB.
"""

import contextlib
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import runner
import servers

CLIENTS = 16
ABSENT = "/movies/0123456789abcdef01234567"
IMDB = {"imdb": {"imdb_id": "tt0078748"}}
ROUTES = [
    ("GET", "/", None),
    ("GET", "/movies", None),
    ("POST", "/movies", {"title": "x"}),
    ("GET", ABSENT, None),
    ("DELETE", ABSENT, None),
]


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["mongoengine"], tmp_path)


@pytest.fixture
def mongodb(tmp_path):
    with servers.mongodb(tmp_path) as service:
        yield service


@pytest.fixture
def boot(folder, tmp_path):
    @contextlib.contextmanager
    def boot(uri):
        with runner.boot(
            folder,
            log=tmp_path / "log",
            gunicorn=True,
            FLASK_MONGODB_URI=uri,
        ) as server:
            yield server
            assert not server.complaints()

    return boot


@pytest.fixture
def server(boot, mongodb):
    with boot(mongodb.url) as server:
        yield server


def send(server, method, path, data=None):
    """Send `data` as JSON; return the Reply."""
    return runner.fetch(
        f"{server.url}{path}",
        method=method,
        headers={"Content-Type": "application/json"},
        body=None if data is None else runner.json.dumps(data),
    )


def add(server, **data):
    return send(server, "POST", "/movies", data)


def all_movies(server):
    """Return the movies of all pages."""
    movies, page = [], 1

    while found := send(server, "GET", f"/movies?page={page}").json():
        movies += found
        page += 1

    return movies


def together(work, times=CLIENTS):
    """Return what `times` threads get that do `work` at the same time."""
    start = Barrier(times)

    def one(number):
        start.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def assert_unavailable(server):
    for reply in together(lambda n: send(server, *ROUTES[n]), len(ROUTES)):
        assert reply.status == 503
        assert "database is unavailable" in reply.json()["error"]


def wait_until_available(server):
    """Wait until both workers find the server."""
    deadline = time.monotonic() + runner.PATIENCE
    statuses = set()

    # The driver looks for a lost server twice a second.
    while statuses != {200} and time.monotonic() < deadline:
        replies = together(lambda _: send(server, "GET", "/movies"))
        statuses = {reply.status for reply in replies}

    assert statuses == {200}


def assert_available(server):
    """Both workers find the server, and store an `imdb_id` once."""
    wait_until_available(server)
    replies = together(lambda n: add(server, title=f"{n}", **IMDB))
    statuses = sorted(reply.status for reply in replies)
    assert statuses == [201] + [409] * (CLIENTS - 1)

    for movie in all_movies(server):
        path = f"/movies/{movie['id']}"
        assert send(server, "DELETE", path).status == 204


# -- The protocol -----------------------------------------------------------


def test_own_test_passes_over_the_wire_as_in_process(folder, mongodb):
    counts = []

    for uri in (None, mongodb.url):
        done = runner.own_tests(folder, FLASK_MONGODB_URI=uri)
        assert done.returncode == 0, done.stdout
        counts.append(re.search(r"(\d+) passed", done.stdout)[1])
        assert "skipped" not in done.stdout

    assert counts[0] == counts[1]

    # The second run has used this server, or it would pass without it.
    mongodb.stop()
    done = runner.own_tests(folder, "-x", FLASK_MONGODB_URI=mongodb.url)
    assert done.returncode != 0
    assert "ServerSelectionTimeoutError" in done.stdout


def test_log_says_once_that_there_is_no_server(folder, tmp_path):
    with runner.boot(folder, log=tmp_path / "log") as server:
        assert add(server, title="x").status == 201
        assert len(all_movies(server)) == 1
        assert server.log.read_text().count("FLASK_MONGODB_URI") == 1


def test_movies_are_stored_when_the_app_and_the_server_restart(boot, mongodb):
    with boot(mongodb.url) as server:
        movie = add(server, title="Stored", **IMDB).json()
        assert "FLASK_MONGODB_URI" not in server.log.read_text()

    mongodb.stop()
    mongodb.start()

    with boot(mongodb.url) as server:
        assert all_movies(server) == [movie]
        assert add(server, title="Again", **IMDB).status == 409


# -- Concurrent writers -----------------------------------------------------


def test_concurrent_writers_in_two_workers_lose_nothing(server):
    def work(number):
        ids = [f"{number} {turn}" for turn in range(20)]
        return [add(server, title=i, imdb={"imdb_id": i}) for i in ids]

    added = [reply for part in together(work) for reply in part]
    assert {reply.status for reply in added} == {201}
    ids = {movie["id"] for movie in all_movies(server)}
    assert ids == {reply.json()["id"] for reply in added}
    assert len(ids) == CLIENTS * 20


def test_concurrent_requests_cannot_take_the_same_imdb_id(server):
    # These are the first requests to an empty database.
    for turn in range(5):
        movie = {"title": "x", "imdb": {"imdb_id": f"tt{turn}"}}
        replies = together(lambda _, movie=movie: add(server, **movie))
        statuses = sorted(reply.status for reply in replies)
        assert statuses == [201] + [409] * (CLIENTS - 1)

    assert len(all_movies(server)) == 5


# -- A server that fails ----------------------------------------------------


def test_routes_return_503_while_the_server_is_stopped(boot, mongodb):
    with boot(mongodb.url) as server:
        assert_available(server)
        mongodb.stop()
        assert_unavailable(server)

    # The application also starts without a server.
    with boot(mongodb.url) as server:
        assert_unavailable(server)
        mongodb.start()
        assert_available(server)


def test_routes_return_503_while_the_server_hangs(folder, boot, mongodb):
    """The README names the setting without which they would hang, too."""
    section = runner.section(folder, "Before production")
    setting = re.search(r"`\?(timeoutMS=\d+)`", section)[1]

    with boot(f"{mongodb.url}?{setting}") as server:
        wait_until_available(server)

        with mongodb.hanging():
            assert_unavailable(server)
            # By now, the driver has noticed that the server is unavailable.
            assert_unavailable(server)

        # Writers that wait for each other can need more than that setting.
        wait_until_available(server)


@pytest.mark.parametrize("listens", [False, True])
def test_routes_return_503_when_no_server_ever_responds(boot, listens):
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))

        if listens:
            silent.listen(100)

        with boot(f"mongodb://127.0.0.1:{silent.getsockname()[1]}/") as server:
            assert_unavailable(server)


# -- A person ---------------------------------------------------------------


def test_page_adds_and_deletes_a_movie(server, page):
    page.goto(server.url)

    for _ in range(2):
        page.get_by_label("Title").fill("<b>M</b>")
        page.get_by_label("Year").fill("1931")
        page.get_by_label("Actor").first.fill("Peter Lorre")
        page.get_by_label("IMDb id").fill("tt0022100")
        page.get_by_role("button", name="Add").click()
        page.get_by_role("link", name="<b>M</b>").wait_for()

    page.get_by_text("imdb_id exists").wait_for()
    [movie] = all_movies(server)
    assert (movie["year"], movie["actors"]) == (1931, ["Peter Lorre"])
    page.get_by_role("button", name="Delete <b>M</b>").click()
    page.get_by_text("There are no movies yet.").wait_for()
    assert all_movies(server) == []
