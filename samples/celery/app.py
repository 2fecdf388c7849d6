"""Background tasks with Celery: respond now, and let a worker do the work.

Docs: https://flask.palletsprojects.com/patterns/celery/
Run:  flask --app app run --port 8000
      celery -A app worker -l INFO  (in a second terminal)
Try:  curl localhost:8000/add -d a=1 -d b=2
      curl localhost:8000/result/RESULT_ID
"""

from pathlib import Path
from time import sleep

from celery import Celery, Task, shared_task
from celery.result import AsyncResult
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    render_template,
    request,
)
from kombu.exceptions import OperationalError
from werkzeug.exceptions import HTTPException

# -- Integrate Celery with Flask --------------------------------------------


def celery_init_app(app: Flask) -> Celery:
    class FlaskTask(Task):
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery_app = Celery(app.name, task_cls=FlaskTask)
    celery_app.config_from_object(app.config["CELERY"])
    # Use this app in every thread. Otherwise, views would send tasks with
    # Celery's default settings.
    celery_app.set_default()
    app.extensions["celery"] = celery_app
    return celery_app


# -- Application Factory ----------------------------------------------------

bp = Blueprint("tasks", __name__)


def create_app() -> Flask:
    app = Flask(__name__)
    messages = Path(app.instance_path, "messages")
    messages.mkdir(parents=True, exist_ok=True)
    # These defaults need no server. Messages are files, and SQLite stores the
    # results. To use another broker, set FLASK_CELERY__broker_url, for example
    # to redis://localhost.
    app.config["CELERY"] = {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(messages),
            "polling_interval": 0.1,  # seconds
        },
        "result_backend": f"db+sqlite:///{app.instance_path}/results.db",
        "task_ignore_result": True,
    }
    app.config.from_prefixed_env()
    celery_init_app(app)
    app.register_blueprint(bp)
    return app


# -- Defining Tasks ---------------------------------------------------------


@shared_task(ignore_result=False)
def add_together(a: int, b: int) -> int:
    return a + b


@shared_task(bind=True, ignore_result=False)
def process(self: Task, total: int) -> int:
    for current in range(total):
        progress = {"current": current, "total": total}
        self.update_state(state="PROGRESS", meta=progress)
        # This stands in for slow work.
        sleep(0.1)

    return total


@shared_task(ignore_result=False)
def fail() -> None:
    raise RuntimeError("Only the worker's log shows this message.")


# -- Calling Tasks ----------------------------------------------------------


@bp.get("/")
def index():
    return render_template("index.html", users=USERS)


@bp.post("/add")
def start_add():
    a = request.form.get("a", type=int)
    b = request.form.get("b", type=int)

    # Check the input now, because a task can't return a 400 later.
    if a is None or b is None:
        abort(400, "Send a and b as whole numbers.")

    result = add_together.delay(a, b)
    return {"result_id": result.id}, 202


@bp.post("/process")
def start_process():
    total = request.form.get("total", type=int)

    if total is None or not 1 <= total <= 100:
        abort(400, "Send the total as a whole number from 1 to 100.")

    result = process.delay(total)
    return {"result_id": result.id}, 202


@bp.post("/fail")
def start_fail():
    result = fail.delay()
    return {"result_id": result.id}, 202


@bp.errorhandler(OperationalError)
def broker_error(error):
    current_app.logger.error("The broker is unavailable: %s", error)
    return {"error": "The queue is unavailable. Try again later."}, 503


# Return errors as JSON, too, so that the script can show what went wrong.
@bp.errorhandler(HTTPException)
def json_error(error):
    return {"error": error.description}, error.code


# -- Getting Results --------------------------------------------------------


@bp.get("/result/<id>")
def task_result(id):
    result = AsyncResult(id)
    # Call ready() before you read the value. Otherwise, if the task ended in
    # between, the view would return the task's progress as the result.
    ready = result.ready()
    value = result.result

    # An exception can't be converted to JSON, and its message might reveal
    # secrets.
    if isinstance(value, Exception):
        value = type(value).__name__

    return {
        "ready": ready,
        "successful": result.successful(),
        "value": value,
        "state": result.state,
    }


# -- Passing Data to Tasks --------------------------------------------------

# This stands in for a database table.
USERS = {1: {"name": "Ada"}, 2: {"name": "Grace"}}


@shared_task(ignore_result=False)
def generate_user_archive(user_id: int) -> str:
    # Load the user here, because the row might have changed since the call.
    return current_app.json.dumps(USERS[user_id])


@bp.post("/archive/<int:user_id>")
def start_archive(user_id):
    if user_id not in USERS:
        abort(404, f"There is no user {user_id}.")

    # Pass the id, because an object might not be convertible to JSON, or might
    # be outdated when it arrives.
    result = generate_user_archive.delay(user_id)
    return {"result_id": result.id}, 202


# `flask --app app` and `celery -A app` find these objects. Don't call the
# Flask app `app`, because Celery would mistake it for its own.
flask_app = create_app()
celery_app = flask_app.extensions["celery"]
