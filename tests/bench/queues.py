"""What a task costs on each broker, against Celery without Flask."""

import json
import sys

import runner
from bench.measure import Row, available, load, write_app
from deep import servers

WITHOUT_FLASK = """
import json
from celery import Celery

celery_app = Celery()
celery_app.config_from_object(json.load(open("settings.json")))

@celery_app.task(name="add_together")
def add_together(a, b):
    return a + b
"""
CLIENT = """
import json, sys, time
from app import add_together, celery_app

def run(amount):
    start = time.perf_counter()
    for result in [add_together.delay(1, 2) for _ in range(amount)]:
        assert result.get(timeout=60, interval=0.005) == 3
    return (time.perf_counter() - start) / amount

run(3)
print(json.dumps([
    [sum(run(1) for _ in range(6)) / 6 for _ in range(5)],
    [1 / run(int(sys.argv[1])) for _ in range(5)],
]))
"""


def figures(folder, amount, tmp, **env):
    """Return the runs [round trips, tasks per second] of the app there."""
    worker = ["celery", "-A", "app", "worker", "-c", "2", "-l", "info"]

    with runner.started(
        [sys.executable, "-m", *worker],
        cwd=folder,
        log=tmp / "worker.log",
        env=runner.environment(PYTHONWARNINGS="ignore", **env),
        ready=r"celery@\S+ ready",
    ):
        done = runner.python("-c", CLIENT, amount, cwd=folder, **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def rows(samples, tmp):
    without = write_app(tmp / "without_flask", WITHOUT_FLASK)
    (without / "messages").mkdir()

    def on(where, amount, why, **env):
        sample = figures(samples["celery"], amount, tmp, **env)
        same = load(samples["celery"], **env).flask_app.config["CELERY"]
        # Where there is no server, Celery has no settings that would do.
        own = {
            "broker_url": same["broker_url"],
            "result_backend": same["result_backend"],
        }

        if own["broker_url"] == "filesystem://":
            folders = "control_folder", "data_folder_in", "data_folder_out"
            own["broker_transport_options"] = {
                **dict.fromkeys(folders, "messages"),
                "polling_interval": 0.1,
            }

        others = []

        for settings in (same, own):
            (without / "settings.json").write_text(json.dumps(settings))
            others.append(figures(without, amount, tmp, **env))

        for number, (what, unit) in enumerate(
            {"a task's round trip": "s", "tasks a second": "tasks/s"}.items()
        ):
            yield Row(
                pattern="celery",
                what=f"{what}, {where}",
                sample=sample[number],
                limit=others[0][number],
                limit_is="Celery without Flask, same settings",
                plain=others[1][number],
                plain_is="Celery without Flask, its own settings",
                why=why,
                unit=unit,
            )

    why = "Each looks for messages ten times a second."
    yield from on("filesystem", "30", why)
    why = "Its own settings lose the tasks of a worker that is killed."

    for redis in available(servers.redis, tmp):
        env = {"FLASK_CELERY__result_backend": redis.url}
        url = {"FLASK_CELERY__broker_url": redis.url}
        yield from on("Redis", "200", why, **env, **url)

        for rabbitmq in available(servers.rabbitmq, tmp):
            url = {"FLASK_CELERY__broker_url": rabbitmq.url}
            said = f"Results on Redis. {why}"
            yield from on("RabbitMQ", "200", said, **env, **url)
