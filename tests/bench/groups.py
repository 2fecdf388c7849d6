"""What `make bench` compares, in the order of the rows in rows.csv.

Each function yields three ways for a row: this sample, Flask's page or None,
and the limit.
"""

import contextlib
import csv
import hashlib
import importlib.util
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

import mongomock
import runner
from bench import pages
from deep import servers
from werkzeug.test import create_environ, run_wsgi_app

HERE = {"PYTHONPATH": f"{Path(__file__).parent.parent}"}
numbers = count(1)


# -- In this process --------------------------------------------------------


def load(folder, **env):
    """Import the sample in `folder`."""
    spec = importlib.util.spec_from_file_location("app", folder / "app.py")
    module = sys.modules["app"] = importlib.util.module_from_spec(spec)

    with patch.dict(os.environ, env):
        spec.loader.exec_module(module)

    return module


def ask(app, path="/", body="", kind="application/x-www-form-urlencoded"):
    """Return a function that sends a request to the WSGI app.

    `[n]` in the `body` becomes a new number each time.
    """
    method = "POST" if body else "GET"
    environ = create_environ(path, method=method, content_type=kind)

    def way():
        sent = body.replace("[n]", f"{next(numbers)}").encode()
        stream, length = io.BytesIO(sent), f"{len(sent)}"
        new = {"wsgi.input": stream, "CONTENT_LENGTH": length}
        chunks, status, _ = run_wsgi_app(app, environ | new)
        text = b"".join(chunks)
        assert status < "4", (path, status, text)
        return text

    return way


def requests(tmp):
    bare = ask(pages.bare())
    app = load(tmp / "url_processors").app
    app.view_functions |= dict.fromkeys(app.view_functions, pages.ok)
    yield ask(app, "/en/"), None, bare
    yield ask(load(tmp / "view_decorators").app, "/cached"), None, bare


def caches(tmp):
    sample, bare = load(tmp / "caching"), ask(pages.bare())
    report = ask(sample.app, "/report")

    def together():
        """Return how many of 50 requests at once compute the report."""
        sample.cache.clear()

        with ThreadPoolExecutor(50) as pool:
            return float(len({*pool.map(lambda _: report(), range(50))}))

    yield report, None, bare
    yield together, None, lambda: 1.0

    with servers.redis(tmp) as redis:
        env = {"FLASK_CACHE_TYPE": "RedisCache"}
        env["FLASK_CACHE_REDIS_URL"] = redis.url
        yield ask(load(tmp / "caching", **env).app, "/report"), None, bare


def databases(tmp):
    sample, lite = load(tmp / "sqlalchemy"), load(tmp / "sqlite3").app
    page, path = pages.sqlalchemy(sample.engine.url), lite.config["DATABASE"]
    trio = lite, pages.sqlite(path), pages.sqlite(path, stay_open=True)
    ask(lite, "/users", "username=ada&email=ada")()
    ask(sample.app, "/core/users", "name=ada&email=ada")()

    for path, form in ("/users/ada", ""), ("/users", "name=n[n]&email=n[n]"):
        *both, limit = (ask(app, path, form and f"user{form}") for app in trio)
        yield *both, limit
        yield ask(sample.app, "/extension/users", form), None, limit

        for url in "/declarative/users", "/core/users":
            both = [ask(app, url, form) for app in (sample.app, page)]
            yield *both, limit


def documents(tmp):
    apps = load(tmp / "mongoengine").app, pages.mongoengine()
    db, movie = mongomock.MongoClient().db, {"title": "Alien", "year": 1979}
    options = "/movies", json.dumps(movie), "application/json"
    inserts = [ask(app, *options) for app in apps]
    ids = [json.loads(insert())["id"] for insert in inserts]
    reads = map(ask, apps, [f"/movies/{id}" for id in ids])
    id = db.movies.insert_one(movie.copy()).inserted_id
    yield *reads, lambda: db.movies.find_one({"_id": id})
    yield *inserts, lambda: db.movies.insert_one(movie.copy())


# -- Under gunicorn ---------------------------------------------------------


def bodies(tmp):
    orders = load(tmp / "streaming").ORDERS
    names = "streaming", "request_checksum", "file_uploads"
    folders = [tmp / name for name in names]
    folders.append(page_app(tmp, f"streaming({orders!r})"))
    folders.append(page_app(tmp, "request_checksum()"))
    env = {"gunicorn": True, "workers": 1, "TMPDIR": f"{tmp}", **HERE}

    def write():
        rows = sqlite3.connect(":memory:").execute(orders, [100_000])
        csv.writer(io.StringIO()).writerows(rows)

    with contextlib.ExitStack() as stack:
        boots = [runner.boot(it, log=it / "log", **env) for it in folders]
        urls = [stack.enter_context(boot).url for boot in boots]
        stream, checksum, uploads, stream_page, checksum_page = urls
        both = f"{stream}/large.csv", f"{stream_page}/large.csv"
        yield *(partial(curl, f"{url}?rows=100000") for url in both), write

        data, file = os.urandom(15_000_000), tmp / "a.txt"
        file.write_bytes(data)
        form = partial(curl, "-F", f"file=@{file}")
        yield partial(form, uploads), None, partial(file.write_bytes, data)

        both = f"{checksum}/special-api", f"{checksum_page}/special-api"
        limit = partial(hashlib.sha256, data)
        yield *(partial(form, url) for url in both), limit
        body = "--data-binary", f"@{file}", "-H", "Content-Type: image/png"
        yield partial(curl, both[0], *body), None, limit


def page_app(tmp, call):
    """Write an app that is a call of a function in pages.py."""
    folder = Path(tempfile.mkdtemp(dir=tmp))
    text = f"from bench import pages\n\napp = pages.{call}\n"
    (folder / "app.py").write_text(text, encoding="utf-8")
    return folder


def curl(*args):
    subprocess.run(["curl", "-sSfo", os.devnull, *args], check=True)


# -- In new processes -------------------------------------------------------


def starts(tmp):
    def start(folder):
        # The round that warms up writes the bytecode.
        env = {"PYTHONDONTWRITEBYTECODE": None, **HERE}
        done = runner.python("-m", "flask", "routes", cwd=folder, **env)
        assert done.returncode == 0, done.stderr

    bare = partial(start, page_app(tmp, "bare()"))
    yield partial(start, tmp / "app_factories"), None, bare

    with (tmp / "lazy_loading/app.py").open("a") as file:
        file.writelines(f'url("v{n}.user", ["/v{n}"])\n' for n in range(200))

    yield partial(start, tmp / "lazy_loading"), None, bare


def queues(tmp):
    with servers.redis(tmp) as redis:
        names = "FLASK_CELERY__broker_url", "FLASK_CELERY__result_backend"
        env = dict.fromkeys(names, redis.url)
        add = load(tmp / "celery", **env).add_together
        command = [sys.executable, "-m", "celery", "-A", "app", "worker"]

        with runner.started(
            [*command, "-c", "1", "-l", "INFO"],
            cwd=tmp / "celery",
            log=tmp / "celery/log",
            env=runner.environment(PYTHONWARNINGS="ignore", **env),
            ready=r"@\S+ ready",
        ):
            wait = runner.PATIENCE
            yield lambda: add.delay(1, 2).get(wait), None, lambda: add(1, 2)
