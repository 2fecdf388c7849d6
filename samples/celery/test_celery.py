import json
from pathlib import Path
from types import SimpleNamespace

import app as module
import pytest
from app import create_app
from celery import uuid
from celery.app.utils import find_app
from flask.cli import ScriptInfo

OPTIONS = "FLASK_CELERY__broker_transport_options__"
FORMS = {"/add": {"a": 1, "b": 2}, "/process": {"total": 2}, "/fail": {}}
FORMS |= {"/archive/1": {}}


@pytest.fixture
def make_app(monkeypatch, tmp_path):
    """A factory of apps that write below tmp_path only, if at all."""

    def make(**variables):
        variables = {
            "FLASK_CELERY__broker_url": "memory://",
            "FLASK_CELERY__result_backend": "cache+memory://",
            f"{OPTIONS}processed_folder": f"{tmp_path}/messages/done",
            **variables,
        }

        for name, value in variables.items():
            monkeypatch.setenv(name, value)

        return create_app()

    return make


@pytest.fixture
def client(make_app):
    """A client of an app that has no worker."""
    app = make_app()
    yield app.test_client()
    app.extensions["celery"].control.purge()


@pytest.fixture
def working(make_app, monkeypatch):
    """A client of an app whose tasks are done as soon as they are sent."""
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda _: None))
    return make_app(
        FLASK_CELERY__task_always_eager="true",
        FLASK_CELERY__task_store_eager_result="true",
    ).test_client()


def celery_of(client):
    return client.application.extensions["celery"]


def queued(client, queue="celery"):
    """Return [(name, arguments)] of the messages, and take them out."""
    with celery_of(client).connection_for_read() as connection:
        messages = connection.SimpleQueue(queue)
        found = []

        while len(messages):
            message = messages.get_nowait()
            found.append((message.headers["task"], message.payload[0]))
            message.ack()

    return found


def result(client, path, form=None):
    """Send the form; return what its result is now."""
    response = client.post(path, data=form)
    assert response.status_code == 202
    assert response.location == f"/result/{response.json['result_id']}"
    return client.get(response.location).json


# -- Install ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("broker", "results", "driver", "backend"),
    [
        ("filesystem://", "db+sqlite://", "filesystem", "DatabaseBackend"),
        ("redis://", "redis://", "redis", "RedisBackend"),
        ("amqp://", "redis://", "py-amqp", "RedisBackend"),
    ],
)
def test_a_client_for_each_server_is_there(
    make_app, broker, results, driver, backend
):
    app = make_app(
        FLASK_CELERY__broker_url=broker, FLASK_CELERY__result_backend=results
    )
    celery_app = app.extensions["celery"]
    assert celery_app.connection_for_write().transport.driver_name == driver
    assert type(celery_app.backend).__name__ == backend


# -- Integrate Celery with Flask --------------------------------------------


def test_a_task_runs_in_an_app_context(make_app):
    # Nothing but the task makes one here.
    done = make_app().extensions["celery"].tasks["archive"].apply([1])
    assert json.loads(done.get()) == {"name": "Ada"}


def test_the_last_app_is_the_default_of_its_tasks(make_app):
    make_app()
    last = make_app().extensions["celery"]
    assert module.add_together.app is last


def test_each_of_two_apps_sends_to_its_own_broker(make_app):
    one = make_app(FLASK_CELERY__task_default_queue="one").test_client()
    two = make_app(FLASK_CELERY__task_default_queue="two").test_client()
    one.post("/add", data=FORMS["/add"])
    assert queued(two, "two") == []
    assert queued(one, "one") == [("add_together", [1, 2])]


@pytest.mark.parametrize(
    "key", ["BROKER_URL", "TASK_ALWAYS_EAGER", "Timezone"]
)
def test_a_key_that_celery_ignores_stops_the_start_by_name(make_app, key):
    with pytest.raises(ValueError, match=f"FLASK_CELERY__{key}: .*lower case"):
        make_app(**{f"FLASK_CELERY__{key}": "redis://127.0.0.1"})


def test_the_folders_are_made_when_celery_starts_and_when_a_task_is_sent(
    make_app, tmp_path
):
    app = make_app()
    folder = tmp_path / "messages" / "done"
    assert not folder.exists()
    assert app.extensions["celery"].conf.broker_url == "memory://"
    assert folder.exists()
    folder.rmdir()
    app.test_client().post("/fail")
    assert folder.exists()
    app.extensions["celery"].control.purge()


# -- Application Factory ----------------------------------------------------


def test_the_commands_find_what_they_need():
    assert find_app("app") is module.celery_app
    assert ScriptInfo(app_import_path="app").load_app() is module.flask_app
    app = ScriptInfo(app_import_path="app:create_app()").load_app()
    assert app is not module.flask_app
    # Celery would take a module's `app` without a look at what it is.
    assert not hasattr(module, "app")


def test_the_default_needs_no_server_and_keeps_to_the_instance_folder():
    app = create_app()
    settings = app.config["CELERY"]
    options = settings["broker_transport_options"]
    assert settings["broker_url"] == "filesystem://"
    assert options["data_folder_in"] == options["data_folder_out"]
    # Elsewhere a message would be taken out through the shared /tmp.
    assert options["store_processed"]
    paths = [path for name, path in options.items() if "folder" in name]
    paths += [settings["result_backend"].removeprefix("db+sqlite:///")]
    assert len(paths) == 5
    assert all(Path(app.instance_path) in Path(path).parents for path in paths)


def test_a_variable_replaces_one_default_and_leaves_the_others(make_app):
    name = f"{OPTIONS}visibility_timeout"
    settings = make_app(**{name: "60"}).config["CELERY"]
    assert settings["broker_url"] == "memory://"
    assert settings["broker_transport_options"]["visibility_timeout"] == 60
    assert settings["broker_transport_options"]["confirm_publish"]
    assert settings["task_acks_late"]


@pytest.mark.parametrize(
    ("url", "interval"), [("filesystem://", 0.1), ("redis://", None)]
)
def test_only_the_default_broker_is_asked_again_and_again(
    make_app, url, interval
):
    settings = make_app(FLASK_CELERY__broker_url=url).config["CELERY"]
    options = settings["broker_transport_options"]
    assert options.get("polling_interval") == interval


def test_another_interval_is_kept(make_app):
    options = {f"{OPTIONS}polling_interval": "2"}
    app = make_app(FLASK_CELERY__broker_url="filesystem://", **options)
    options = app.config["CELERY"]["broker_transport_options"]
    assert options["polling_interval"] == 2


# -- Defining Tasks ---------------------------------------------------------


def test_the_tasks_have_names_that_no_module_is_part_of(client):
    assert {"add_together", "process", "fail", "archive"} == {
        name for name in celery_of(client).tasks if "." not in name
    }


def test_two_numbers_are_added(working):
    assert result(working, "/add", {"a": -(10**9), "b": 7}) == {
        "ready": True,
        "successful": True,
        "value": -999_999_993,
        "state": "SUCCESS",
    }


def test_a_long_task_tells_how_far_it_is(working, monkeypatch):
    seen = []
    id = uuid()

    def look(seconds):
        seen.append((seconds, working.get(f"/result/{id}").json))

    monkeypatch.setattr(module, "uuid", lambda: id)
    monkeypatch.setattr(module.time, "sleep", look)
    assert result(working, "/process", {"total": 2})["value"] == 2
    assert seen == [
        (
            0.1,
            {
                "ready": False,
                "successful": False,
                "value": {"current": step, "total": 2},
                "state": "PROGRESS",
            },
        )
        for step in range(2)
    ]


# -- Calling Tasks ----------------------------------------------------------


def test_the_page_has_a_form_for_each_task(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "<h1>Background Tasks with Celery</h1>" in page.text

    for path in FORMS:
        assert f'action="{path}"' in page.text


@pytest.mark.parametrize("path", FORMS)
def test_a_task_is_queued_and_the_answer_does_not_wait(client, path):
    assert result(client, path, FORMS[path]) == {
        "ready": False,
        "successful": False,
        "value": None,
        "state": "QUEUED",
    }
    assert len(queued(client)) == 1


BAD = ["", " ", "x", "1.5", "1e3", "nan", "-", "1\0", "0x1", "9" * 5000]


@pytest.mark.parametrize("field", ["a", "b"])
def test_what_cannot_be_added_is_refused_by_name(client, field):
    for value in [*BAD, "1000000001", "-1000000001"]:
        response = client.post("/add", data=FORMS["/add"] | {field: value})
        assert response.status_code == 400, value
        assert response.json["error"] == (
            f"Send {field} as a whole number from -1000000000 to 1000000000."
        )

    assert queued(client) == []


def test_a_number_of_steps_has_its_limits(client):
    for value in [*BAD, "0", "-1", "101"]:
        response = client.post("/process", data={"total": value})
        assert response.status_code == 400, value
        assert response.json["error"] == (
            "Send total as a whole number from 1 to 100."
        )

    assert queued(client) == []


def test_a_missing_number_is_refused(client):
    for form in ({}, {"a": 1}, {"b": 1}):
        assert client.post("/add", data=form).status_code == 400
        assert client.post("/add", json=form).status_code == 400

    assert queued(client) == []


def test_a_large_body_is_refused(client):
    for path, form in FORMS.items():
        response = client.post(path, data=form | {"x": "x" * 1_000_001})
        assert response.status_code == 413, path
        assert "error" in response.json

    assert queued(client) == []


def test_a_body_is_read_where_the_server_marks_its_end(client):
    environ = {"wsgi.input_terminated": True}

    for path, form in FORMS.items():
        response = client.post(path, data=form, environ_overrides=environ)
        assert response.status_code == 202, path


def test_an_error_is_told_in_json_and_on_the_page_as_a_page(client):
    response = client.get("/add")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert "not allowed" in response.json["error"]
    assert client.post("/").status_code == 405
    assert client.post("/").mimetype == "text/html"


@pytest.mark.parametrize(
    "url", ["amqp://127.0.0.1:1//", "redis://127.0.0.1:1"]
)
def test_without_a_broker_the_answer_is_503(make_app, url):
    client = make_app(FLASK_CELERY__broker_url=url).test_client()

    for path, form in FORMS.items():
        response = client.post(path, data=form)
        assert response.status_code == 503, path
        assert "not available" in response.json["error"]

    assert client.get("/").status_code == 200


def test_without_a_store_of_results_nothing_is_sent(make_app):
    url = "redis://127.0.0.1:1/0"
    client = make_app(FLASK_CELERY__result_backend=url).test_client()
    assert client.post("/fail").status_code == 503
    assert client.get("/result/7").status_code == 503
    assert queued(client) == []


def test_without_a_folder_for_messages_nothing_is_sent(client, tmp_path):
    (tmp_path / "messages").write_text("not a folder")
    assert client.get("/result/7").status_code == 503
    assert client.post("/fail").status_code == 503
    assert queued(client) == []

    (tmp_path / "messages").unlink()
    assert client.get("/result/7").status_code == 404


def test_forms_script_and_location_stay_below_a_prefix(client):
    base = "http://localhost/pre"
    page = client.get("/", base_url=base).text
    assert page.count('action="/') == page.count('action="/pre/') == 5
    assert 'src="/pre/static/page.js"' in page
    response = client.post("/fail", base_url=base)
    assert response.location.startswith("/pre/result/")


def test_a_refused_host_is_a_bad_request(client):
    for path in ("/", "/result/7"):
        response = client.get(path, headers={"Host": "red..localhost"})
        assert response.status_code == 400


# -- Getting Results --------------------------------------------------------


def test_a_failure_tells_its_class_and_nothing_else(working):
    assert result(working, "/fail") == {
        "ready": True,
        "successful": False,
        "value": "RuntimeError",
        "state": "FAILURE",
    }


def test_an_unknown_id_is_not_found(client):
    for id in (uuid(), "x" * 2000, "%00", "..", "日本", "'", "%ff", "a b"):
        response = client.get(f"/result/{id}")
        assert response.status_code == 404, id
        assert response.json == {"error": "There is no such task."}


def test_a_worker_s_process_is_nobody_s_business(client):
    # Stored by Celery's worker where task_track_started is set.
    id = uuid()
    celery_of(client).backend.store_result(id, {"pid": 4711}, "STARTED")
    assert client.get(f"/result/{id}").json["value"] is None


def test_head_is_answered(client):
    location = client.post("/fail").location
    assert client.head(location).status_code == 200
    assert client.head(f"/result/{uuid()}").status_code == 404


# -- Passing Data to Tasks --------------------------------------------------


def test_the_message_holds_the_id_and_the_task_finds_the_user(
    client, working, monkeypatch
):
    client.post("/archive/2")
    assert queued(client) == [("archive", [2])]
    monkeypatch.setitem(module.USERS, 2, {"name": "Amazing Grace"})
    archive = result(working, "/archive/2")["value"]
    assert json.loads(archive) == {"name": "Amazing Grace"}


def test_there_is_no_archive_of_an_unknown_user(client):
    for user in ("0", "3", "9" * 100):
        response = client.post(f"/archive/{user}")
        assert response.status_code == 404
        assert response.json == {"error": f"There is no user {user}."}

    assert queued(client) == []
