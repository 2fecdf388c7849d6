"""sqlite3: what only several worker processes can show."""

import shutil
from itertools import chain

import runner
from helpers import start_at_once, together


def test_four_workers_can_start_at_once_on_no_database(fresh):
    for _ in range(5):
        shutil.rmtree(fresh / "instance", ignore_errors=True)
        start_at_once(fresh)


def test_workers_lose_no_user_and_store_no_name_twice(boot):
    with boot() as server:
        users = f"{server.url}/users"
        replies = together(lambda _: runner.fetch(users))
        assert [reply.json() for reply in replies] == [[]] * 16

        def add(number):
            names = ["ada", *(f"{number}x{turn}" for turn in range(50))]
            forms = [{"username": name, "email": "a@b"} for name in names]
            return [runner.fetch(users, form).status for form in forms]

        statuses = [*chain(*together(add, 8))]
        assert {*statuses} <= {302, 303, 409}
        assert statuses.count(409) == 7
        assert len(runner.fetch(users).json()) == 401
