import re
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
from app import TENANTS, Dispatcher, PathDispatcher, app, create_app
from flask.cli import ScriptInfo
from werkzeug.test import Client, create_environ, run_wsgi_app

DOMAIN = app.config["DOMAIN"]
TENANT, OTHER = TENANTS[:2]


def get(path="/", host=DOMAIN):
    return app.test_client().get(path, headers={"Host": host})


def test_flask_command_finds_the_main_site():
    assert ScriptInfo(app_import_path="app").load_app() is app
    assert "the main site" in get().text


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", ""), ("[::1]:8000", ":8000")]
)
def test_main_site_links_to_every_app_at_the_domain_and_port(host, port):
    assert re.findall('href="(.*?)"', get("/", host).text) == [
        "/backend/",
        *[f"/{name}/" for name in TENANTS],
        *[f"http://{name}.{DOMAIN}{port}/" for name in TENANTS],
    ]


# -- Combining Applications -------------------------------------------------


def test_backend_is_mounted_at_a_path():
    assert "the backend" in get("/backend/").text
    assert get("/backend/missing").status_code == 404


# -- Dispatch by Subdomain --------------------------------------------------


# rstrip(DOMAIN) would remove "school", too, because it strips letters.
@pytest.mark.parametrize("name", [*TENANTS, "school"])
def test_subdomain_selects_the_tenant_in_any_case_and_with_a_port(
    name, monkeypatch
):
    monkeypatch.setattr("app.TENANTS", [name])
    host = f"{name}.{DOMAIN}"

    for spelling in (host, host.upper(), f"{host}:8000"):
        page = get("/", spelling).text
        assert f"tenant {name}, at http://{spelling.lower()}/" in page


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]:8000", "example.com", f"{TENANT}{DOMAIN}"]
)
def test_any_other_host_is_the_main_site(host):
    assert "the main site" in get("/", host).text
    assert f"tenant {TENANT}" in get(f"/{TENANT}/", host).text


def test_request_without_a_host_is_for_the_main_site():
    environ = create_environ()
    del environ["HTTP_HOST"]
    body, *_ = run_wsgi_app(app, environ)
    assert "the main site" in b"".join(body).decode()


def test_unknown_subdomain_is_not_found():
    assert get("/", f"unknown.{DOMAIN}").status_code == 404


def test_subdomain_takes_precedence_over_a_path():
    assert get(f"/{OTHER}/", f"{TENANT}.{DOMAIN}").status_code == 404


def test_dispatcher_does_not_store_unknown_names():
    dispatcher = Dispatcher(app, create_app)

    for name in ("unknown", TENANT, "", TENANT.upper()):
        dispatcher.get_application(name)

    assert list(dispatcher.instances) == [TENANT]


def test_dispatcher_creates_one_app_for_concurrent_first_requests():
    created = []

    def slow_create_app(name):
        time.sleep(0.05)
        created.append(name)
        return create_app(name)

    dispatcher = Dispatcher(app, slow_create_app)

    with ThreadPoolExecutor(8) as pool:
        apps = set(pool.map(dispatcher.get_application, [TENANT] * 8))

    assert created == [TENANT]
    assert apps == {dispatcher.instances[TENANT]}


def test_dispatcher_tries_again_when_creating_an_app_fails():
    tenant = create_app(TENANT)
    failing_create_app = Mock(side_effect=[RuntimeError, tenant])
    dispatcher = Dispatcher(app, failing_create_app)

    with pytest.raises(RuntimeError):
        dispatcher.get_application(TENANT)

    assert dispatcher.get_application(TENANT) is tenant


# -- Dispatch by Path -------------------------------------------------------


@pytest.mark.parametrize("name", TENANTS)
def test_path_selects_the_tenant_and_is_part_of_its_urls(name):
    page = get(f"/{name}/").text
    assert f"tenant {name}, at http://{DOMAIN}/{name}/" in page
    assert get(f"/{name}").location == f"http://{DOMAIN}/{name}/"
    assert get(f"/{name}/missing").status_code == 404


@pytest.mark.parametrize("path", ["", "/", "/unknown/", f"/{TENANT.upper()}/"])
def test_any_other_path_goes_to_the_main_site_unchanged(path):
    def main_site(environ, start_response):
        start_response("404 NOT FOUND", [])
        return [f"main site: {environ['PATH_INFO']}".encode()]

    client = Client(PathDispatcher(main_site, create_app))
    response = client.get(environ_overrides={"PATH_INFO": path})
    assert response.text == f"main site: {path}"
