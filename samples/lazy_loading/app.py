"""Lazily loading views: map all URLs in one place, import views on first use.

Docs: https://flask.palletsprojects.com/patterns/lazyloading/
Run:  flask --app app run --port 8000
Try:  curl localhost:8000/status
      curl localhost:8000/user/ada
      flask --app app check-views
"""

import sys
from functools import cached_property

import click
from flask import Flask
from werkzeug.utils import import_string

app = Flask(__name__)
app.config.from_prefixed_env()


# -- Converting to Centralized URL Map --------------------------------------


def status():
    return {"loaded": ["views"] if "views" in sys.modules else []}


# Map the URL here instead of using a decorator. Python must load this view
# before the map, but not a LazyView.
app.add_url_rule("/status", view_func=status)


# -- Loading Late -----------------------------------------------------------


class LazyView:
    """A view that is imported when Flask first calls it."""

    def __init__(self, import_name):
        # Extensions such as Flask-WTF read these attributes of a view.
        self.__module__, self.__name__ = import_name.rsplit(".", 1)
        self.import_name = import_name

    @cached_property
    def view(self):
        return import_string(self.import_name)

    def __call__(self, *args, **kwargs):
        return self.view(*args, **kwargs)


def url(import_name, url_rules, **options):
    """Map the rules to the view "module.name", without importing it."""
    view = LazyView(import_name)
    # Two modules can both have an `index`, so put the module's name into the
    # endpoint, too. Don't use a dot, because Flask treats the part before it
    # as a blueprint's name.
    options.setdefault("endpoint", import_name.replace(".", ":"))

    for url_rule in url_rules:
        app.add_url_rule(url_rule, view_func=view, **options)


url("views.index", ["/"])
url("views.user", ["/user/", "/user/<username>"])


# Run this command along with your tests. Otherwise, a misspelled name fails
# only when a visitor requests the view.
@app.cli.command("check-views")
def check_views():
    """Import every lazy view."""
    for view_func in app.view_functions.values():
        if isinstance(view_func, LazyView):
            click.echo(view_func.view)
