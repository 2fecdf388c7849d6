import importlib
import sys
from unittest.mock import Mock

import pytest


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Import app.py again, before any module of views is loaded."""
    for name in ("app", "views", "late"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("app")


@pytest.fixture
def client(module):
    return module.app.test_client()


# -- Converting to Centralized URL Map --------------------------------------


def test_status_works_without_loading_the_views(client):
    assert client.get("/status").json == {"loaded": []}


def test_map_routes_all_rules_of_a_view(client):
    assert "Hello, World" in client.get("/").text
    assert "Hello, stranger" in client.get("/user/").text
    assert "Hello, ada" in client.get("/user/ada").text


# -- Loading Late -----------------------------------------------------------


def test_lazy_view_imports_its_module_on_first_use(module):
    lazy_view = module.LazyView("views.user")
    assert (lazy_view.__module__, lazy_view.__name__) == ("views", "user")
    assert "views" not in sys.modules
    assert lazy_view.view is sys.modules["views"].user


def test_lazy_view_calls_the_view_with_all_arguments(module):
    lazy_view = module.LazyView("builtins.dict")
    assert lazy_view({"a": 1}, b=2) == {"a": 1, "b": 2}


def test_first_request_loads_the_module(client):
    client.get("/")
    assert client.get("/status").json == {"loaded": ["views"]}


def test_view_is_imported_only_once(module, client, monkeypatch):
    import_string = Mock(side_effect=module.import_string)
    monkeypatch.setattr(module, "import_string", import_string)
    assert client.get("/").text == client.get("/").text
    import_string.assert_called_once_with("views.index")


def test_two_modules_can_use_the_same_view_name(module, client, tmp_path):
    (tmp_path / "late.py").write_text("def index():\n    return 'Late'\n")
    module.url("late.index", ["/late"])
    assert client.get("/late").text == "Late"
    assert "World" in client.get("/").text


@pytest.mark.parametrize(
    ("options", "endpoint"),
    [({}, "package:views:index"), ({"endpoint": "start"}, "start")],
)
def test_endpoint_has_no_dot_and_can_be_named(module, options, endpoint):
    module.url("package.views.index", ["/start"], **options)
    view = module.app.view_functions[endpoint]
    assert (view.__module__, view.__name__) == ("package.views", "index")


def test_module_works_once_it_is_fixed(module, client, tmp_path):
    late = tmp_path / "late.py"
    late.write_text("def index(:\n")
    module.url("late.index", ["/late"])
    assert client.get("/late").status_code == 500
    late.write_text("def index():\n    return 'Fixed'\n")
    importlib.invalidate_caches()
    assert client.get("/late").text == "Fixed"


def test_check_views_passes_when_all_views_exist(module):
    result = module.app.test_cli_runner().invoke(args=["check-views"])
    assert result.exit_code == 0
    assert result.output.count("<function") == 2


def test_check_views_fails_when_a_name_is_misspelled(module):
    module.url("viewz.index", ["/viewz"])
    result = module.app.test_cli_runner().invoke(args=["check-views"])
    assert result.exit_code == 1
    assert "viewz" in str(result.exception)
