"""Lazily loading views: a map of all URLs, and no view imported before use.

Docs: https://flask.palletsprojects.com/patterns/lazyloading/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/status
      curl localhost:8000/user/ada
      flask --app app check-views
"""

import sys
from importlib import import_module

import click
from flask import Flask, current_app
from werkzeug.utils import cached_property

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Converting to Centralized URL Map --------------------------------------


def status():
    modules = {view.__module__ for view in lazy_views()}
    return {"loaded": sorted(modules & sys.modules.keys())}


# No decorator: the map names the view. This one is loaded with the map.
app.add_url_rule("/status", view_func=status)


# -- Loading Late -----------------------------------------------------------


class LazyView:
    """Stands in the map for the view `import_name`, "module.name"."""

    def __init__(self, import_name: str):
        self.__module__, self.__name__ = import_name.rsplit(".", 1)

    # A failure is not cached: once its module is mended, a view works.
    @cached_property
    def view(self):
        view = getattr(import_module(self.__module__), self.__name__)

        if isinstance(view, type):
            view = view.as_view(self.__name__)

        # Flask does this to what the map holds, but a LazyView is not async.
        return current_app.ensure_sync(view)

    def __call__(self, *args, **kwargs):
        return self.view(*args, **kwargs)


def url(import_name: str, url_rules: list[str], **options):
    """Map a view to `url_rules`; `options` are those of `add_url_rule`.

    The methods of a class-based view go into `options` too: asking the class
    would load it.
    """
    view = LazyView(import_name)

    # Flask would take the last part, and two modules may have an `index`.
    options.setdefault("endpoint", import_name)

    for url_rule in url_rules:
        app.add_url_rule(url_rule, view_func=view, **options)


def lazy_views() -> list[LazyView]:
    views = app.view_functions.values()
    return [view for view in views if isinstance(view, LazyView)]


url("views.index", ["/"])
url("views.user", ["/user/", "/user/<username>"])


# Without it, a misspelt name would wait for a visitor to find it.
@app.cli.command("check-views")
def check_views():
    """Load all views, and name those that are not there."""
    problems = []

    for view in lazy_views():
        try:
            problem = "" if callable(view.view) else "it cannot be called"
        except (ImportError, AttributeError) as error:
            problem = error

        if problem:
            problems.append(f"{view.__module__}.{view.__name__}: {problem}")

    if problems:
        raise click.ClickException("\n".join(problems))
