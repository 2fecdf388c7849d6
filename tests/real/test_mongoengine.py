"""mongoengine: the wire protocol, a server that fails, and two workers.

The server is SecantusDB, which speaks MongoDB's protocol, and not MongoDB.
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

SECONDS = 3  # within which every route has to answer
CLIENTS = 16
ABSENT = "/movies/0123456789abcdef01234567"
IMDB = {"imdb": {"imdb_id": "tt0078748"}}


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["mongoengine"], tmp_path)


@pytest.fixture
def mongodb(tmp_path):
    with servers.mongodb(tmp_path) as service:
        yield service


def boot(folder, tmp_path, uri, **options):
    return runner.boot(
        folder,
        log=tmp_path / "log",
        gunicorn=True,
        FLASK_MONGODB_URI=uri,
        **options,
    )


@pytest.fixture
def server(folder, tmp_path, mongodb):
    with boot(folder, tmp_path, mongodb.url) as server:
        yield server
        assert not server.complaints()


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


def all_films(server):
    """Return the films of all pages."""
    films, page = [], 1

    while found := send(server, "GET", f"/movies?page={page}").json():
        films += found
        page += 1

    return films


def together(work, times=CLIENTS):
    """Return what `times` threads get that do `work` at the same time."""
    start = Barrier(times)

    def one(number):
        start.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


# -- One contract -----------------------------------------------------------


def test_the_own_test_passes_over_the_wire_as_in_process(
    folder, mongodb, record_property
):
    counts = []

    for uri in (None, mongodb.url):
        done = runner.own_tests(folder, FLASK_MONGODB_URI=uri)
        assert done.returncode == 0, done.stdout
        counts.append(int(re.search(r"(\d+) passed", done.stdout)[1]))
        assert "skipped" not in done.stdout

    assert counts[0] == counts[1] > 100
    record_property("inner", counts[1])

    # It was this server that the second run used: without it, none passes.
    mongodb.stop()
    done = runner.own_tests(folder, "-x", FLASK_MONGODB_URI=mongodb.url)
    assert done.returncode == 1
    assert "ServerSelectionTimeoutError" in done.stdout


def test_the_default_says_once_that_it_is_no_server(folder, tmp_path):
    with runner.boot(folder, log=tmp_path / "log") as server:
        assert add(server, title="x").status == 201
        assert len(all_films(server)) == 1

    log = (tmp_path / "log").read_text()
    assert log.count("FLASK_MONGODB_URI") == 1


def test_a_server_keeps_the_films_and_nothing_is_said(server):
    assert add(server, title="x").status == 201
    assert "FLASK_MONGODB_URI" not in server.log.read_text()


def test_films_outlive_the_application_and_the_server(
    folder, tmp_path, mongodb
):
    with boot(folder, tmp_path, mongodb.url) as server:
        film = add(server, title="Kept", **IMDB).json()

    mongodb.stop()
    mongodb.start()

    with boot(folder, tmp_path, mongodb.url) as server:
        assert all_films(server) == [film]
        assert add(server, title="Again", **IMDB).status == 409


# -- Writers at the same time -----------------------------------------------


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_writers_in_two_workers_lose_nothing(
    folder, tmp_path, mongodb, arguments
):
    with boot(
        folder, tmp_path, mongodb.url, GUNICORN_CMD_ARGS=arguments
    ) as server:
        replies = together(
            lambda number: [
                add(
                    server,
                    title=f"{number} {turn}",
                    imdb={"imdb_id": f"{number} {turn}"},
                )
                for turn in range(20)
            ]
        )
        added = [reply for part in replies for reply in part]
        assert {reply.status for reply in added} == {201}
        ids = {film["id"] for film in all_films(server)}
        assert ids == {reply.json()["id"] for reply in added}
        assert len(ids) == CLIENTS * 20
        assert not server.complaints()


def test_an_imdb_id_that_all_want_at_once_is_given_once(server):
    # The first requests of all, so that making the index can race as well.
    for turn in range(5):
        film = {"title": "x", "imdb": {"imdb_id": f"tt{turn}"}}
        replies = together(lambda _, film=film: add(server, **film))
        statuses = sorted(reply.status for reply in replies)
        assert statuses == [201] + [409] * (CLIENTS - 1)

    assert len(all_films(server)) == 5


def test_films_that_all_want_one_imdb_id_do_not_share_it(server):
    paths = [
        add(server, title=f"{number}").headers["Location"]
        for number in range(CLIENTS)
    ]
    replies = together(lambda n: send(server, "PATCH", paths[n], IMDB))
    statuses = sorted(reply.status for reply in replies)
    assert statuses == [200] + [409] * (CLIENTS - 1)
    assert sum("imdb" in film for film in all_films(server)) == 1


def test_changes_to_different_fields_at_once_are_all_kept(server):
    fields = [{"year": 1979}, {"rated": "R"}, {"director": "y"}, IMDB]
    fields += [{"title": "z"}, {"actors": ["a"]}]

    for _ in range(5):
        path = add(server, title="x").headers["Location"]
        replies = together(
            lambda n, path=path: send(server, "PATCH", path, fields[n]),
            len(fields),
        )
        assert {reply.status for reply in replies} == {200}
        film = send(server, "GET", path).json()

        for part in fields:
            assert film.items() >= part.items()

        assert send(server, "DELETE", path).status == 204


def test_a_film_that_is_deleted_under_change_stays_deleted(server):
    for _ in range(10):
        path = add(server, title="x").headers["Location"]

        def work(number, path=path):
            if number == 5:
                return send(server, "DELETE", path).status

            return send(server, "PATCH", path, {"year": 1900 + number}).status

        statuses = together(work, 10)
        assert statuses[5] == 204
        assert {*statuses} <= {200, 204, 404}
        assert send(server, "GET", path).status == 404

    assert all_films(server) == []


# -- A server that is away, or hangs ----------------------------------------

ROUTES = [
    ("GET", "/", None),
    ("GET", "/movies", None),
    ("POST", "/movies", {"title": "x"}),
    ("GET", ABSENT, None),
    ("PATCH", ABSENT, {"title": "x"}),
    ("DELETE", ABSENT, None),
]


def assert_503(server):
    """Each route says in time that the database does not answer."""

    # A worker that is still starting has nothing to do with it.
    assert send(server, "GET", "/missing").status == 404

    def ask(number):
        method, path, data = ROUTES[number]
        start = time.monotonic()
        reply = send(server, method, path, data)
        return path, reply, time.monotonic() - start

    # Not more than one worker has threads, or some would have to queue.
    half = len(ROUTES) // 2
    replies = together(ask, half) + together(lambda n: ask(half + n), half)

    for path, reply, seconds in replies:
        assert reply.status == 503
        assert seconds < SECONDS, path
        kind = "text/html" if path == "/" else "application/json"
        assert reply.headers.get_content_type() == kind
        assert "does not answer" in reply.text

    assert not server.complaints()


def assert_works(server):
    """Both workers find the server, and an `imdb_id` is given once."""
    # A driver that has lost its server looks for it twice a second.
    for _ in range(runner.PATIENCE):
        replies = together(lambda _: send(server, "GET", "/movies"))

        if {reply.status for reply in replies} == {200}:
            break

    assert {reply.status for reply in replies} == {200}
    replies = together(lambda n: add(server, title=f"{n}", **IMDB))
    statuses = sorted(reply.status for reply in replies)
    assert statuses == [201] + [409] * (CLIENTS - 1)

    for film in all_films(server):
        assert send(server, "DELETE", f"/movies/{film['id']}").status == 204


def test_routes_answer_503_while_the_server_is_stopped(server, mongodb):
    assert_works(server)
    mongodb.stop()
    assert_503(server)
    mongodb.start()
    assert_works(server)


def test_routes_answer_503_while_the_server_hangs(server, mongodb):
    assert_works(server)

    with mongodb.hanging():
        assert_503(server)
        # The driver has noticed by now, and does not ask any more.
        assert_503(server)

    assert_works(server)


def test_a_server_that_was_away_at_first_gets_its_index(
    folder, tmp_path, mongodb
):
    mongodb.stop()

    with boot(folder, tmp_path, mongodb.url) as server:
        assert_503(server)
        mongodb.start()
        assert_works(server)


@pytest.mark.parametrize("listens", [False, True])
def test_routes_answer_503_where_no_server_ever_answers(
    folder, tmp_path, listens
):
    """At a port that refuses, and at one that accepts and says nothing."""
    with contextlib.closing(socket.socket()) as mute:
        mute.bind(("127.0.0.1", 0))

        if listens:
            mute.listen(100)

        uri = f"mongodb://127.0.0.1:{mute.getsockname()[1]}/"

        with boot(folder, tmp_path, uri) as server:
            assert_503(server)
            assert_503(server)


# -- A person ---------------------------------------------------------------


def test_a_film_is_added_changed_and_deleted_on_the_page(server, page):
    page.goto(server.url)
    form = page.locator("#film")
    fields = form.get_by_label("Fields")
    fields.fill('{"title": "<b>M</b>", "year": 1931}')
    form.get_by_role("button", name="Add").click()
    films = page.get_by_role("listitem")
    page.get_by_text("<b>M</b>, 1931").wait_for()

    form.get_by_label("Film").select_option("<b>M</b>")
    fields.fill('{"title": "M"}')
    form.get_by_role("button", name="Change").click()
    page.get_by_text("M, 1931", exact=True).wait_for()
    assert films.all_inner_texts() == ["M, 1931"]

    fields.fill('{"title": ""}')
    form.get_by_role("button", name="Add").click()
    page.get_by_text("too short").wait_for()

    form.get_by_label("Film").select_option("M")
    form.get_by_role("button", name="Delete").click()
    page.get_by_text("None yet.").wait_for()
    assert all_films(server) == []


def test_a_long_title_does_not_make_a_phone_scroll_sideways(server, page):
    add(server, title="A long title, " * 14)
    add(server, title="x" * 200)
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(server.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
