"""mongoengine: the wire protocol, a server that fails, and two workers.

The server is SecantusDB, which speaks the protocol of MongoDB.
"""

import contextlib
import json
import re
from itertools import chain

import pytest
import runner
import servers
from helpers import together
from playwright.sync_api import expect

ABSENT = "/movies/0123456789abcdef01234567"
ROUTES = [
    ("GET", "/", None),
    ("GET", "/movies", None),
    ("POST", "/movies", {"title": "x"}),
    ("GET", ABSENT, None),
    ("DELETE", ABSENT, None),
]


@pytest.fixture
def mongodb(tmp_path):
    with servers.mongodb(tmp_path) as service:
        yield service


def send(server, method, path, data=None):
    """Send `data` as JSON, and return the reply."""
    return runner.fetch(
        f"{server.url}{path}",
        method=method,
        headers={"Content-Type": "application/json"},
        body=None if data is None else json.dumps(data),
    )


def test_own_test_passes_over_the_wire(fresh, mongodb):
    done = runner.own_tests(fresh, "-x", FLASK_MONGODB_URI=mongodb.url)
    assert done.returncode == 0, done.stdout


def test_workers_lose_no_movie_and_store_no_imdb_id_twice(boot, mongodb):
    def add(number):
        ids = ["same", *(f"{number} {turn}" for turn in range(20))]
        movies = [{"title": id, "imdb": {"imdb_id": id}} for id in ids]
        return [send(server, "POST", "/movies", it).status for it in movies]

    with boot(FLASK_MONGODB_URI=mongodb.url) as server:
        statuses = [*chain(*together(add))]
        assert {*statuses} == {201, 409}
        assert statuses.count(409) == 15
        # A page has 20 movies.
        for page, count in ((16, 20), (17, 1), (18, 0)):
            movies = send(server, "GET", f"/movies?page={page}").json()
            assert len(movies) == count


@pytest.mark.parametrize("away", ["stopped", "hanging"])
def test_routes_return_503_while_the_server_is_away(
    boot, fresh, mongodb, away
):
    """For a server that hangs, the README names a setting."""

    def unavailable():
        for reply in together(lambda n: send(server, *ROUTES[n]), len(ROUTES)):
            assert reply.status == 503
            assert "database is unavailable" in reply.json()["error"]

    def available():
        replies = together(lambda _: send(server, "GET", "/movies"))
        return {reply.status for reply in replies} == {200}

    uri = mongodb.url

    if away == "hanging":
        section = runner.section(fresh, "Before production")
        uri += re.search(r"`(\?timeoutMS=\d+)`", section)[1]

    with contextlib.ExitStack() as stack:
        with getattr(mongodb, away)():
            # The application also starts without a server.
            server = stack.enter_context(boot(FLASK_MONGODB_URI=uri))
            unavailable()

        runner.wait_until(available)

        with getattr(mongodb, away)():
            unavailable()
            # By now, the driver has noticed that the server is away.
            unavailable()

        runner.wait_until(available)


def test_page_without_a_server_adds_and_deletes_a_movie(boot, page):
    with boot(gunicorn=False) as server:
        page.goto(server.url)

        for _ in range(2):
            page.get_by_label("Title").fill("<b>M</b>")
            page.get_by_label("Year").fill("1931")
            page.get_by_label("Actor").first.fill("Peter Lorre")
            page.get_by_label("IMDb id").fill("tt0022100")
            page.get_by_role("button", name="Add").click()
            expect(page.get_by_role("link", name="<b>M</b>")).to_be_visible()

        expect(page.get_by_text("imdb_id exists")).to_be_visible()
        [movie] = send(server, "GET", "/movies").json()
        assert (movie["year"], movie["actors"]) == (1931, ["Peter Lorre"])
        page.get_by_role("button", name="Delete <b>M</b>").click()
        expect(page.get_by_text("There are no movies yet.")).to_be_visible()
        assert send(server, "GET", "/movies").json() == []
        assert server.output().count("FLASK_MONGODB_URI") == 1
