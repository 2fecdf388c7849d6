"""Make one mistake after another in this folder's sample, and watch it fail.

A mistake is an undefined name at the start of a function, or a misspelled
name of a template. In each case, a request must end in a 500 and a traceback
in the log. Otherwise, the sample hides what its reader has to see.

Run this in a copy of a sample. It exits with 1 and says which mistakes the
sample hides, or which ones no request reaches.
"""

import contextlib
import gc
import hashlib
import inspect
import io
import json
import os
import re
import shutil
import signal
import sys
import time
import traceback
from importlib import import_module
from itertools import islice
from pathlib import Path

import runner
from flask.cli import ScriptInfo
from workshop import first_line, functions, imports

HERE = Path.cwd()
UNDEFINED = '(__import__("sys").stderr.write("REACHED"), undefined_name)'
ACCOUNT = {"username": "admin", "password": "secret"}


def misspelled_templates():
    """Yield (description, file, text, error) for each name of a template."""
    names = {
        path.relative_to(folder).as_posix()
        for folder in HERE.rglob("templates")
        for path in folder.rglob("*.*")
    }
    files = [*runner.sources(HERE), *HERE.rglob("templates/**/*.*")]

    for path in files:
        text = path.read_text(encoding="utf-8")

        for match in re.finditer(r"""["']([\w./-]+)["']""", text):
            if match[1] in names:
                place = match.start(1)
                changed = f"{text[:place]}misspelled-{text[place:]}"
                what = f"the name {match[1]} in {path.name}"
                yield what, path, changed, "TemplateNotFound"


def undefined_names():
    """Yield (description, file, text, error) for each function."""
    for path in runner.sources(HERE):
        lines = path.read_text(encoding="utf-8").splitlines()

        for name, node in functions(path).items():
            start = " " * node.body[0].col_offset
            first = min(first_line(node), node.end_lineno + 1) - 1
            changed = [*lines[:first], start + UNDEFINED, *lines[first:]]
            yield name, path, "\n".join(changed) + "\n", "NameError"


def load_app():
    """Return the app, with all switches of its factory on."""
    module = import_module("app")

    if factory := getattr(module, "create_app", None):
        parameters = inspect.signature(factory).parameters.values()
        switches = {
            parameter.name: True
            for parameter in parameters
            if parameter.default is False
        }

        if switches:
            return factory(**switches)

    return ScriptInfo(app_import_path="app").load_app()


def all_requests(app):
    """Return [(method, path, form)] for each rule and each link."""
    found, fields = [("GET", "/no/such/page")], set()

    for rule in app.url_map.iter_rules():
        path = re.sub(r"<any\((\w+).*?>", r"\1", rule.rule)
        path = re.sub(r"<int.*?>", "1", path)
        path = re.sub(r"<.*?>", "x", path)
        found += [
            (method, path)
            for method in sorted(rule.methods or {"GET"})
            if method not in {"HEAD", "OPTIONS"}
        ]

    for method, path in found[:]:
        if method == "GET":
            page = request(app.test_client(), method, path)[0]
            fields |= set(re.findall(r'name="(\w+)"', page))
            links = re.findall(r'href="(/[^"#]*)"', page)
            found += [("GET", link) for link in links]

    form = dict.fromkeys(fields, "x")
    return [(*one, form) for one in dict.fromkeys(found)]


def request(client, method, path, form=None):
    """Return (body, log, status) of a request."""
    sys.stderr = log = io.StringIO()

    try:
        response = client.open(path, method=method, data=form)
        # A stream can be endless.
        body = b"".join(islice(response.iter_encoded(), 100))
        response.close()
    except Exception:  # noqa: BLE001
        # It leaves the app, so every server logs it and responds with 500.
        return "", log.getvalue() + traceback.format_exc(), 500

    body = body.decode(errors="replace")
    return body, log.getvalue(), response.status_code


def problem(error, name, requests):
    """Return what is wrong with how the sample handles a mistake, or ''."""
    sys.stderr = io.StringIO()

    try:
        app = load_app()
    except Exception:  # noqa: BLE001
        return "" if error in traceback.format_exc() else "doesn't import"

    client = app.test_client()
    visited = set()
    todo = [(None, *one) for one in requests]
    logins = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.endswith("login")
    ]

    for login, method, path, form in todo:
        if login and login not in visited:
            client.post(login, data=ACCOUNT)
            visited.add(login)

        body, log, status = request(client, method, path, form)

        if "Traceback" in log and error in log and status == 500:
            return ""

        # The gallery shows the error of another sample on its page.
        if error in body:
            return ""

        if "REACHED" in log:
            return f"is hidden by the response to {method} {path}"

        # Some pages are only reached after a login.
        if status in {302, 303} and method == "GET" and not login:
            todo += [(login, method, path, form) for login in logins]

    views = {
        inspect.unwrap(view).__name__ for view in app.view_functions.values()
    }

    # A helper isn't always reached, but every view and every template is.
    if error == "TemplateNotFound" or name in views:
        return "isn't reached by any request"

    return ""


def look():
    """Return the requests to send, and import what the sample imports.

    Each mistake is tried in a fork of this process, so that is cheap then.
    """
    for name in imports(HERE):
        import_module(name)

    reading, writing = os.pipe()

    if (pid := os.fork()) == 0:
        known = set(sys.modules)
        requests = all_requests(load_app())
        found = sorted(sys.modules.keys() - known), requests
        os.write(writing, json.dumps(found).encode())
        os._exit(0)

    os.close(writing)
    own = {path.stem for path in HERE.rglob("*")}

    with os.fdopen(reading, encoding="utf-8") as found:
        modules, requests = json.load(found)

    # Views can import modules late.
    for name in modules:
        if name.partition(".")[0] not in own:
            with contextlib.suppress(ImportError):
                import_module(name)

    os.waitpid(pid, 0)
    return requests


def main():
    sys.path.insert(0, str(HERE))
    time.sleep = lambda seconds: None
    # Hashing a password is slow on purpose, and no password is safe here.
    hashlib.scrypt = lambda password, salt, **_: hashlib.sha256(salt).digest()
    requests = look()
    gc.freeze()
    failed = False

    for what, path, text, error in [
        *undefined_names(),
        *misspelled_templates(),
    ]:
        original = path.read_bytes()
        path.write_text(text, encoding="utf-8")

        shutil.rmtree("instance", ignore_errors=True)

        if (pid := os.fork()) == 0:
            signal.alarm(runner.PATIENCE)
            found = problem(error, what, requests)

            if found:
                print(f"{error} in {what} {found}.", flush=True)

            os._exit(bool(found))

        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        failed |= code != 0

        if code == -signal.SIGALRM:
            print(f"{error} in {what}: a request doesn't end.", flush=True)

        path.write_bytes(original)

    sys.exit(failed)


if __name__ == "__main__":
    main()
