import sqlite3
from pathlib import Path

import pytest
from app import app, close_db, get_db, init_db, query_db
from flask import g

ADA = {"username": "ada", "email": "ada@example.com"}
INSERT = "INSERT INTO users (username, email) VALUES (?, ?)"


@pytest.fixture(autouse=True)
def client(tmp_path, monkeypatch):
    """Return a client of the app on a new database."""
    path = tmp_path / "new" / "folder" / "users.db"
    monkeypatch.setitem(app.config, "DATABASE", str(path))

    with app.app_context():
        init_db()

    return app.test_client()


@pytest.fixture
def ada():
    with app.app_context(), get_db() as db:
        db.execute(INSERT, list(ADA.values()))


# -- Connect on Demand ------------------------------------------------------


def test_connection_opens_once_and_closes_with_the_context():
    with app.app_context():
        db = get_db()
        assert get_db() is db

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_connection_stays_closed_when_nothing_needs_it():
    with app.test_client() as client:
        client.get("/no/such/page")
        assert "db" not in g


def test_get_db_opens_a_new_connection_after_close_db():
    with app.app_context():
        get_db()
        close_db()
        assert get_db().execute("SELECT 1").fetchone()[0] == 1


def test_connection_checks_foreign_keys():
    with app.app_context():
        assert query_db("PRAGMA foreign_keys", one=True)[0] == 1


# -- Easy Querying ----------------------------------------------------------


def test_query_db_returns_all_rows_or_one_row_or_none(ada):
    query = "SELECT * FROM users WHERE username = ?"

    with app.app_context():
        assert query_db(query, ["ada"])[0]["email"] == ADA["email"]
        assert query_db(query, ["ada"], one=True)["email"] == ADA["email"]
        assert query_db(query, ["eve"]) == []
        assert query_db(query, ["eve"], one=True) is None


def test_user_is_stored_and_shown(client):
    response = client.post("/users", data=ADA)
    assert response.location == "/"
    assert 'href="/users/ada"' in client.get("/").text
    assert client.get("/users/ada").json == {"user_id": 1, **ADA}


def test_unknown_user_is_not_found(client):
    assert client.get("/users/eve").status_code == 404


def test_username_cannot_be_taken_twice(client, ada):
    response = client.post("/users", data=ADA | {"email": "<b>"})
    assert response.status_code == 409
    assert "taken" in response.text
    # The form still contains what was typed, as text.
    assert 'value="&lt;b&gt;"' in response.text
    assert len(client.get("/users").json) == 1


@pytest.mark.parametrize("username", ["Zoë", "日本語", "x" * 80])
def test_username_can_have_letters_beyond_ascii(client, username):
    client.post("/users", data=ADA | {"username": username})
    assert client.get(f"/users/{username}").json["username"] == username


@pytest.mark.parametrize(
    "bad",
    [
        {"username": "a/b"},
        {"username": "x" * 81},
        {"email": ""},
        {"email": "x" * 81},
    ],
)
def test_bad_field_is_rejected_with_a_message(client, bad):
    response = client.post("/users", data=ADA | bad)
    assert response.status_code == 400
    assert "must be 1 to 80" in response.text
    assert client.get("/users").json == []


@pytest.mark.parametrize(
    ("q", "found"), [("D", 1), ("", 1), ("%", 0), ("_", 0), ("' OR 1 --", 0)]
)
def test_search_treats_wildcards_and_sql_as_text(client, ada, q, found):
    assert len(client.get("/users", query_string={"q": q}).json) == found


# -- Initial Schemas --------------------------------------------------------


def test_start_creates_the_database_in_the_instance_folder():
    assert Path(app.instance_path, "users.db").is_file()


@pytest.mark.parametrize("row", [("ada", "x"), ("eve", None), (None, "x")])
def test_schema_rejects_a_taken_username_and_missing_values(ada, row):
    with app.app_context():
        with pytest.raises(sqlite3.IntegrityError):
            get_db().execute(INSERT, row)

        # SQLite numbers the users, and two of them can share an email.
        added = get_db().execute(INSERT, ("eve", ADA["email"]))
        assert added.lastrowid == 2


def test_init_db_keeps_the_users_of_an_existing_database(client, ada):
    app.test_cli_runner().invoke(args=["init-db"])
    assert client.get("/users/ada").status_code == 200


def test_init_db_creates_the_tables_of_a_new_database(client):
    Path(app.config["DATABASE"]).unlink()
    result = app.test_cli_runner().invoke(args=["init-db"])
    assert "Initialized" in result.output
    assert client.get("/users").json == []
