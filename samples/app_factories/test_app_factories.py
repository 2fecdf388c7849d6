from functools import partial

import pytest
from app import Visit, create_app, db
from flask import Flask
from flask.cli import ScriptInfo
from sqlalchemy import NullPool, event, inspect
from sqlalchemy.exc import OperationalError


@pytest.fixture
def new_app(tmp_path):
    """Return a function that creates an app with its data in a test folder."""

    def new_app(database="visits.db", *, local_auth=False, **config):
        config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/{database}"
        # Close each connection after its use, so that no file stays open.
        config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": NullPool}
        return create_app(config, local_auth=local_auth)

    return new_app


# -- Basic Factories --------------------------------------------------------


def test_config_overrides_variables_and_variables_override_defaults(
    new_app, monkeypatch
):
    monkeypatch.setenv("FLASK_INDEX_TEMPLATE", "variable.html")
    assert new_app().config["INDEX_TEMPLATE"] == "variable.html"
    app = new_app(INDEX_TEMPLATE="config.html")
    assert app.config["INDEX_TEMPLATE"] == "config.html"


def test_admin_page_is_the_template_of_the_current_app(new_app):
    one, two = new_app(), new_app(INDEX_TEMPLATE="login.html")
    assert "<h1>Admin</h1>" in one.test_client().get("/admin/").text
    assert "<h1>Log in</h1>" in two.test_client().get("/admin/").text


def test_flask_command_finds_the_factory(monkeypatch, tmp_path):
    # Without a setting, the database is in the app's instance folder.
    monkeypatch.setattr("app.Flask", partial(Flask, instance_path=tmp_path))
    app = ScriptInfo(app_import_path="app").load_app()
    assert (tmp_path / "visits.db").exists()
    assert "auth" not in app.blueprints

    with app.app_context():
        db.engine.dispose()


# -- Factories & Extensions -------------------------------------------------


def test_two_apps_count_their_own_visits(new_app):
    one = new_app("one.db").test_client()
    two = new_app("two.db").test_client()
    assert "number 1," in one.get("/").text
    assert "number 2," in one.get("/").text
    assert "number 1," in two.get("/").text


def test_number_is_the_id_of_the_visit_and_not_a_count(new_app):
    app = new_app()

    with app.app_context():
        db.session.add(Visit(id=41))
        db.session.commit()

    assert "number 42," in app.test_client().get("/").text


def test_start_adds_a_new_table_with_its_index(new_app):
    new_app()
    note = db.Table("note", db.Column("name", db.String(80), index=True))

    try:
        with new_app().app_context():
            assert len(inspect(db.engine).get_indexes("note")) == 1
    finally:
        db.metadata.remove(note)


def test_start_works_when_another_worker_creates_the_table_first(new_app):
    def start_another_worker(*args, **kwargs):
        new_app()

    # SQLAlchemy runs this after it has looked for the table.
    visit = Visit.__table__
    event.listen(visit, "before_create", start_another_worker, once=True)
    assert "number 1," in new_app().test_client().get("/").text


def test_start_fails_when_the_database_is_unavailable(new_app):
    with pytest.raises(OperationalError):
        new_app("missing/visits.db")


# -- Factory Improvements ---------------------------------------------------


def test_frontend_alone_is_marked_in_every_app(new_app):
    for app in (new_app(), new_app(local_auth=True)):
        client = app.test_client()
        assert client.get("/").headers["X-Frontend"] == "1"

        for path in ("/admin/", "/auth/login", "/missing"):
            assert "X-Frontend" not in client.get(path).headers


def test_login_page_exists_only_with_local_auth(new_app):
    assert new_app().test_client().get("/auth/login").status_code == 404
    client = new_app(local_auth=True).test_client()
    assert "<h1>Log in</h1>" in client.get("/auth/login").text


def test_forwarded_address_is_used_only_behind_a_proxy(new_app):
    headers = {"X-Forwarded-For": "203.0.113.1, 203.0.113.2"}
    client = new_app().test_client()
    assert "from 127.0.0.1." in client.get("/", headers=headers).text
    client = new_app(BEHIND_PROXY=True).test_client()
    assert "from 203.0.113.2." in client.get("/", headers=headers).text
