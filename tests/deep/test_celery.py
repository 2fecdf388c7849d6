"""celery: real workers on the default broker, on Redis, and on RabbitMQ."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
import runner
import servers
from playwright.sync_api import expect

SAMPLE = runner.SAMPLES["celery"]
CELERY = Path(sys.executable).with_name("celery")
# A worker warns that it's root, and Celery uses an old name of a method.
IGNORED = ("You're running the worker", "Call to deprecated setex")
WARNINGS = ",".join(["error", *(f"ignore:{text}" for text in IGNORED)])
FORMS = {
    "/add": {"a": "1", "b": "2"},
    "/process": {"total": "1"},
    "/fail": {},
    "/archive/1": {},
}


def settings(kind, service):
    """Return the variables that the README names for this broker."""
    scheme = {"redis": "redis", "rabbitmq": "amqp"}[kind]
    section = runner.section(SAMPLE, "Before production")
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    [block] = [one for one in blocks if f"broker_url={scheme}:" in one]
    found = dict(re.findall(r"\$ export (\w+)=(\S+)", block))
    found["FLASK_CELERY__broker_url"] = service.url

    for name in found:
        # The README's hour is longer than any task. So are 15 seconds here.
        if name.endswith("visibility_timeout"):
            found[name] = "15"

    return found


class Site:
    """A copy of the sample, served, with its broker in `service`."""

    def __init__(self, folder, kind=None, service=None):
        self.folder = runner.copy(SAMPLE, folder)
        self.service = service
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.env = {"PYTHONWARNINGS": WARNINGS}

        if kind:
            self.env |= settings(kind, service)

    @contextlib.contextmanager
    def served(self, **options):
        log = self.logs / "web"

        with runner.boot(self.folder, log=log, **options, **self.env) as web:
            self.web = web
            yield self

    @contextlib.contextmanager
    def worker(self, processes=2):
        """Start a worker; yield its process; end it and its children."""
        log = self.logs / f"worker {len(list(self.logs.iterdir()))}"
        arguments = ("--loglevel", "INFO", "--concurrency", f"{processes}")

        with runner.started(
            [CELERY, "-A", "app", "worker", *arguments],
            cwd=self.folder,
            log=log,
            env=runner.environment(**self.env),
            ready=r" ready\.",
        ) as (process, _):
            try:
                yield process
            finally:
                kill(process)

    def send(self, path, **form):
        """Queue a task; return the URL of its result."""
        reply = runner.fetch(self.web.url + path, form or FORMS[path])
        assert reply.status == 202, reply
        return f"{self.web.url}/result/{reply.json()['result_id']}"


def kill(process):
    """Do what `kill -9` does, to a worker and to all of its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

    process.wait(runner.PATIENCE)
    running = ["pgrep", "-g", f"{process.pid}", "-r", "D,R,S"]
    deadline = time.monotonic() + runner.PATIENCE

    # Until the last child has closed its copy of the connection, Redis may
    # hand out a message to nobody.
    while subprocess.run(running, capture_output=True, check=False).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pause(process, site, urls):
    """Stop a worker while one task runs, one has ended, and others wait.

    With Redis, it's also a moment when Redis has all tasks that haven't ended:
    the worker removes a message from the queue before it stores it as
    unacknowledged. Nothing can restore a message that is in neither place.
    """
    ids = {url.rpartition("/")[2] for url in urls}
    results = site.folder / "instance" / "results.db"
    query = "SELECT task_id, status FROM celery_taskmeta"
    deadline = time.monotonic() + runner.PATIENCE

    while True:
        os.killpg(process.pid, signal.SIGSTOP)

        # The worker might have been writing, which locks the database.
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(results, timeout=0)) as db,
        ):
            found = {id: state for id, state in db.execute(query) if id in ids}
            ended = {id for id, state in found.items() if state == "SUCCESS"}

            if (
                {"PROGRESS", "SUCCESS"} == {*found.values()}
                and found.keys() < ids
                and ids <= ended | waiting_in_redis(site, ids)
            ):
                return

        os.killpg(process.pid, signal.SIGCONT)
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def waiting_in_redis(site, ids):
    """Return which of the tasks Redis knows, or all with another broker."""
    if not site.service.url.startswith("redis:"):
        return ids

    with redis.Redis.from_url(site.service.url) as server:
        messages = [json.loads(it) for it in server.lrange("celery", 0, -1)]
        messages += [json.loads(it)[0] for it in server.hvals("unacked")]
        return {message["headers"]["id"] for message in messages}


def look(url):
    reply = runner.fetch(url)
    assert reply.status == 200, reply
    return reply.json()


def wait_for(url, wanted):
    """Look at a result until its state is `wanted`. Return all looks."""
    deadline = time.monotonic() + runner.PATIENCE
    looks = [look(url)]

    # A task can end between two reads of one look, which isn't ready then.
    while looks[-1]["state"] != wanted or not (
        looks[-1]["ready"] or wanted == "PROGRESS"
    ):
        assert time.monotonic() < deadline, looks[-1]
        time.sleep(0.02)
        looks.append(look(url))

    return looks


@pytest.fixture(scope="module")
def site(request, tmp_path_factory):
    """The sample on the broker that the test's parameter names."""
    folder = tmp_path_factory.mktemp("celery")

    if request.param == "default":
        with Site(folder).served() as site:
            yield site
            assert not site.web.complaints()
    else:
        with (
            getattr(servers, request.param)(folder) as service,
            Site(folder, request.param, service).served(gunicorn=True) as site,
        ):
            yield site


everywhere = pytest.mark.parametrize(
    "site", ["default", "redis", "rabbitmq"], indirect=True
)
on_servers = pytest.mark.parametrize(
    "site", ["redis", "rabbitmq"], indirect=True
)


# -- The contract -----------------------------------------------------------


@everywhere
def test_tasks_wait_for_a_worker_that_runs_them(site):
    urls = {path: site.send(path) for path in FORMS}
    steps = site.send("/process", total=60)

    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda n: site.send("/add", a=n, b=n), range(16)))

    for url in (*urls.values(), steps, *sums):
        assert look(url) == {
            "ready": False,
            "successful": False,
            "value": None,
            "state": "PENDING",
        }

    with site.worker():
        looks = wait_for(steps, "SUCCESS")
        assert looks[-1]["value"] == 60
        done = {
            path: wait_for(url, "FAILURE" if path == "/fail" else "SUCCESS")
            for path, url in urls.items()
        }
        totals = [wait_for(url, "SUCCESS")[-1]["value"] for url in sums]

    # The progress went from step to step, and never back.
    states = ["PENDING", *(one["state"] for one in looks)]
    # The task can end between two reads of one look, which has its result.
    values = [one["value"] for one in looks]
    seen = [value for value in values if isinstance(value, dict)]
    assert list(dict.fromkeys(states)) == ["PENDING", "PROGRESS", "SUCCESS"]
    assert {value["total"] for value in seen} == {60}
    counts = [value["current"] for value in seen]
    assert counts == sorted(counts)

    assert totals == [2 * number for number in range(16)]
    results = {path: looks[-1] for path, looks in done.items()}
    assert results["/add"]["value"] == 3
    assert results["/process"]["value"] == 1
    assert results["/archive/1"]["value"] == '{"name": "Ada"}'
    assert results["/fail"] == {
        "ready": True,
        "successful": False,
        "value": "RuntimeError",
        "state": "FAILURE",
    }


@everywhere
def test_bad_requests_return_errors_as_json(site):
    for path, form in (
        ("/add", {"a": "1"}),
        ("/process", {"total": "101"}),
        ("/archive/3", {}),
    ):
        reply = runner.fetch(site.web.url + path, form)
        assert reply.status in (400, 404)
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.json()["error"]


@pytest.mark.parametrize("site", ["default"], indirect=True)
def test_default_broker_loses_the_task_of_a_killed_worker(site):
    lost = site.send("/process", total=100)

    with site.worker():
        wait_for(lost, "PROGRESS")

    later = site.send("/add", a=1, b=2)

    with site.worker():
        wait_for(later, "SUCCESS")
        assert look(lost)["state"] == "PROGRESS"

    # All data is below the instance folder.
    assert runner.contents(site.folder) == runner.contents(SAMPLE)


# -- What goes wrong --------------------------------------------------------


@on_servers
def test_none_of_50_tasks_is_lost_when_a_worker_is_killed(site):
    urls = [site.send("/process", total=5) for _ in range(50)]

    with site.worker(processes=4) as process:
        pause(process, site, urls)
        kill(process)

    states = Counter(look(url)["state"] for url in urls)
    assert states["PROGRESS"] > 0
    assert states["PENDING"] > 0
    assert states.total() == 50

    with site.worker(processes=4):
        results = [wait_for(url, "SUCCESS")[-1]["value"] for url in urls]

    assert results == [5] * 50


@on_servers
def test_no_task_is_lost_when_a_child_of_a_worker_is_killed(site):
    url = site.send("/process", total=10)

    with site.worker(processes=1) as process:
        wait_for(url, "PROGRESS")
        pid = process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()

        for child in children.split():
            os.kill(int(child), signal.SIGKILL)

        assert wait_for(url, "SUCCESS")[-1]["value"] == 10


@on_servers
def test_views_return_503_while_the_broker_is_down(site):
    site.service.stop()

    # Often enough that both processes of the server meet it.
    for path in [*FORMS] * 2:
        reply = runner.fetch(site.web.url + path, FORMS[path] or {"x": ""})
        assert reply.status == 503, path
        assert "unavailable" in reply.json()["error"]
        assert runner.fetch(site.web.url).status == 200

    site.service.start()

    with site.worker():
        wait_for(site.send("/add"), "SUCCESS")


# -- In Chromium ------------------------------------------------------------


def test_page_moves_the_bar_and_shows_the_results(page, tmp_path):
    def press(name, **fields):
        """Fill in the form with that button, and send it."""
        button = page.get_by_role("button", name=name, exact=True)
        form = page.locator("form").filter(has=button)

        for label, value in fields.items():
            form.get_by_label(label).fill(value)

        button.click()
        return form.get_by_role("status")

    with Site(tmp_path).served(gunicorn=True, prefix="/pre") as site:
        page.goto(f"{site.web.url}/")
        process = press("Process", Steps="100")
        expect(process).to_have_text("The task is waiting or running.")
        expect(page.get_by_role("button", name="Process")).to_be_disabled()
        bar = page.get_by_role("progressbar")
        seen = set()

        with site.worker():
            deadline = time.monotonic() + runner.PATIENCE

            while len(seen) < 3:
                assert time.monotonic() < deadline, seen
                seen |= {bar.evaluate("(bar) => bar.position")}

            expect(process).to_have_text("SUCCESS: 100")
            assert bar.evaluate("(bar) => bar.position") == 1
            expect(press("Add", a="-5", b="1")).to_have_text("SUCCESS: -4")
            output = press("Archive Grace")
            expect(output).to_have_text('SUCCESS: {"name": "Grace"}')
            expect(press("Fail")).to_have_text("FAILURE: RuntimeError")

        # The browser rejects this number itself, unless it is told not to.
        page.locator("form").first.evaluate("(form) => form.noValidate = true")
        expect(press("Process", Steps="101")).to_contain_text("from 1 to 100")
        assert not site.web.complaints()

    expect(press("Fail")).to_contain_text("is unavailable")
