import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from html import unescape
from threading import Barrier

import pytest
from app import app, get_db, init_db, query_db
from flask import g

ADA = {"username": "ada", "email": "ada@example.com"}


@pytest.fixture(autouse=True)
def database(tmp_path, monkeypatch):
    path = tmp_path / "instance" / "users.db"
    monkeypatch.setitem(app.config, "DATABASE", str(path))
    return path


@pytest.fixture
def client():
    return app.test_client()


def usernames():
    with app.app_context():
        return [row["username"] for row in query_db("SELECT * FROM users")]


# -- Connect on Demand ------------------------------------------------------


def test_the_first_request_makes_the_database(client, database):
    assert not database.exists()
    assert client.get("/").status_code == 200
    assert database.exists()


def test_sixteen_first_requests_at_once_all_work():
    start = Barrier(16)

    def visit(number):
        start.wait()
        form = {"username": f"user{number}", "email": "same@example.com"}
        return app.test_client().post("/users", data=form).status_code

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(visit, range(16))) == [303] * 16

    assert len(usernames()) == 16


def test_no_connection_is_opened_before_it_is_needed(database):
    with app.test_client() as client:
        client.get("/nothing-here")
        assert "db" not in g

    assert not database.exists()


def test_one_context_has_one_connection():
    with app.app_context():
        assert get_db() is get_db()


def test_the_connection_is_closed_and_forgotten():
    with app.app_context():
        db = get_db()
        app.do_teardown_appcontext()
        assert "db" not in g
        assert get_db() is not db

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_a_connection_checks_foreign_keys_and_uses_wal():
    with app.app_context():
        assert query_db("PRAGMA foreign_keys", one=True)[0] == 1
        assert query_db("PRAGMA journal_mode", one=True)[0] == "wal"


def test_the_database_lies_below_the_instance_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(app, "instance_path", str(tmp_path / "below"))
    monkeypatch.setitem(app.config, "DATABASE", "relative.sqlite")
    assert app.test_client().get("/users").json == []
    assert (tmp_path / "below" / "relative.sqlite").exists()


# -- Easy Querying ----------------------------------------------------------


def test_a_user_is_added_committed_and_shown(client):
    response = client.post("/users", data=ADA)
    assert response.status_code == 303
    assert response.location == "/"
    page = client.get("/").text
    assert '<a href="/users/ada">ada</a>, ada@example.com' in page
    assert client.get("/users/ada").json == {"user_id": 1, **ADA}


def test_query_db_gives_rows_one_row_or_none(client):
    client.post("/users", data=ADA)
    query = "SELECT * FROM users WHERE username = ?"

    with app.app_context():
        [row] = query_db(query, ["ada"])
        assert row["email"] == row[2] == "ada@example.com"
        assert query_db(query, ["ada"], one=True)["user_id"] == 1
        assert query_db(query, ["eve"]) == []
        assert query_db(query, ["eve"], one=True) is None


def test_a_user_name_is_taken_once_an_email_is_not(client):
    client.post("/users", data=ADA)
    response = client.post("/users", data=ADA | {"email": "b@example.com"})
    assert response.status_code == 409
    assert "That username is taken." in response.text
    assert 'value="b@example.com"' in response.text
    response = client.post("/users", data=ADA | {"username": "ada2"})
    assert response.status_code == 303
    assert usernames() == ["ada", "ada2"]


@pytest.mark.parametrize(
    "text", ["", "    ", "x" * 81, "a\0b", "a\nb", "\x1b[31m", "a\u200bb"]
)
@pytest.mark.parametrize("field", ["username", "email"])
def test_a_bad_field_is_refused_and_nothing_stored(client, field, text):
    response = client.post("/users", data=ADA | {field: text})
    assert response.status_code == 400
    assert "1 to 80 printable characters" in response.text
    assert usernames() == []


@pytest.mark.parametrize("form", [{}, {"username": "a"}, {"email": "a"}])
def test_a_missing_field_is_refused(client, form):
    assert client.post("/users", data=form).status_code == 400
    assert usernames() == []


@pytest.mark.parametrize(
    "username",
    ["x", "x" * 80, "日本語", "a/b//c", "50%", "a?b#c", "a b", "';--", '"'],
)
def test_every_stored_user_has_a_page_of_its_own(client, username):
    client.post("/users", data=ADA | {"username": username})
    link = client.get("/").text.partition('<a href="')[2].partition('"')[0]
    assert client.get(unescape(link)).json["username"] == username


@pytest.mark.parametrize("path", ["/users/eve", "/users/a//b", "/users/%00"])
def test_an_unknown_user_is_a_json_404(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.json == {"error": "There is no such user."}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?q=", ["50% off", "a_b", "c\\d", "O'Hara"]),
        ("", ["50% off", "a_b", "c\\d", "O'Hara"]),
        ("?q=%25", ["50% off"]),
        ("?q=_", ["a_b"]),
        ("?q=%5C", ["c\\d"]),
        ("?q='", ["O'Hara"]),
        ("?q=hara", ["O'Hara"]),
        ("?q=' OR 1=1 --", []),
        ("?q=%00", []),
        ("?q=" + "x" * 60_000, []),
    ],
)
def test_search_takes_every_character_as_itself(client, query, found):
    for username in ("50% off", "a_b", "c\\d", "O'Hara"):
        client.post("/users", data=ADA | {"username": username})

    users = client.get(f"/users{query}").json
    assert [user["username"] for user in users] == found
    assert all(set(user) == {"user_id", "username", "email"} for user in users)


def test_markup_is_shown_as_text(client):
    markup = "<script>alert(1)</script>"
    client.post("/users", data={"username": markup, "email": markup})
    assert markup not in client.get("/").text
    response = client.post("/users", data={"username": markup})
    assert markup not in response.text


def test_a_failed_request_leaves_nothing_behind(client, database):
    client.get("/")

    # This trigger fails when the row is in already, and leaves it there.
    with closing(sqlite3.connect(database)) as db:
        db.execute(
            "CREATE TRIGGER late AFTER INSERT ON users BEGIN"
            " SELECT raise(FAIL, 'too late'); END"
        )

    client.post("/users", data=ADA)
    assert usernames() == []


def test_without_a_database_the_answer_is_503(client, database):
    database.parent.write_text("not a folder")

    for response in (client.get("/"), client.post("/users", data=ADA)):
        assert response.status_code == 503
        assert "not available" in response.text

    for path in ("/users", "/users/ada"):
        response = client.get(path)
        assert response.status_code == 503
        assert "not available" in response.json["error"]


def test_a_file_that_cannot_be_opened_is_503(client, database):
    database.mkdir(parents=True)
    assert client.get("/").status_code == 503


def test_a_large_body_is_refused(client):
    form = {"username": "x" * 1_000_001, "email": "x"}
    assert client.post("/users", data=form).status_code == 413


def test_links_forms_and_redirects_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    assert client.post("/users", data=ADA, base_url=base).location == "/pre/"
    page = client.get("/", base_url=base).text
    assert page.count('action="/pre/users"') == 2
    assert 'href="/pre/users/ada"' in page


# -- Initial Schemas --------------------------------------------------------


def test_init_db_can_run_again_and_keeps_the_users(client):
    client.post("/users", data=ADA)

    with app.app_context():
        init_db()

    result = app.test_cli_runner().invoke(args=["init-db"])
    assert result.exit_code == 0
    assert "ready" in result.output
    assert usernames() == ["ada"]


def test_reset_deletes_the_users(client):
    client.post("/users", data=ADA)
    result = app.test_cli_runner().invoke(args=["init-db", "--reset"])
    assert result.exit_code == 0
    assert usernames() == []


def test_reset_also_makes_a_database_where_there_is_none(database):
    result = app.test_cli_runner().invoke(args=["init-db", "--reset"])
    assert result.exit_code == 0
    assert database.exists()
