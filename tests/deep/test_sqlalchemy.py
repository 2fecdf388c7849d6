"""sqlalchemy: several workers, and a real PostgreSQL."""

from collections import Counter
from itertools import chain

import pytest
import runner
from helpers import edit, start_at_once, together

WAYS = ["extension", "declarative", "imperative", "core"]
# The advice of the README for --preload.
DISPOSE = """
engine.dispose()

with app.app_context():
    db.engine.dispose()
"""


def add(server, number, name):
    """Add a user in one of the four ways, and return the status."""
    url = f"{server.url}/{WAYS[number % 4]}/users"
    return runner.fetch(url, {"name": name, "email": name}).status


def test_four_workers_can_start_at_once_on_no_database(fresh, database):
    for _ in range(5):
        start_at_once(fresh, **database())


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_workers_lose_no_user_and_store_no_name_twice(
    boot, fresh, database, arguments
):
    edit(fresh, "", DISPOSE)

    def names(client):
        return ["👩‍👩‍👧", *(f"علی‌رضا {client}-{turn}" for turn in range(20))]

    with boot(arguments, **database()) as server:
        statuses = together(
            lambda client: [
                add(server, client + turn, name)
                for turn, name in enumerate(names(client))
            ]
        )
        assert Counter(chain(*statuses)) == {201: 321, 409: 15}
        users = runner.fetch(f"{server.url}/core/users").json()
        assert {user["name"] for user in users} == {
            *chain(*map(names, range(16)))
        }
        # This is too large for PostgreSQL.
        url = f"{server.url}/extension/users/2147483648"
        assert runner.fetch(url).status == 404


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_no_request_fails_after_a_restart_with_the_settings_of_the_readme(
    boot, fresh, database, postgresql
):
    edit(fresh, '_URI"])\n', '_URI"], pool_pre_ping=True)\n')
    ping = {"FLASK_SQLALCHEMY_ENGINE_OPTIONS__pool_pre_ping": "true"}

    with boot(**database(), **ping) as server:

        def add_all(word):
            return together(lambda n: add(server, n, f"{word} {n}"))

        assert {*add_all("before")} == {201}

        with postgresql.stopped():
            pass

        assert {*add_all("after")} == {201}
