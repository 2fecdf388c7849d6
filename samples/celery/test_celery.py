import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import app as module
import pytest
from celery.app.utils import find_app
from celery.contrib.testing.worker import start_worker
from flask import current_app
from flask.cli import ScriptInfo

PATIENCE = 60  # seconds
PENDING = {
    "ready": False,
    "successful": False,
    "value": None,
    "state": "PENDING",
}


def make_app(broker_url):
    """Create an app that stores its results in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLASK_CELERY__broker_url", broker_url)
        patch.setenv("FLASK_CELERY__result_backend", "cache+memory://")
        return module.create_app()


@pytest.fixture(scope="module")
def app():
    """Yield an app whose worker runs in a thread, one task at a time."""
    app = make_app("memory://")

    with start_worker(app.extensions["celery"], perform_ping_check=False):
        yield app


@pytest.fixture
def client(app):
    # Views and the worker use the app that was created last, which can be one
    # of another test.
    app.extensions["celery"].set_current()
    app.extensions["celery"].set_default()
    return app.test_client()


@pytest.fixture
def gate(monkeypatch):
    """Yield an event. Each step of the task `process` waits for it."""
    event = threading.Event()
    monkeypatch.setattr(module, "sleep", lambda _: event.wait(PATIENCE))
    yield event
    event.set()


def wait(client, response, state="SUCCESS"):
    """Request a result until it's ready, or until it shows progress."""
    assert response.status_code == 202
    deadline = time.monotonic() + PATIENCE

    while time.monotonic() < deadline:
        result = client.get(f"/result/{response.json['result_id']}").json

        # The view reads the state last, so `ready` and the value can be older.
        if result["ready"] or (state == "PROGRESS" and result["value"]):
            break

        time.sleep(0.01)

    assert result["state"] == state
    return result


# -- Integrate Celery with Flask --------------------------------------------


def test_every_thread_sends_tasks_with_the_settings_of_the_app():
    app = make_app("memory://")

    with ThreadPoolExecutor() as pool:
        used = pool.submit(lambda: module.add_together.app).result()

    assert used is app.extensions["celery"]


def test_task_runs_in_the_context_of_the_app():
    app = make_app("memory://")

    @app.extensions["celery"].task
    def get_app():
        return current_app._get_current_object()

    assert get_app() is app


# -- Application Factory ----------------------------------------------------


def test_flask_and_celery_commands_find_their_apps():
    assert ScriptInfo(app_import_path="app").load_app() is module.flask_app
    assert find_app("app") is module.celery_app


def test_task_runs_without_a_server_when_nothing_is_configured(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(
        module.Flask, "auto_find_instance_path", lambda app: str(tmp_path)
    )
    celery_app = module.create_app().extensions["celery"]
    result = module.add_together.delay(1, 2)

    with start_worker(celery_app, perform_ping_check=False):
        assert result.get(timeout=PATIENCE) == 3

    assert (tmp_path / "results.db").exists()


def test_variable_replaces_one_setting_only(monkeypatch):
    monkeypatch.setenv("FLASK_CELERY__broker_url", "redis://example.com")
    settings = module.create_app().config["CELERY"]
    assert settings["broker_url"] == "redis://example.com"
    assert settings["result_backend"].startswith("db+sqlite:///")


# -- Defining Tasks ---------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [(-1, 3), (0, 2), (2, 0)])
def test_add_together_adds_two_numbers(client, a, b):
    result = wait(client, client.post("/add", data={"a": a, "b": b}))
    assert result["value"] == 2
    assert result["successful"]


def test_process_tells_its_progress_while_it_runs(client, gate):
    response = client.post("/process", data={"total": 2})
    result = wait(client, response, "PROGRESS")
    assert result["value"] == {"current": 0, "total": 2}
    assert not result["ready"]
    gate.set()
    assert wait(client, response)["value"] == 2


# -- Calling Tasks ----------------------------------------------------------


def test_add_responds_with_an_id_before_its_task_runs(client, gate):
    # This task keeps the worker busy until the gate opens.
    client.post("/process", data={"total": 1})
    response = client.post("/add", data={"a": 1, "b": 2})
    assert response.status_code == 202
    assert client.get(f"/result/{response.json['result_id']}").json == PENDING


@pytest.mark.parametrize("form", [{"a": 1}, {"b": 2}, {"a": 1, "b": "two"}])
def test_add_returns_400_when_a_number_is_missing_or_wrong(client, form):
    response = client.post("/add", data=form)
    assert response.status_code == 400
    assert "whole numbers" in response.json["error"]


@pytest.mark.parametrize("total", ["x", 0, 101])
def test_process_returns_400_when_the_total_is_out_of_range(client, total):
    response = client.post("/process", data={"total": total})
    assert response.status_code == 400
    assert "1 to 100" in response.json["error"]


def test_add_returns_503_when_the_broker_is_down():
    client = make_app("redis://127.0.0.1:1").test_client()
    response = client.post("/add", data={"a": 1, "b": 2})
    assert response.status_code == 503
    assert "unavailable" in response.json["error"]
    assert client.get("/").status_code == 200


# -- Getting Results --------------------------------------------------------


def test_result_of_a_failed_task_is_the_class_of_its_error(client):
    result = wait(client, client.post("/fail"), "FAILURE")
    assert result["value"] == "RuntimeError"
    assert not result["successful"]


def test_result_is_pending_when_the_id_is_unknown(client):
    assert client.get("/result/no-such-id").json == PENDING


def test_result_is_never_ready_with_the_progress(client, monkeypatch):
    progress = {"current": 1, "total": 2}
    # The task ends after the view has looked once.
    looks = [{"status": "PROGRESS", "result": progress}]
    looks += [{"status": "SUCCESS", "result": 2}] * 9
    backend = client.application.extensions["celery"].backend
    monkeypatch.setattr(backend, "get_task_meta", lambda _: looks.pop(0))
    result = client.get("/result/id").json
    assert (result["ready"], result["value"]) != (True, progress)


# -- Passing Data to Tasks --------------------------------------------------


def test_archive_loads_the_user_when_the_task_runs(client, gate, monkeypatch):
    # This task keeps the worker busy until the gate opens.
    client.post("/process", data={"total": 1})
    response = client.post("/archive/2")
    monkeypatch.setitem(module.USERS, 2, {"name": "Amazing Grace"})
    gate.set()
    result = wait(client, response)
    assert json.loads(result["value"]) == {"name": "Amazing Grace"}


def test_archive_returns_404_when_the_user_is_unknown(client):
    response = client.post("/archive/3")
    assert response.status_code == 404
    assert "3" in response.json["error"]
