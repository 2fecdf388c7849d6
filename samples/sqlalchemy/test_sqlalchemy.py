import os
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from threading import Barrier

import pytest
from app import (
    WAYS,
    DeclarativeUser,
    ExtensionUser,
    ImperativeUser,
    app,
    create_table,
    db,
    users,
)
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import class_mapper
from sqlalchemy.schema import CreateTable

ADA = {"name": "ada", "email": "ada@example.com"}
QUICK = "PRAGMA synchronous = OFF"
REVERSE = "PRAGMA reverse_unordered_selects = ON"
MAPPED = ["extension", "declarative", "imperative"]
ALL = [*MAPPED, "core"]

with app.app_context():
    OWN_ENGINE = db.engine

each_way = pytest.mark.parametrize("way", ALL)
each_mapped_way = pytest.mark.parametrize("way", MAPPED)


@pytest.fixture(autouse=True)
def engine(tmp_path, monkeypatch):
    """An empty database for all four ways: SQLite, or TEST_DATABASE_URI.

    Of the latter it drops the table `users`.
    """
    path = tmp_path / "users.db"
    uri = os.environ.get("TEST_DATABASE_URI", f"sqlite:///{path}?timeout=30")
    engine = create_engine(uri, **app.config["SQLALCHEMY_ENGINE_OPTIONS"])

    if engine.name == "sqlite":
        # Without waiting for the disk, and without order by chance.
        event.listen(engine, "connect", lambda raw, _: raw.execute(QUICK))
        event.listen(engine, "connect", lambda raw, _: raw.execute(REVERSE))

    users.drop(engine, checkfirst=True)

    with app.app_context():
        monkeypatch.setitem(db.engines, None, engine)

    yield engine
    # Whatever happened, every connection is back in the pool.
    assert engine.pool.checkedout() == 0
    engine.dispose()


@pytest.fixture
def client():
    return app.test_client()


def names(client, way="core", query=""):
    return [user["name"] for user in client.get(f"/{way}/users{query}").json]


def has_table(engine):
    return inspect(engine).has_table("users")


# -- Flask-SQLAlchemy Extension ---------------------------------------------


def test_the_page_adds_lists_and_shows_users_in_all_four_ways(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "<h1>SQLAlchemy in Flask</h1>" in page.text

    for way in ALL:
        assert f'ction="/{way}/users"' in page.text
        assert f'href="/{way}/users/1"' in page.text


@each_way
def test_a_user_is_added_committed_and_found_again(client, way):
    response = client.post(f"/{way}/users", data=ADA)
    assert response.status_code == 201
    assert response.json == {"id": 1, **ADA}
    assert response.headers["Location"] == f"/{way}/users/1"
    assert client.get(f"/{way}/users/1").json == {"id": 1, **ADA}
    assert client.get(f"/{way}/users").json == [{"id": 1, **ADA}]


def test_a_row_added_one_way_is_seen_by_all_four(client):
    for number, way in enumerate(ALL, 1):
        user = {"name": way, "email": way}
        assert client.post(f"/{way}/users", data=user).status_code == 201

        for other in ALL:
            found = client.get(f"/{other}/users/{number}").json
            assert found == {"id": number, **user}
            assert names(client, other) == ALL[:number]


@each_way
@pytest.mark.parametrize("field", ["name", "email"])
def test_what_is_taken_is_refused_and_the_next_request_works(
    client, way, field
):
    client.post("/core/users", data=ADA)
    user = {"name": "eve", "email": "eve@example.com"}
    response = client.post(f"/{way}/users", data={**user, field: ADA[field]})
    assert response.status_code == 409
    assert response.json == {"error": "That name or email is taken."}
    assert names(client) == ["ada"]
    assert client.post(f"/{way}/users", data=user).status_code == 201
    assert names(client, way) == ["ada", "eve"]


@each_way
@pytest.mark.parametrize("field", ["name", "email"])
def test_a_bad_field_is_refused_by_name(client, way, field):
    bad = ["", "    ", "x" * 81, "a\0b", "a\nb", "\x1b[31m", "a\u200bb"]
    forms = [{**ADA, field: text} for text in bad]
    missing = {key: ADA[key] for key in ADA if key != field}

    for form in [*forms, missing]:
        response = client.post(f"/{way}/users", data=form)
        assert response.status_code == 400, form
        error = f"Send {field} as 1 to 80 printable characters."
        assert response.json == {"error": error}

    assert names(client) == []


@each_way
def test_every_printable_name_is_kept_as_it_is(client, way):
    good = ["x", "é" * 80, "日本語", "🐍", "'; --", "%s :a", "<b>"]

    for name in good:
        form = {"name": f" {name} ", "email": name}
        assert client.post(f"/{way}/users", data=form).status_code == 201

    assert names(client, way) == good


@each_way
def test_no_such_user_is_a_json_404(client, way):
    beyond = [f"{number}" for number in (2**31 - 1, 2**31, 2**63)]

    for number in ["0", "99", "-1", "1.0", "x", "%00", "9" * 5000, *beyond]:
        response = client.get(f"/{way}/users/{number}")
        assert response.status_code == 404, number
        assert "not found" in response.json["error"]


def test_the_list_is_cut_into_pages(client, engine):
    client.get("/core/users")
    wanted = [f"{number}" for number in range(103)]

    with engine.begin() as connection:
        rows = [{"name": name, "email": name} for name in wanted]
        connection.execute(users.insert(), rows)

    for way in ALL:
        for query, first, last in [
            ("", 0, 20),
            ("?page=2", 20, 40),
            ("?page=2&per_page=3", 3, 6),
            ("?per_page=0", 0, 1),
            ("?per_page=-5", 0, 1),
            (f"?per_page={2**70}", 0, 100),
            ("?per_page=100&page=2", 100, 103),
            ("?page=99", 0, 0),
            (f"?page={2**70}&per_page=100", 0, 0),
        ]:
            assert names(client, way, query) == wanted[first:last], query


@each_way
def test_a_page_that_is_none_is_refused(client, way):
    for page in ["0", "-1", "", "x", "1.5", "%00", "NaN", "1;", "9" * 5000]:
        response = client.get(f"/{way}/users?page={page}")
        assert response.status_code == 400, page
        assert "page must be" in response.json["error"]


@each_way
def test_a_large_body_is_refused(client, way):
    form = {**ADA, "name": "x" * 1_000_001}
    response = client.post(f"/{way}/users", data=form)
    assert response.status_code == 413
    assert response.json["error"]


@each_way
def test_a_body_is_read_as_a_server_hands_it_over(client, way):
    environ = {"wsgi.input_terminated": True}
    response = client.post(
        f"/{way}/users", data=ADA, environ_overrides=environ
    )
    assert response.status_code == 201


def test_another_way_or_method_is_refused_in_json_and_the_page_in_html(client):
    assert "not found" in client.get("/query/users").json["error"]
    response = client.delete("/core/users")
    assert response.status_code == 405
    assert {"GET", "POST"} <= response.allow
    assert "not allowed" in response.json["error"]
    response = client.post("/")
    assert response.status_code == 405
    assert response.mimetype == "text/html"


@each_way
def test_links_forms_and_locations_stay_below_a_prefix(client, way):
    base = "http://localhost/pre"
    response = client.post(f"/{way}/users", data=ADA, base_url=base)
    assert response.headers["Location"] == f"/pre/{way}/users/1"
    page = client.get("/", base_url=base).text
    assert f'ction="/pre/{way}/users"' in page
    assert f'href="/pre/{way}/users/1"' in page


def test_a_refused_host_is_a_bad_request(client):
    response = client.get("/core/users", headers={"Host": "red..localhost"})
    assert response.status_code == 400


def test_sqlite_below_the_instance_folder_is_the_default():
    if "FLASK_SQLALCHEMY_DATABASE_URI" not in os.environ:
        assert OWN_ENGINE.url.get_backend_name() == "sqlite"
        assert OWN_ENGINE.url.database.startswith(app.instance_path)
        assert OWN_ENGINE.url.query["timeout"] == "30"


def test_nothing_is_connected_before_a_worker_is_forked():
    # These tests use an engine of their own, so this one is as imported.
    assert OWN_ENGINE.pool.checkedin() == OWN_ENGINE.pool.checkedout() == 0


# -- Declarative ------------------------------------------------------------


@each_mapped_way
def test_each_context_has_a_session_of_its_own(way):
    session, model = WAYS[way]

    with app.app_context():
        session.add(model(**ADA))
        outer = session()
        assert session() is outer

        # On the same thread, as a command or a test may do.
        with app.app_context():
            assert session() is not outer

        assert session() is outer
        assert len(session.new) == 1


@each_mapped_way
def test_what_is_not_committed_is_gone_with_the_context(client, way):
    session, model = WAYS[way]

    with app.app_context():
        create_table(db.engine)
        session.add(model(**ADA))
        session.flush()

    assert names(client) == []


# -- Manual Object Relational Mapping ---------------------------------------


def test_a_class_without_a_base_is_mapped_to_the_table():
    assert ImperativeUser.__bases__ == (object,)
    assert class_mapper(ImperativeUser).local_table is users
    assert ImperativeUser(**ADA).email == "ada@example.com"


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_all_ways_mean_the_same_table(dialect):
    tables = users, DeclarativeUser.__table__, ExtensionUser.__table__
    ddl = {
        f"{CreateTable(table).compile(dialect=dialect)}" for table in tables
    }
    assert len(ddl) == 1
    assert f"{ddl}".count("UNIQUE") == 2
    assert f"{ddl}".count("NOT NULL") == 3


# -- SQL Abstraction Layer --------------------------------------------------


@each_way
def test_the_first_use_makes_the_table_and_the_page_does_not(
    client, engine, way
):
    client.get("/")
    assert not has_table(engine)
    assert client.get(f"/{way}/users").json == []
    assert has_table(engine)


def test_the_table_is_asked_for_once_and_keeps_its_rows(client, engine):
    seen = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda *args: seen.append(args[2].strip().partition(" ")[0]),
    )
    client.post("/core/users", data=ADA)
    client.get("/core/users")
    assert seen == ["CREATE", "INSERT", "SELECT"]
    create_table.cache_clear()
    assert names(client) == ["ada"]


def test_sixteen_first_requests_at_once_all_work(client):
    start = Barrier(16)

    def visit(number):
        way = ALL[number % 4]
        form = {"name": f"{number}", "email": f"{number}"}
        start.wait()
        return app.test_client().post(f"/{way}/users", data=form).status_code

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(visit, range(16))) == [201] * 16

    assert len(names(client)) == 16


@pytest.mark.parametrize("error", ["IntegrityError", "ProgrammingError"])
def test_who_loses_the_race_for_the_table_uses_it(client, engine, error):
    users.create(engine)

    def lose(cursor, statement, parameters, context):
        if statement.lstrip().startswith("CREATE"):
            # PostgreSQL may say either, in spite of IF NOT EXISTS.
            raise getattr(engine.dialect.dbapi, error)("exists")

    event.listen(engine, "do_execute", lose)
    assert client.post("/core/users", data=ADA).status_code == 201


def test_a_name_that_all_want_at_once_is_given_once(client):
    start = Barrier(8)
    client.get("/core/users")

    def add(way):
        start.wait()
        return app.test_client().post(f"/{way}/users", data=ADA).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(add, islice(cycle(ALL), 8)))

    assert statuses == [201] + [409] * 7
    assert names(client) == ["ada"]


def every_request(client, way):
    yield client.get(f"/{way}/users")
    yield client.get(f"/{way}/users/1")
    yield client.post(f"/{way}/users", data={"name": "eve", "email": "eve"})


@each_way
def test_while_the_database_is_away_the_answer_is_503(client, engine, way):
    client.post(f"/{way}/users", data=ADA)

    def refuse(*args):
        raise engine.dialect.dbapi.OperationalError("gone")

    event.listen(engine, "do_connect", refuse)
    engine.dispose()

    # Whether this process has seen the table before or not.
    for _ in range(2):
        for response in every_request(client, way):
            assert response.status_code == 503
            assert "not available" in response.json["error"]

        create_table.cache_clear()

    assert client.get("/").status_code == 200
    event.remove(engine, "do_connect", refuse)
    assert names(client, way) == ["ada"]


@each_way
def test_a_connection_that_broke_in_the_pool_is_replaced(client, engine, way):
    client.get("/core/users")

    for response in every_request(client, way):
        assert response.status_code < 500

        with engine.connect() as connection:
            broken = connection.connection.dbapi_connection

        broken.close()


@each_way
def test_a_connection_that_is_read_only_is_not_kept(client, engine, way):
    client.get("/core/users")
    read_only = {
        "sqlite": "PRAGMA query_only = ON",
        "postgresql": "SET default_transaction_read_only = on",
    }

    with engine.begin() as connection:
        connection.exec_driver_sql(read_only[engine.name])

    assert client.post(f"/{way}/users", data=ADA).status_code == 503
    assert client.post(f"/{way}/users", data=ADA).status_code == 201
    assert names(client, way) == ["ada"]


@each_way
def test_when_all_connections_are_in_use_the_answer_is_503(
    client, engine, way, monkeypatch
):
    client.get("/core/users")
    small = create_engine(
        engine.url, pool_size=1, max_overflow=0, pool_timeout=0.01
    )

    with app.app_context():
        monkeypatch.setitem(db.engines, None, small)

    with small.connect():
        for response in every_request(client, way):
            assert response.status_code == 503

    small.dispose()
