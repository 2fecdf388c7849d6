"""Background tasks with Celery: answer now, let a worker do the work.

Docs: https://flask.palletsprojects.com/patterns/celery/
Run:  flask --app app run --port 8000, and beside it: celery -A app worker
Try:  curl -i localhost:8000/process -d total=50
"""

import time
from pathlib import Path

# -- Install ----------------------------------------------------------------
from celery import Celery, Task, shared_task, states, uuid
from celery.exceptions import BackendError, OperationalError
from flask import Blueprint, Flask, current_app, render_template, request
from redis import RedisError
from werkzeug.exceptions import HTTPException, abort

# -- Integrate Celery with Flask --------------------------------------------


def celery_init_app(app: Flask) -> Celery:
    class FlaskTask(Task):
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                return self.run(*args, **kwargs)

    if bad := [key for key in app.config["CELERY"] if key != key.lower()]:
        raise ValueError(f"FLASK_CELERY__{bad[0]}: Celery keys are lower case")

    celery_app = Celery(app.name, task_cls=FlaskTask)
    celery_app.config_from_object(app.config["CELERY"])
    celery_app.on_after_configure.connect(make_folders)
    celery_app.set_default()
    app.extensions["celery"] = celery_app
    return celery_app


def make_folders(sender: Celery, **_):
    folder = sender.conf.broker_transport_options.get("processed_folder", ".")
    Path(folder).mkdir(parents=True, exist_ok=True)  # or SQLite waits long


# -- Application Factory ----------------------------------------------------

# A server may be down or hang: a request gives up within three seconds.
TIMEOUT, RETRY = 0.7, {"max_retries": 1, "interval_start": 0}
FOLDERS = "control_folder", "data_folder_in", "data_folder_out"

tasks = Blueprint("tasks", __name__)


def create_app() -> Flask:
    app = Flask(__name__)
    messages = f"{app.instance_path}/messages"
    app.config["MAX_CONTENT_LENGTH"] = 1_000_000
    app.config["CELERY"] = {
        "broker_url": "filesystem://",
        "broker_connection_timeout": TIMEOUT,
        "broker_transport_options": {
            **dict.fromkeys(FOLDERS, messages),
            "processed_folder": f"{messages}/done",
            "store_processed": True,  # otherwise in the system's /tmp
            "socket_timeout": TIMEOUT,  # for Redis
            "confirm_publish": True,  # for RabbitMQ
        },
        "result_backend": f"db+sqlite:///{app.instance_path}/results.db",
        "database_create_tables_at_setup": False,  # but when first needed
        "redis_socket_timeout": TIMEOUT,
        "result_backend_max_retries": 1,
        "result_backend_transport_options": {"retry_policy": RETRY},
        "task_publish_retry_policy": RETRY,
        "task_acks_late": True,  # a killed worker's task is done again
        "task_reject_on_worker_lost": True,
    }
    # FLASK_CELERY__broker_url=... replaces one of them, not all.
    app.config.from_prefixed_env()
    options = app.config["CELERY"]["broker_transport_options"]

    if app.config["CELERY"]["broker_url"] == "filesystem://":
        # Seconds. Not above: Redis would take it for a wait of its own.
        options.setdefault("polling_interval", 0.1)

    celery_init_app(app)
    app.register_blueprint(tasks)
    return app


# -- Defining Tasks ---------------------------------------------------------


@shared_task(name="add_together")
def add_together(a: int, b: int) -> int:
    return a + b


@shared_task(name="process", bind=True)
def process(self: Task, total: int) -> int:
    for step in range(total):
        self.update_state(None, "PROGRESS", {"current": step, "total": total})
        time.sleep(0.1)

    return total


@shared_task(name="fail")
def fail() -> None:
    raise RuntimeError("Only the worker's log may tell this.")


# -- Calling Tasks ----------------------------------------------------------


def number(name, low=-(10**9), high=10**9):
    value = request.form.get(name, type=int)

    if value is None or not low <= value <= high:
        abort(400, f"Send {name} as a whole number from {low} to {high}.")

    return value


def send(task: Task, *args: object):
    """Queue the task; return the answer that says where its result will be."""
    request.get_data()  # the 413 of a large body, where no field is read
    task, result_id = current_app.extensions["celery"].tasks[task.name], uuid()
    make_folders(task.app)

    # Makes the id known. First, or it could take the place of the result.
    task.backend.store_result(result_id, None, "QUEUED")
    task.apply_async(args, task_id=result_id, confirm_timeout=TIMEOUT)
    location = current_app.url_for("tasks.task_result", id=result_id)
    return {"result_id": result_id}, 202, {"Location": location}


@tasks.get("/")
def index():
    return render_template("index.html", users=USERS)


@tasks.post("/add")
def start_add():
    return send(add_together, number("a"), number("b"))


@tasks.post("/process")
def start_process():
    return send(process, number("total", 1, 100))


@tasks.post("/fail")
def start_fail():
    return send(fail)


def unavailable(error):
    current_app.logger.error("celery: %r", error)
    return {"error": "The queue is not available. Try again later."}, 503


for error in BackendError, OperationalError, OSError, RedisError, RuntimeError:
    tasks.register_error_handler(error, unavailable)


@tasks.app_errorhandler(HTTPException)
def json_error(error):
    response = error.get_response()

    if request.path != "/":
        response.data = current_app.json.dumps({"error": error.description})
        response.content_type = "application/json"

    return response


# -- Getting Results --------------------------------------------------------


@tasks.get("/result/<id>")
def task_result(id):
    make_folders(celery := current_app.extensions["celery"])
    # Read once: the state may change from one look to the next.
    meta = celery.backend.get_task_meta(id)
    state, value = meta["status"], meta["result"]

    if state == states.PENDING:
        abort(404, "There is no such task.")

    # The message of an exception may tell what is nobody's business.
    if isinstance(value, BaseException):
        value = type(value).__name__

    return {
        "ready": state in states.READY_STATES,
        "successful": state == states.SUCCESS,
        "value": None if state == states.STARTED else value,
        "state": state,
    }


# -- Passing Data to Tasks --------------------------------------------------

USERS = {1: {"name": "Ada"}, 2: {"name": "Grace"}}  # stands for a table


@shared_task(name="archive")
def archive(user_id: int) -> str:
    # Looked up here: since the task was sent, the user may have changed.
    return current_app.json.dumps(USERS[user_id])


@tasks.post("/archive/<int:user_id>")
def start_archive(user_id):
    user_id in USERS or abort(404, f"There is no user {user_id}.")
    return send(archive, user_id)


flask_app = create_app()
celery_app = flask_app.extensions["celery"]
