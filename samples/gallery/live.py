"""Runs the samples side by side, each as if it were alone."""

import re
import sys
import traceback
from contextvars import Context
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock

from flask import Flask
from flask.cli import find_best_app
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.middleware.dispatcher import DispatcherMiddleware

HERE = Path(__file__).resolve().parent

# Which folder has a module of that name. Python keeps one for each name, and
# only `app` is exchanged below.
owners = {path.stem: HERE for path in HERE.glob("*.py")}


class Live:
    """WSGI middleware: `/live/NAME/` is the sample in the folder NAME.

    A sample is loaded when it is first asked for. One that fails to load
    answers 503 with its error, and the next request tries again.
    """

    def __init__(self, app: Flask):
        self.app = app
        self.main = app.wsgi_app
        self.loaded = {}
        self.lock = RLock()

    def __call__(self, environ, start_response):
        found = re.match(r"/live/(\w{1,99})/", environ.get("PATH_INFO", ""))

        if not found or not self.folder(found[1]):
            return self.main(environ, start_response)

        name, mount = found[1], found[0].rstrip("/")
        error = self.error(name)
        app = ServiceUnavailable(error) if error else self.loaded[name]
        prefix = environ.get("SCRIPT_NAME", "") + mount
        dispatch = DispatcherMiddleware(self.main, {mount: app})
        return dispatch(environ, cookies_below(prefix, start_response))

    def folder(self, name: str) -> Path | None:
        folder = Path(HERE, self.app.config["SAMPLES"], name).resolve()
        found = folder != HERE and (folder / "app.py").is_file()
        return folder if found else None

    def error(self, name: str) -> str:
        """Load the sample if need be; return what went wrong, or ''."""
        with self.lock:
            if name not in self.loaded:
                try:
                    # In no context: in that of a request, `current_app`
                    # looks like one more app of the module.
                    app = Context().run(load, self.folder(name))
                    self.loaded[name] = app
                # Anything may happen in there, and only there.
                except (Exception, SystemExit):  # noqa: BLE001
                    return traceback.format_exc(limit=-1)

        return ""


def load(folder: Path) -> Flask:
    """Import the `app.py` in the folder and return its app.

    Raises ImportError where another folder has a module of the same name,
    and whatever the import raises.
    """
    own = {path.stem for path in folder.glob("*.py")} - {"app"}
    own |= {path.parent.name for path in folder.glob("*/__init__.py")}

    for name in own:
        if owners.setdefault(name, folder) != folder:
            raise ImportError(f"{owners[name]} has a module {name} as well")

    spec = spec_from_file_location("app", folder / "app.py")
    module = module_from_spec(spec)
    # So that the reloader finds the file, failed or not. Under a name that
    # no import can have: there is a real celery.app.
    sys.modules[f"samples/{folder.name}"] = module
    gallery = sys.modules.get("app")
    sys.modules["app"] = module
    # It stays there: a view may import a module of its own later.
    sys.path.append(str(folder))

    try:
        spec.loader.exec_module(module)
        return find_best_app(module)
    except BaseException:
        # Or the next try would find the modules of this one.
        for name in own & sys.modules.keys():
            del sys.modules[name]

        sys.path.remove(str(folder))
        raise
    finally:
        sys.modules["app"] = gallery


def cookies_below(prefix: str, start_response):
    """Keep cookies that a sample sets for the whole host to its own URLs."""

    def start(status, headers, *exc_info):
        headers = [
            (name, re.sub(r"; Path=/(?=;|$)", f"; Path={prefix}/", value))
            if name.lower() == "set-cookie"
            else (name, value)
            for name, value in headers
        ]
        return start_response(status, headers, *exc_info)

    return start
