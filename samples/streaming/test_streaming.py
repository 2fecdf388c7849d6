import csv
import io
import sqlite3

import pytest
from app import MAX_ROWS, app
from flask import appcontext_tearing_down, has_request_context


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture
def events(monkeypatch):
    """Return a list that records connections, rows, and pauses, in order."""
    events = []

    def fetch(cursor, row):
        events.append("row")
        assert len(events) < 10_000, "Fetch the rows in small batches."
        return row

    class Connection(sqlite3.Connection):
        def __init__(self, *args):
            events.append("connect")
            super().__init__(*args)
            self.row_factory = fetch

        def close(self):
            events.append("close")
            super().close()

    monkeypatch.setattr("app.sqlite3.connect", Connection)
    monkeypatch.setattr("app.sleep", lambda seconds: events.append("sleep"))
    return events


def test_start_page_leads_to_every_stream(client):
    page = client.get("/").text
    assert 'action="/large.csv"' in page
    assert f'max="{MAX_ROWS}"' in page
    assert 'href="/timeline"' in page


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


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?rows=",
        "?rows=x",
        "?rows=-1",
        "?rows=1.5",
        f"?rows={MAX_ROWS + 1}",
    ],
)
def test_csv_is_rejected_before_the_first_byte(client, events, query):
    assert client.get(f"/large.csv{query}").status_code == 400
    assert events == []


def test_first_chunk_is_small_however_many_rows_follow(client, events):
    with client.get(f"/large.csv?rows={MAX_ROWS}") as response:
        chunks = response.iter_encoded()
        assert next(chunks) == b"id,quantity,note\r\n"
        assert next(chunks).count(b"\n") < 10_000


def test_connection_opens_in_the_generator_and_closes_with_it(client, events):
    response = client.get(f"/large.csv?rows={MAX_ROWS}")
    assert events == ["connect"]
    response.close()
    assert events == ["connect", "close"]


def test_connection_opens_after_the_teardown_of_the_request(client, events):
    def on_teardown(app, **kwargs):
        events.append("teardown")

    with appcontext_tearing_down.connected_to(on_teardown, app):
        client.get("/large.csv?rows=1", buffered=True)

    assert events == ["teardown", "connect", "row", "close"]


# -- Streaming from Templates -----------------------------------------------


def test_timeline_sends_each_event_before_the_next_one_is_ready(
    client, events
):
    chunks = client.get("/timeline").iter_encoded()
    assert next(chunk for chunk in chunks if b"9:00" in chunk)
    assert events == []
    assert b"13:00" in b"".join(chunks)
    assert events.count("sleep") == 5


# -- Streaming with Context -------------------------------------------------


def test_stream_reads_the_request_while_it_runs(client):
    response = client.get("/stream?name=Ada")
    assert has_request_context()
    assert list(response.iter_encoded())[:2] == [b"Hello ", b"Ada"]
    assert not has_request_context()


def test_stream_sends_markup_as_plain_text(client):
    response = client.get("/stream?name=<b>")
    assert response.text == "Hello <b>!\n"
    assert response.mimetype == "text/plain"


@pytest.mark.parametrize("query", ["", "?name="])
def test_stream_is_rejected_when_the_name_is_missing(client, query):
    assert client.get(f"/stream{query}").status_code == 400
