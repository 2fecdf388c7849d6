"""app_factories: first starts, a real PostgreSQL, and what a student adds."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from threading import Barrier

import pytest
import runner
import servers
from sqlalchemy import create_engine, text

CLIENTS, EACH = 16, 10
MODEL = """

class {name}(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    city: Mapped[str] = mapped_column(index=True)
"""
VIEW = """

@frontend.post("/users/<email>")
def add_user(email):
    try:
        db.session.add(User(email=email, city="London"))
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return "That email is taken.", 409

    return "Added", 201
"""


@pytest.fixture
def folder(tmp_path):
    return runner.copy(runner.SAMPLES["app_factories"], tmp_path / "a copy")


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    with servers.postgresql(tmp_path_factory.mktemp("postgresql")) as service:
        yield service


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """Return the variables for an empty database."""
    if request.param == "sqlite":
        return {}

    url = request.getfixturevalue("postgresql").url
    engine = create_engine(url)

    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))

    engine.dispose()
    return {"FLASK_SQLALCHEMY_DATABASE_URI": url}


def edit(folder, old, new):
    path = folder / "app.py"
    code = path.read_text(encoding="utf-8")
    assert code.count(old) == 1
    path.write_text(code.replace(old, new), encoding="utf-8")


def add_models(folder, *names):
    after = "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    models = "".join(MODEL.format(name=name) for name in names)
    edit(folder, after, after + models)


@contextmanager
def workers(folder, number=2, arguments="", **env):
    """Boot so many workers, and wait until each has called the factory."""
    config = folder.parent / "gunicorn.conf.py"
    config.write_text(
        "def post_worker_init(worker):\n    worker.log.info('Called.')\n"
    )

    with runner.boot(
        folder,
        log=folder.parent / "log",
        gunicorn=True,
        workers=number,
        GUNICORN_CMD_ARGS=f"{arguments} -c '{config}'",
        **env,
    ) as server:
        deadline = time.monotonic() + runner.PATIENCE

        while server.log.read_text().count("Called.") < number:
            assert server.process.poll() is None, server.log.read_text()
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.02)

        yield server


def visit_number(server):
    page = runner.fetch(server.url).text
    return int(re.search(r"number (\d+)", page)[1])


def visit_at_once(server):
    """Return the sorted numbers that all clients see in all their visits."""
    start = Barrier(CLIENTS)

    def visit(_):
        start.wait()
        return [visit_number(server) for _ in range(EACH)]

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sorted(chain.from_iterable(pool.map(visit, range(CLIENTS))))


# -- First starts and concurrent visits -------------------------------------


def test_four_workers_can_start_at_once_and_count_exactly(folder, database):
    add_models(folder, "User", "Note", "Tag")

    with workers(folder, number=4, **database) as server:
        numbers = visit_at_once(server)
        assert not server.complaints()

    assert numbers == list(range(1, CLIENTS * EACH + 1))


def test_preload_works_with_the_advice_of_the_readme(folder, database):
    create = "        create_tables()\n"
    edit(folder, create, create + "        db.engine.dispose()\n")

    with workers(folder, arguments="--preload", **database) as server:
        numbers = visit_at_once(server)
        assert not server.complaints()

    assert numbers == list(range(1, CLIENTS * EACH + 1))


def test_no_visitor_notices_a_restart_of_postgresql(folder, tmp_path):
    """The README's setting replaces the connections that are lost."""
    settings = {"FLASK_SQLALCHEMY_ENGINE_OPTIONS__pool_pre_ping": "true"}

    with servers.postgresql(tmp_path) as service:
        settings["FLASK_SQLALCHEMY_DATABASE_URI"] = service.url

        with workers(folder, **settings) as server:
            assert len(visit_at_once(server)) == CLIENTS * EACH
            service.stop()
            service.start()
            assert len(visit_at_once(server)) == CLIENTS * EACH
            assert not server.complaints()


# -- A student's edits ------------------------------------------------------


def test_duplicate_does_not_break_the_next_insert(folder, database):
    add_models(folder, "User")
    edit(
        folder, "import DatabaseError", "import DatabaseError, IntegrityError"
    )
    edit(folder, '\n\n@admin.get("/")', f'{VIEW}\n\n@admin.get("/")')

    with workers(folder, **database) as server:
        for email, status in (("ada", 201), ("ada", 409), ("eve", 201)):
            reply = runner.fetch(f"{server.url}/users/{email}", {})
            assert reply.status == status

        assert visit_number(server) == 1
        assert not server.complaints()


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"index.html"', '"indx.html"', "TemplateNotFound: indx.html"),
        ("visit.id", "visit.idd", "AttributeError: 'Visit'"),
        ("number=visit.id", "number=vist.id", "NameError: name 'vist'"),
        ("current_app.blueprints", "curent_app", "NameError: name 'curent"),
        (
            "class Visit(db.Model):\n",
            "class Visit(db.Model):\n    page: Mapped[str | None]\n",
            "table visit has no column named page",
        ),
    ],
)
def test_mistake_is_a_500_with_its_traceback_in_the_log(
    folder, tmp_path, old, new, error
):
    # The table exists before the edit, as it does when you add a column.
    with runner.boot(folder, log=tmp_path / "before") as server:
        assert runner.fetch(server.url).status == 200

    edit(folder, old, new)

    with runner.boot(folder, log=tmp_path / "after") as server:
        assert runner.fetch(server.url).status == 500
        assert "Traceback" in server.complaints()
        assert error in server.complaints()
