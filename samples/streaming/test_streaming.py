import csv
import io
import sqlite3

import pytest
from app import MAX_ROWS, app
from flask import appcontext_tearing_down


@pytest.fixture
def client():
    return app.test_client()


def test_start_page_leads_to_every_stream(client):
    page = client.get("/").text
    assert 'action="/large.csv"' in page
    assert f'max="{MAX_ROWS}"' in page
    assert 'href="/timeline"' in page
    assert 'action="/stream"' in page


# -- Basic Usage ------------------------------------------------------------


def test_csv_has_a_header_and_all_rows_with_whole_cells(client):
    response = client.get("/large.csv?rows=1001")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(response.text, newline=""))
    assert header == ["id", "quantity", "note"]
    assert [row[0] for row in rows] == [str(n) for n in range(1, 1002)]
    assert {row[2] for row in rows} == {'the "grün" one, and more'}


def test_csv_can_be_empty(client):
    assert client.get("/large.csv?rows=0").text == "id,quantity,note\r\n"


@pytest.mark.parametrize("rows", ["", "x", "-1", MAX_ROWS + 1])
def test_csv_is_rejected_before_the_first_byte(client, rows):
    assert client.get(f"/large.csv?rows={rows}").status_code == 400


def test_chunk_holds_many_rows_but_not_all(client):
    with client.get("/large.csv?rows=100000") as response:
        chunks = response.iter_encoded()
        assert next(chunks) == b"id,quantity,note\r\n"
        assert 1 < next(chunks).count(b"\n") < 10_000


def test_query_fails_before_the_first_byte(client, monkeypatch):
    monkeypatch.setattr("app.ORDERS", "SELECT ? FROM missing")

    with pytest.raises(sqlite3.OperationalError):
        client.get("/large.csv?rows=1")


def test_connection_opens_after_the_teardown_and_closes_with_the_stream(
    client, monkeypatch
):
    events = []

    class Connection(sqlite3.Connection):
        def __init__(self, *args):
            events.append("connect")
            super().__init__(*args)

        def close(self):
            events.append("close")
            super().close()

    def on_teardown(app, **kwargs):
        events.append("teardown")

    monkeypatch.setattr("app.sqlite3.connect", Connection)

    with appcontext_tearing_down.connected_to(on_teardown, app):
        response = client.get(f"/large.csv?rows={MAX_ROWS}")

    # The client leaves before it has read a row.
    assert events == ["teardown", "connect"]
    response.close()
    assert events == ["teardown", "connect", "close"]


# -- Streaming from Templates -----------------------------------------------


def test_timeline_sends_each_event_before_the_next_one_is_ready(
    client, monkeypatch
):
    pauses = []
    monkeypatch.setattr("app.sleep", pauses.append)
    chunks = client.get("/timeline").iter_encoded()
    assert next(chunk for chunk in chunks if b"9:00" in chunk)
    assert pauses == []
    assert b"13:00" in b"".join(chunks)
    assert len(pauses) == 5


# -- Streaming with Context -------------------------------------------------


def test_stream_reads_the_request_while_it_runs(client):
    chunks = client.get("/stream?name=Ada").iter_encoded()
    assert list(chunks) == [b"Hello ", b"Ada", b"!\n"]


def test_stream_sends_markup_as_plain_text(client):
    response = client.get("/stream?name=<b>")
    assert response.text == "Hello <b>!\n"
    assert response.mimetype == "text/plain"


@pytest.mark.parametrize("query", ["", "?name="])
def test_stream_is_rejected_when_the_name_is_missing(client, query):
    assert client.get(f"/stream{query}").status_code == 400
