import importlib
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ADA = {"name": "ada", "email": "ada@example.com"}
WAYS = ["extension", "declarative", "imperative", "core"]
each_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import app.py anew, so that each test has a database of its own."""
    uri = f"sqlite:///{tmp_path}/users.db"
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", uri)
    monkeypatch.delitem(sys.modules, "app", raising=False)
    module = importlib.import_module("app")
    yield module
    module.engine.dispose()

    if hasattr(module, "db"):
        with module.app.app_context():
            module.db.engine.dispose()


@pytest.fixture
def client(module):
    return module.app.test_client()


@each_way
def test_list_is_empty_at_first(client, way):
    assert client.get(f"/{way}/users").json == []


@each_way
def test_user_is_committed_and_listed(client, way):
    response = client.post(f"/{way}/users", data=ADA)
    assert response.status_code == 201
    assert response.json == {"id": 1, **ADA}
    assert client.get(f"/{way}/users").json == [{"id": 1, **ADA}]


@each_way
def test_page_has_a_form_for_each_way(client, way):
    assert f'action="/{way}/users"' in client.get("/").text


def test_user_added_in_one_way_appears_in_all(client):
    for way in WAYS:
        client.post(f"/{way}/users", data={"name": way, "email": way})

    for way in WAYS:
        users = client.get(f"/{way}/users").json
        assert [user["name"] for user in users] == WAYS


@each_way
@pytest.mark.parametrize("field", ["name", "email"])
def test_duplicate_is_rejected_and_the_next_request_works(client, way, field):
    eve = {"name": "eve", "email": "eve@example.com"}
    client.post(f"/{way}/users", data=ADA)
    response = client.post(f"/{way}/users", data=eve | {field: ADA[field]})
    assert response.status_code == 409
    assert "taken" in response.text
    assert client.post(f"/{way}/users", data=eve).status_code == 201


@each_way
@pytest.mark.parametrize("text", ["", "x" * 81, "a\0b"])
def test_bad_field_is_rejected(client, way, text):
    response = client.post(f"/{way}/users", data=ADA | {"email": text})
    assert response.status_code == 400
    assert "email must be 1 to 80" in response.text
    assert client.get(f"/{way}/users").json == []


def test_table_is_created_when_another_worker_is_faster(module):
    sa = module.sa
    table = sa.Table("notes", sa.MetaData(), sa.Column("id", sa.Integer))

    def another_worker(*args, **kwargs):
        table.create(module.engine)

    # SQLAlchemy runs this after it has looked for the table.
    sa.event.listen(table, "before_create", another_worker, once=True)
    module.create_tables(table.metadata, module.engine)
    assert sa.inspect(module.engine).has_table("notes")


@each_way
def test_each_way_works_without_the_others(
    way, tmp_path, monkeypatch, request
):
    text, shared = (HERE / "app.py").read_text("utf-8").split("# All four")
    head, *blocks = text.split("\n# -- ")
    source = f"{head}\n# -- {blocks[WAYS.index(way)]}\n# All four{shared}"
    (tmp_path / "app.py").write_text(source, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    client = request.getfixturevalue("client")
    added = client.post(f"/{way}/users", data=ADA)
    assert added.json == {"id": 1, **ADA}

    # The table is the one that this way has created.
    for field in ADA:
        form = ADA | {field: "eve"}
        assert client.post(f"/{way}/users", data=form).status_code == 409

    assert len(client.get(f"/{way}/users").json) == 1


# -- Flask-SQLAlchemy Extension ---------------------------------------------


def test_extension_returns_one_user_or_404(client):
    client.post("/extension/users", data=ADA)
    assert client.get("/extension/users/1").json == {"id": 1, **ADA}
    assert client.get("/extension/users/2").status_code == 404
    assert client.get("/extension/users/2147483648").status_code == 404


def test_extension_returns_the_list_page_by_page(client):
    for name in ("ada", "eve"):
        form = {"name": name, "email": name}
        client.post("/extension/users", data=form)

    users = client.get("/extension/users?per_page=1&page=2").json
    assert [user["name"] for user in users] == ["eve"]
    assert client.get("/extension/users?page=x").status_code == 404


# -- Declarative ------------------------------------------------------------


def test_session_ends_with_the_context(module, client):
    with module.app.app_context():
        module.db_session.add(module.DeclarativeUser(**ADA))

    assert not module.db_session.registry.has()
    assert client.get("/declarative/users").json == []


# -- Manual Object Relational Mapping ---------------------------------------


def test_mapped_class_needs_no_base_class(module):
    assert module.ImperativeUser.__bases__ == (object,)
    assert module.ImperativeUser(**ADA).name == "ada"


# -- SQL Abstraction Layer --------------------------------------------------


def test_other_connections_see_a_row_after_the_block(module, client):
    client.post("/core/users", data=ADA)

    with module.engine.connect() as connection:
        query = module.sa.select(module.users.c.name)
        assert connection.scalars(query).all() == ["ada"]
