"""Run the samples in one process, each as if it were alone."""

import re
import sys
import traceback
from contextvars import Context
from importlib import import_module
from pathlib import Path
from threading import RLock

from flask import Flask
from flask.cli import find_best_app
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.middleware.dispatcher import DispatcherMiddleware

HERE = Path(__file__).resolve().parent


class Live:
    """WSGI middleware that serves the sample NAME at `/live/NAME/`.

    The first request for a sample loads it. If that fails, the response is a
    503 with the error, and the next request tries again.
    """

    def __init__(self, app: Flask):
        self.app = app
        self.main = app.wsgi_app
        self.loaded: dict[str, Flask] = {}
        # For each module name, the folder whose module is in sys.modules.
        self.owners: dict[str, Path] = dict.fromkeys(modules(HERE), HERE)
        # The modules of other folders, which aren't in sys.modules now.
        self.parked: dict[tuple[str, Path], dict] = {}
        self.path = sys.path.copy()
        # The folders, in the order of loading.
        self.entered: dict[str, None] = {}
        self.lock = RLock()

    def __call__(self, environ, start_response):
        found = re.match(r"/live/([\w-]{1,99})/", environ.get("PATH_INFO", ""))

        if not found or not self.folder(found[1]):
            return self.main(environ, start_response)

        name, mount = found[1], found[0].rstrip("/")
        error = self.load(name)
        app = ServiceUnavailable(error) if error else self.loaded[name]
        prefix = environ.get("SCRIPT_NAME", "") + mount
        dispatch = DispatcherMiddleware(self.main, {mount: app})
        return dispatch(environ, cookies_below(prefix, start_response))

    def folder(self, name: str) -> Path | None:
        folder = Path(HERE, self.app.config["SAMPLES"], name).resolve()
        found = folder != HERE and (folder / "app.py").is_file()
        return folder if found else None

    def load(self, name: str) -> str:
        """Load the sample if necessary. Return the error, or ''."""
        folder = self.folder(name)

        with self.lock:
            self.enter(folder)

            if name in self.loaded:
                return ""

            try:
                # Use an empty context, because find_best_app() would mistake
                # the `current_app` of a request for an app of the sample.
                self.loaded[name] = Context().run(find_app)
            # Loading a sample can raise any exception, or exit. Show both.
            except (Exception, SystemExit) as error:  # noqa: BLE001
                # Forget the modules that this attempt loaded. Otherwise, the
                # next one would reuse them.
                for module in modules(folder):
                    take(module)

                return describe(error, folder)

        return ""

    def enter(self, folder: Path):
        """Let imports find the modules of this folder before any others.

        Python keeps one module per name, but each sample has an `app`, and
        two of them can have a `views`.
        """
        # The other folders stay at the end of the path, so that imports inside
        # their views still work.
        self.entered[str(folder)] = None
        sys.path[:] = [str(folder), *self.path, *self.entered]

        for name in modules(folder):
            owner = self.owners.get(name, folder)

            if owner != folder:
                self.parked[name, owner] = take(name)
                sys.modules.update(self.parked.pop((name, folder), {}))

            self.owners[name] = folder


def find_app() -> Flask:
    """Return the app of the folder that was entered last."""
    return find_best_app(import_module("app"))


def modules(folder: Path) -> set[str]:
    """Return the names of the modules and packages in a folder."""
    names = {path.stem for path in folder.glob("*.py")}
    names |= {path.parent.name for path in folder.glob("*/__init__.py")}
    return names - sys.stdlib_module_names


def take(name: str) -> dict:
    """Remove a module and its submodules from sys.modules. Return them."""
    names = [key for key in sys.modules if key.partition(".")[0] == name]
    return {key: sys.modules.pop(key) for key in names}


def describe(error: BaseException, folder: Path) -> str:
    """Return the traceback, starting at the first frame in the sample."""
    tb = error.__traceback__

    while tb and folder not in Path(tb.tb_frame.f_code.co_filename).parents:
        tb = tb.tb_next

    return "".join(traceback.format_exception(error.with_traceback(tb)))


def cookies_below(prefix: str, start_response):
    """Limit cookies that a sample sets for the whole host to its prefix."""

    def start(status, headers, *exc_info):
        for number, (name, value) in enumerate(headers):
            if name.lower() == "set-cookie":
                below = re.sub(r"; Path=/(?=;|$)", f"; Path={prefix}/", value)
                headers[number] = (name, below)

        return start_response(status, headers, *exc_info)

    return start
