"""What the patterns around a view cost, with a view that says "ok"."""

import os

from bench.measure import Row, ask, bare, load, measure
from flask import render_template, session


def ok(**_):
    return "ok"


def dispatchers(app):
    """Yield the middlewares around an app that remember the apps they made."""
    way = app.wsgi_app

    while hasattr(way, "app"):
        if hasattr(way, "instances"):
            yield way

        way = way.app


def rows(samples, tmp):
    def sample(name):
        module = load(samples[name])
        views = module.app.view_functions
        views |= dict.fromkeys(views, ok)
        return module

    dispatch, decorators = sample("app_dispatch"), sample("view_decorators")
    language = sample("url_processors").app

    for way in dispatchers(dispatch.app):
        way.instances["red"] = bare({"/": ok})

    plain = bare({"/": ok, "/<any(en, de, fr):lang_code>/": ok})
    decorated = bare(
        {
            "/": ok,
            "/in view": lambda: ok() if session.get("username") else ("", 401),
            "/login": decorators.login_required(ok),
            "/cached": decorators.cached()(ok),
            "/templated": decorators.templated("page.html")(dict),
            "/rendered": lambda: render_template("page.html"),
        },
        SECRET_KEY=os.urandom(16),
    )
    decorated.before_request_funcs = decorators.app.before_request_funcs
    signer = decorated.session_interface.get_signing_serializer(decorated)
    admin = f"session={signer.dumps({'username': 'admin'})}"
    override = ask(
        sample("method_overrides").app,
        "/notes/1",
        "POST",
        X_HTTP_Method_Override="PUT",
    )

    for pattern, what, way, other, plain_is, why in (
        (
            "app_dispatch",
            "a tenant by path",
            ask(dispatch.app, "/red/"),
            ask(plain, "/en/"),
            "a rule with a variable",
            "Three dispatchers look at the request first.",
        ),
        (
            "app_dispatch",
            "a tenant by subdomain",
            ask(dispatch.app, Host="red.localhost"),
            ask(plain, "/en/"),
            "a rule with a variable",
            "The outermost dispatcher decides.",
        ),
        (
            "url_processors",
            "for the app",
            ask(language, "/en/"),
            ask(plain, "/en/"),
            "views that take `lang_code`",
            "A rule with a converter, and one processor.",
        ),
        (
            "url_processors",
            "for a blueprint",
            ask(language, "/frontend/en/"),
            ask(plain, "/en/"),
            "views that take `lang_code`",
            "A rule with a converter, and two processors.",
        ),
        (
            "method_overrides",
            "a POST that becomes a PUT",
            override,
            ask(plain, method="PUT"),
            "a PUT",
            "The check before each request reads its body, to the end.",
        ),
        (
            "view_decorators",
            "login required",
            ask(decorated, "/login", Cookie=admin),
            ask(decorated, "/in view", Cookie=admin),
            "`session.get` in the view",
            "The signature of the cookie is checked, either way.",
        ),
        (
            "view_decorators",
            "cached",
            ask(decorated, "/cached"),
            ask(decorated),
            "not cached",
            "It reads the session and the cache: what a view must cost first.",
        ),
        (
            "view_decorators",
            "templated",
            ask(decorated, "/templated"),
            ask(decorated, "/rendered"),
            "`render_template` in the view",
            "The template is rendered, either way.",
        ),
        (
            "subclassing",
            "request and app",
            ask(sample("subclassing").app),
            ask(plain),
            "a bare view",
            "It makes an id for each request, and sends it in a header.",
        ),
    ):
        times, limit, plain_times = measure(
            way, ask(plain), other, number=400, runs=9
        )
        yield Row(
            pattern=pattern,
            what=f"a request: {what}",
            sample=times,
            limit=limit,
            limit_is="a bare view",
            plain=plain_times,
            plain_is=plain_is,
            why=why,
        )
