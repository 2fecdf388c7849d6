"""What `make bench` compares, in the order of the rows in rows.csv.

Each function yields three ways for a row: this sample, Flask's page or None,
and the limit. If a server is missing, it yields the server's name instead.
"""

import contextlib
import csv
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import sys
import time
from functools import partial
from threading import Thread

import mongoengine
import mongomock
import runner
from bench import pages
from bench.measure import (
    HERE,
    QUICK,
    ask,
    first_page,
    load,
    optional,
    page_app,
    peak,
    serve,
)
from deep import servers
from flask import Flask, request
from jinja2 import DictLoader

ROWS, UPLOAD, BODY, MODULES = 100_000, 15_000_000, 50_000_000, 200

if QUICK:
    ROWS, UPLOAD, BODY, MODULES = 1_000, 100_000, 100_000, 9

TASKS = "1" if QUICK else "9"
ID = "0123456789abcdef01234567"
CLIENT = """
import sys, time
from app import add_together as add
add.delay(1, 2).get(timeout=60)
count, start = int(sys.argv[1]), time.perf_counter()
found = [add.delay(1, n).get(timeout=60, interval=0.005) for n in range(count)]
print((time.perf_counter() - start) / count)
assert found == [*range(1, count + 1)]
"""


def ok(**values):
    return "ok"


def asks(apps, *args, **options):
    return [app and ask(app, *args, **options) for app in apps]


# -- In this process --------------------------------------------------------


def requests(samples, tmp):
    bare = pages.bare()
    it = load(samples["app_dispatch"])
    apps = [it.PathDispatcher(bare, lambda name: bare) for it in (it, pages)]
    yield *asks(apps, "/red/"), ask(bare)
    app = load(samples["url_processors"]).app
    app.view_functions |= dict.fromkeys(app.view_functions, ok)
    yield *asks([app, pages.url_processors()], "/en/"), ask(bare)
    it = load(samples["method_overrides"])
    apps = [it.HTTPMethodOverrideMiddleware(bare) for it in (it, pages)]
    headers = {"X-HTTP-Method-Override": "PUT"}
    yield *asks(apps, method="POST", headers=headers), ask(bare)
    apps = [decorated(load(samples["view_decorators"])), decorated(pages)]
    signer = apps[0].session_interface.get_signing_serializer(apps[0])
    cookie = f"session={signer.dumps({'username': 'admin'})}"

    for path in ("/login", "/cached", "/templated"):
        yield *asks(apps, path, headers={"Cookie": cookie}), ask(bare)

    apps = [load(samples["subclassing"]).app, pages.subclassing()]
    yield *asks(apps, "/params?b=1&a=2&b=3"), ask(bare)


def decorated(it):
    """Return an app whose views have the decorators of a module."""
    app = Flask("page")
    app.config["SECRET_KEY"] = "bench"  # noqa: S105
    app.jinja_loader = DictLoader({"page.html": "<p>{{ value }}"})
    app.before_request(it.load_user)
    app.add_url_rule("/login", "login", it.login_required(ok))
    app.add_url_rule("/cached", "cached", it.cached()(ok))
    view = it.templated("page.html")(lambda: {"value": 42})
    app.add_url_rule("/templated", "templated", view)
    return app


def caches(samples, tmp):
    sample, limit = load(samples["caching"]), ask(pages.bare())
    report = ask(sample.app, "/report")

    def together():
        """Return how many of 50 requests at once compute the report."""
        found = set()
        work = [Thread(target=lambda: found.add(report())) for _ in range(50)]
        sample.cache.clear()

        for step in (Thread.start, Thread.join):
            list(map(step, work))

        return float(len(found))

    yield report, None, limit
    yield together, None, lambda: 1.0

    with optional(servers.redis, tmp) as redis:
        if redis:
            env = {"FLASK_CACHE_TYPE": "RedisCache"}
            env["FLASK_CACHE_REDIS_URL"] = redis.url
            app = load(samples["caching"], **env).app
            yield ask(app, "/report"), None, limit
        else:
            yield "Redis"


def databases(samples, tmp):
    sample, lite = load(samples["sqlalchemy"]), load(samples["sqlite3"]).app
    db = sqlite3.connect(sample.engine.url.database)
    db.row_factory = sqlite3.Row
    bare = Flask("page")

    @bare.get("/<path:path>")
    def read(path):
        return dict(db.execute("SELECT * FROM users").fetchone())

    @bare.post("/<path:path>")
    def insert(path):
        query = "INSERT INTO users (name, email) VALUES (?, ?)"
        db.execute(query, [*request.form.values()])
        db.commit()
        return "ok"

    apps = {"": [lite, pages.sqlite(lite.config["DATABASE"]), bare]}

    for way in ("extension", "declarative", "imperative", "core"):
        page = pages.sqlalchemy(way, sample.engine.url)
        apps[f"/{way}"] = [sample.app, page, bare]

    apps["/extension"][1] = None  # Flask's page has no code for it.

    ask(lite, "/users", "username=ada&email=ada")()
    ask(bare, "/users", "name=ada&email=ada")()

    for way, trio in apps.items():
        yield asks(trio, f"{way}/users" if way else "/users/ada")

    for way, trio in apps.items():
        name = "name" if way else "username"
        yield asks(trio, f"{way}/users", f"{name}=n[n]&email=n[n]")


def documents(samples, tmp):
    client, bare = mongomock.MongoClient, Flask("page")
    options = {"alias": "page", "uuidRepresentation": "standard"}
    db = mongoengine.connect("page", mongo_client_class=client, **options).db

    @bare.get("/movies/<id>")
    def read(id):
        return db.bare.find_one({"id": id}, {"_id": 0})

    @bare.post("/movies")
    def insert():
        db.bare.insert_one(request.json)
        return "ok"

    apps = [load(samples["mongoengine"]).app, pages.mongoengine(), bare]
    form = '{"title": "n[n]", "year": 1979}'
    options = {"content_type": "application/json", "method": "POST"}

    for way in asks(apps, "/movies", f'{{"id": "{ID}",{form[1:]}', **options):
        way()

    yield asks(apps, f"/movies/{ID}")
    yield asks(apps, "/movies", form, **options)


# -- Under gunicorn ---------------------------------------------------------


def bodies(samples, tmp):
    def serving(name, *args):
        page, bare = f"{name}({', '.join(map(repr, args))})", "bare()"
        folders = samples[name], page_app(tmp, page), page_app(tmp, bare)
        return serve(folders, tmp)

    orders = load(samples["streaming"]).ORDERS
    large = f"/large.csv?rows={ROWS}"

    def write():
        with (tmp / "csv").open("w", newline="", encoding="utf-8") as file:
            db = sqlite3.connect(":memory:")
            csv.writer(file).writerows(db.execute(orders, [ROWS]))
            db.close()

    with serving("streaming", orders) as (*both, bare):
        yield *(partial(download, server, large) for server in both), write
        first = [partial(download, server, large, 1) for server in both]
        yield *first, partial(download, bare, "/", 1)
        yield [partial(peak, server) for server in (*both, bare)]

    part = b'Content-Disposition: form-data; name="file"; filename="a.txt"'
    kind = "multipart/form-data; boundary=x"
    data = os.urandom(BODY)
    form = b"--x\r\n%b\r\n\r\n%b\r\n--x--\r\n"
    (tmp / "file").write_bytes(data[:UPLOAD])

    def copy():
        shutil.copyfile(tmp / "file", tmp / "copy")

    with serving("file_uploads") as (*both, bare):
        body = form % (part, data[:UPLOAD])
        yield (
            *(partial(post, server, "/", kind, body) for server in both),
            copy,
        )
        yield [partial(peak, server) for server in (*both, bare)]

    def sha256():
        hashlib.sha256(data).digest()

    with serving("request_checksum") as (*both, bare):
        work = partial(post, path="/special-api")
        body = form % (part, data)
        yield *(partial(work, it, kind=kind, body=body) for it in both), sha256
        yield [partial(peak, server) for server in (*both, bare)]
        yield partial(work, both[0], kind="image/png", body=data), None, sha256


def download(server, path, least=0):
    """Read a page of the server, or only its first bytes."""
    address = "127.0.0.1", server.port

    with (
        socket.create_connection(address) as sock,
        sock.makefile("rb") as file,
    ):
        # HTTP/1.0 has no chunks. To decode them here would take longer.
        sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert b" 200 " in file.readline()

        while not least and file.read(2**20):
            pass


def post(server, path, kind, body):
    headers = {"Content-Type": kind}
    reply = runner.fetch(server.url + path, headers=headers, body=body)
    assert reply.status < 400, reply


# -- In new processes -------------------------------------------------------


def starts(samples, tmp):
    folders = samples["app_factories"], page_app(tmp, "app_factories()")
    bare = first_page(page_app(tmp, "bare()"))
    yield *map(first_page, folders), bare
    names = [f"v{number}" for number in range(MODULES)]
    sample = runner.copy(samples["lazy_loading"], tmp / "lazy")
    page = page_app(tmp, f"lazy_loading({names})")

    with (sample / "app.py").open("a", encoding="utf-8") as file:
        file.writelines(f'url("{name}.user", ["/{name}"])\n' for name in names)

    for name in names:
        shutil.copy(sample / "views.py", sample / f"{name}.py")
        shutil.copy(sample / "views.py", page / f"{name}.py")

    yield *map(first_page, (sample, page)), bare


def queues(samples, tmp):
    settings = load(samples["celery"]).flask_app.config["CELERY"]
    names = "celery_app, add_together"
    page = page_app(tmp, "celery()", names)
    bare = page_app(tmp, "celery(with_flask=False)", names)

    def on(own, **urls):
        with contextlib.ExitStack() as stack:
            ways = []

            for folder in (samples["celery"], page, bare):
                # One queue each, or they would take each other's tasks.
                more = urls | {"task_default_queue": folder.name}
                env = {f"FLASK_CELERY__{key}": more[key] for key in more}

                if folder != samples["celery"]:
                    env = {"FLASK_CELERY": json.dumps(own | more)}

                process = stack.enter_context(worker(folder, tmp, env))
                stack.callback(process.kill)
                ways.append(partial(client, folder, env))

            yield [ways[0], ways[1] if urls else None, ways[2]]

    yield from on(settings)

    with (
        optional(servers.redis, tmp) as redis,
        optional(servers.rabbitmq, tmp) as rabbitmq,
    ):
        for name, broker in {"Redis": redis, "RabbitMQ": rabbitmq}.items():
            if redis and broker:
                urls = {"broker_url": broker.url, "result_backend": redis.url}
                yield from on({"task_ignore_result": True}, **urls)
            else:
                yield name


@contextlib.contextmanager
def worker(folder, tmp, env):
    command = [sys.executable, "-m", "celery", "-A", "app", "worker"]

    with runner.started(
        [*command, "-c", "1", "-l", "INFO", "-n", f"{folder.name}@%h"],
        cwd=folder,
        log=tmp / f"{time.monotonic_ns()}.log",
        env=runner.environment(PYTHONWARNINGS="ignore", **HERE | env),
        ready=r"@\S+ ready",
    ) as (process, _):
        yield process


def client(folder, env):
    """Return the seconds of a task's way there and back."""
    env = {"PYTHONWARNINGS": "ignore", **HERE, **env}
    done = runner.python("-c", CLIENT, TASKS, cwd=folder, **env)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
