"""app_factories: several workers, and a real PostgreSQL."""

import re
from itertools import chain

import pytest
import runner
from helpers import edit, start_at_once, together

TABLES = """
for name in ("user", "note", "tag"):
    db.Table(name, db.Column("city", db.String(80), index=True))
"""


def visits(server):
    """Return the sorted numbers that 16 visitors see in ten visits each."""

    def visit(_):
        pages = [runner.fetch(server.url).text for _ in range(10)]
        return [int(re.search(r"number (\d+)", page)[1]) for page in pages]

    return sorted(chain(*together(visit)))


def test_four_workers_can_start_at_once_on_no_database(fresh, database):
    edit(fresh, "", TABLES)

    for _ in range(5):
        start_at_once(fresh, "app.create_app()", **database())


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_workers_give_each_visit_a_number(boot, fresh, database, arguments):
    """With --preload, the README says where to dispose of connections."""
    create = "        create_tables()\n"
    edit(fresh, create, f"{create}        db.engine.dispose()\n")

    with boot(arguments, **database()) as server:
        assert visits(server) == [*range(1, 161)]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_no_visitor_notices_a_restart_with_the_setting_of_the_readme(
    boot, database, postgresql
):
    ping = {"FLASK_SQLALCHEMY_ENGINE_OPTIONS__pool_pre_ping": "true"}

    with boot(**database(), **ping) as server:
        assert len(visits(server)) == 160

        with postgresql.stopped():
            pass

        assert len(visits(server)) == 160
