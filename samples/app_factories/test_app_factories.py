import pytest
from app import create_app, db
from flask import current_app
from flask.cli import ScriptInfo
from sqlalchemy import event


@pytest.fixture(autouse=True)
def make_app(tmp_path, monkeypatch):
    """Yield a factory whose apps each have a database of their own."""
    apps = []

    def make(config=None, **kwargs):
        uri = f"sqlite:///{tmp_path}/{len(apps)}.db"
        app = create_app(
            {"SQLALCHEMY_DATABASE_URI": uri, **(config or {})}, **kwargs
        )
        apps.append(app)
        return app

    # Where a test calls the factory without a config.
    monkeypatch.setenv(
        "FLASK_SQLALCHEMY_DATABASE_URI", f"sqlite:///{tmp_path}/visits.db"
    )
    yield make

    for app in apps:
        with app.app_context():
            db.engine.dispose()


# -- Basic Factories --------------------------------------------------------


def test_the_front_page_links_to_what_this_app_has(make_app):
    page = make_app().test_client().get("/")
    assert page.status_code == 200
    assert "<h1>Application Factories</h1>" in page.text
    assert 'href="/admin/"' in page.text
    assert "/auth/login" not in page.text


def test_the_admin_page_is_the_template_named_in_the_config(make_app):
    page = make_app().test_client().get("/admin/")
    assert page.status_code == 200
    assert "<h1>Admin</h1>" in page.text
    other = make_app({"INDEX_TEMPLATE": "login.html"})
    assert "<h1>Log in</h1>" in other.test_client().get("/admin/").text


def test_the_admin_page_shows_no_secret(make_app):
    app = make_app({"SECRET_KEY": "do not tell"})
    page = app.test_client().get("/admin/")
    assert "do not tell" not in page.text


def test_two_apps_share_no_config(make_app):
    one = make_app({"TRUSTED_PROXIES": 1, "ONLY_HERE": True})
    two = make_app()
    assert one.config["TRUSTED_PROXIES"] == 1
    assert two.config["TRUSTED_PROXIES"] == 0
    assert "ONLY_HERE" not in two.config
    assert one.config["SECRET_KEY"] != two.config["SECRET_KEY"]


# -- Factories & Extensions -------------------------------------------------


def test_visits_are_counted(make_app):
    client = make_app().test_client()
    assert "Visit number 1," in client.get("/").text
    assert "Visit number 2," in client.get("/").text


def test_visits_outlive_the_app(make_app, tmp_path):
    config = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/kept.db"}
    make_app(config).test_client().get("/")
    page = make_app(config).test_client().get("/")
    assert "Visit number 2," in page.text


def test_without_a_database_the_answer_is_503(make_app, tmp_path):
    away = f"sqlite:///{tmp_path}/away/visits.db"
    client = make_app({"SQLALCHEMY_DATABASE_URI": away}).test_client()
    response = client.get("/")
    assert response.status_code == 503
    assert "not available" in response.text
    assert client.get("/admin/").status_code == 200

    (tmp_path / "away").mkdir()
    assert "Visit number 1," in client.get("/").text


@pytest.mark.parametrize("error", ["InternalError", "OperationalError"])
def test_what_the_database_refuses_is_a_503(make_app, error):
    app = make_app()

    def refuse(cursor, statement, parameters, context):
        raise getattr(db.engine.dialect.dbapi, error)("read-only")

    with app.app_context():
        event.listen(db.engine, "do_execute", refuse)

    assert app.test_client().get("/").status_code == 503


def test_a_connection_that_is_read_only_is_not_kept(make_app):
    app = make_app()
    client = app.test_client()
    client.get("/")

    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")

    assert client.get("/").status_code == 503
    assert "Visit number 2," in client.get("/").text


def test_two_apps_in_turn_share_no_data(make_app):
    one = make_app().test_client()
    two = make_app().test_client()
    assert "Visit number 1," in one.get("/").text
    assert "Visit number 2," in one.get("/").text
    assert "Visit number 1," in two.get("/").text
    assert "Visit number 3," in one.get("/").text
    assert "Visit number 2," in two.get("/").text


def test_the_extension_follows_the_current_app(make_app):
    one, two = make_app(), make_app()

    with one.app_context():
        engine = db.engine

        with two.app_context():
            assert current_app.name == two.name
            assert db.engine is not engine

        assert db.engine is engine


# -- Using Applications -----------------------------------------------------


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("app", 404),
        ("app:create_app()", 404),
        ("app:create_app(local_auth=True)", 200),
    ],
)
def test_the_flask_command_finds_the_factory(target, status):
    app = ScriptInfo(app_import_path=target).load_app()
    assert app.test_client().get("/auth/login").status_code == status


def test_the_login_page_exists_only_with_local_auth(make_app):
    with_login = make_app(local_auth=True).test_client()
    without = make_app().test_client()
    assert 'href="/auth/login"' in with_login.get("/").text
    assert "<h1>Log in</h1>" in with_login.get("/auth/login").text
    assert without.get("/auth/login").status_code == 404


# -- Factory Improvements ---------------------------------------------------


def test_a_variable_goes_before_the_default_and_the_config_before_both(
    make_app, monkeypatch
):
    monkeypatch.setenv("FLASK_TRUSTED_PROXIES", "2")
    assert make_app().config["TRUSTED_PROXIES"] == 2
    assert make_app({"TRUSTED_PROXIES": 3}).config["TRUSTED_PROXIES"] == 3


@pytest.mark.parametrize(
    "value", ["123", "1.5", "true", "null", "[]", '{"a": 1}', "", '""']
)
def test_a_secret_key_that_cannot_sign_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("FLASK_SECRET_KEY", value)

    with pytest.raises(ValueError, match="SECRET_KEY must be text"):
        create_app()


@pytest.mark.parametrize("value", ['"123"', "0123", "geheim-ß"])
def test_a_secret_key_of_text_is_kept(make_app, monkeypatch, value):
    monkeypatch.setenv("FLASK_SECRET_KEY", value)
    assert make_app().secret_key == value.strip('"')


@pytest.mark.parametrize("value", ["-1", "1.0", "many", "null", "[1]", ""])
def test_a_wrong_number_of_proxies_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("FLASK_TRUSTED_PROXIES", value)

    with pytest.raises(ValueError, match="TRUSTED_PROXIES must be"):
        create_app()


def test_only_answers_of_the_frontend_are_marked_and_once_each(make_app):
    # The second app is the one whose hook came too late.
    for app in (make_app(), make_app(local_auth=True)):
        client = app.test_client()
        assert client.get("/").headers.getlist("X-Frontend") == ["1"]

        for path in ("/admin/", "/auth/login", "/static/x.css", "/missing"):
            assert "X-Frontend" not in client.get(path).headers


FORWARDED = {
    "X-Forwarded-For": "203.0.113.1, 203.0.113.2",
    "X-Forwarded-Prefix": "/one, /two",
}


def test_forwarded_headers_are_ignored_by_default(make_app):
    page = make_app().test_client().get("/", headers=FORWARDED)
    assert "from 127.0.0.1." in page.text
    assert 'href="/admin/"' in page.text


@pytest.mark.parametrize(
    ("hops", "address", "link"),
    [
        (1, "203.0.113.2", "/two/admin/"),
        (2, "203.0.113.1", "/one/admin/"),
        (3, "127.0.0.1", "/admin/"),
    ],
)
def test_as_many_proxies_are_trusted_as_there_are(
    make_app, hops, address, link
):
    app = make_app({"TRUSTED_PROXIES": hops})
    page = app.test_client().get("/", headers=FORWARDED)
    assert f"from {address}." in page.text
    assert f'href="{link}"' in page.text


def test_a_forwarded_address_is_escaped(make_app):
    app = make_app({"TRUSTED_PROXIES": 1})
    headers = {"X-Forwarded-For": "<script>"}
    page = app.test_client().get("/", headers=headers)
    assert "from &lt;script&gt;." in page.text


def test_links_stay_below_a_prefix(make_app):
    client = make_app(local_auth=True).test_client()

    for path in ("/", "/admin/", "/auth/login"):
        page = client.get(path, base_url="http://localhost/pre")
        assert page.text.count('href="') == page.text.count('href="/pre/')


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_a_refused_host_is_a_bad_request(make_app, header):
    client = make_app({"TRUSTED_PROXIES": 1}).test_client()
    response = client.get("/", headers={header: "red..localhost"})
    assert response.status_code == 400
