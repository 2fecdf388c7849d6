import csv
import io
import sqlite3

import pytest
from app import app, harmless
from flask import appcontext_tearing_down


@pytest.fixture
def client():
    return app.test_client()


@pytest.fixture
def happenings(monkeypatch):
    """What happens beside the responses, in the order in which it does."""
    happened = []

    class Connection(sqlite3.Connection):
        def __init__(self, *args):
            happened.append("connect")
            super().__init__(*args)

        def close(self):
            happened.append("close")
            super().close()

    def torn_down(*args, **kwargs):
        happened.append("teardown")

    monkeypatch.setattr("app.sqlite3.connect", Connection)
    monkeypatch.setattr("app.sleep", lambda seconds: happened.append("sleep"))

    with appcontext_tearing_down.connected_to(torn_down, app):
        yield happened


# -- Basic Usage ------------------------------------------------------------


def test_a_reader_of_csv_gets_every_cell_back_whole(client):
    response = client.get("/large.csv?rows=100")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(response.text, newline=""))
    assert header == ["id", "change", "note"]
    assert [row[0] for row in rows] == [str(n) for n in range(1, 101)]
    notes = {row[2] for row in rows}
    assert {"grün, rot", 'a "big" one', "two\nlines"} < notes


def test_a_text_that_would_be_a_formula_is_made_harmless(client):
    rows = csv.reader(io.StringIO(client.get("/large.csv?rows=100").text))
    cells = [cell for row in rows for cell in row]
    assert '\'=HYPERLINK("https://evil.example", "Open")' in cells
    assert not any(cell.startswith("=") for cell in cells)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n1", " =1", "\u3000=1"],
)
def test_no_start_of_a_formula_is_forgotten(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["", "1+1", "a=b", "'", -1])
def test_other_cells_stay_as_they_are(cell):
    assert harmless(cell) == cell


def test_a_negative_number_stays_a_number(client):
    assert "\r\n1,-2," in client.get("/large.csv?rows=1").text


def test_no_rows_are_the_header_alone(client):
    assert client.get("/large.csv?rows=0").text == "id,change,note\r\n"


@pytest.mark.parametrize("rows", [1, 499, 500, 501, 1000])
def test_no_row_is_lost_between_two_chunks(client, rows):
    text = client.get(f"/large.csv?rows={rows}").text
    assert len(list(csv.reader(io.StringIO(text)))) == 1 + rows


def test_a_hundred_thousand_rows_are_the_default(client):
    lines = client.get("/large.csv").text.rsplit("\r\n", 2)
    assert lines[-2].startswith("100000,")


@pytest.mark.parametrize(
    "rows",
    [
        "",
        "-1",
        "1.5",
        "1e3",
        "1_000",
        " 5",
        "٣",
        "many",
        "10000001",
        "9" * 5000,
    ],
)
def test_a_wrong_number_of_rows_is_refused(client, happenings, rows):
    response = client.get("/large.csv", query_string={"rows": rows})
    assert response.status_code == 400
    assert "a whole number from 0 to 10,000,000" in response.text
    assert "connect" not in happenings


def test_the_largest_number_of_rows_is_accepted(client):
    with client.get("/large.csv?rows=10000000") as response:
        assert response.status_code == 200


def test_the_first_chunk_is_as_small_for_ten_million_rows(client):
    with client.get("/large.csv?rows=10000000") as response:
        first = next(response.response)

    assert first == next(client.get("/large.csv?rows=1000").response)


def test_the_connection_is_opened_after_the_teardown(client, happenings):
    assert client.get("/large.csv?rows=5").text.count("\r\n") == 6
    assert happenings == ["teardown", "connect", "close"]


def test_a_reader_who_leaves_closes_the_connection(client, happenings):
    response = client.get("/large.csv?rows=10000000")
    next(response.response)
    assert happenings[-1] == "connect"
    response.close()
    assert happenings[-1] == "close"


@pytest.mark.parametrize("path", ["/large.csv", "/timeline", "/stream?name=A"])
def test_head_has_the_headers_and_starts_nothing(client, happenings, path):
    response = client.head(path)
    assert response.status_code == 200
    assert response.data == b""
    assert set(happenings) == {"teardown"}
    assert response.content_type == client.get(path).content_type


# -- Streaming from Templates -----------------------------------------------


def test_an_event_is_sent_before_the_next_one_is_made(client, happenings):
    sent = [
        (chunk.decode(), happenings.count("sleep"))
        for chunk in client.get("/timeline").response
        if b":00" in chunk
    ]
    hours = ["9:00", "10:00", "11:00", "12:00", "13:00"]
    assert sent == list(zip(hours, range(5), strict=True))


def test_the_last_event_comes_half_a_second_after_the_first(
    client, monkeypatch
):
    waits = []
    monkeypatch.setattr("app.sleep", waits.append)
    page = client.get("/timeline").text
    assert page.rindex("</ol>") > page.rindex("13:00")
    assert sum(waits[:-1]) >= 0.5


# -- Streaming with Context -------------------------------------------------


def test_the_stream_reads_the_request(client):
    response = client.get("/stream?name=Zoë")
    assert "<p>Hello Zoë!</p>" in response.text
    assert response.text.startswith("<!doctype html>")


def test_a_name_is_text_and_never_html(client):
    name = "<script>alert('&')</script>"
    page = client.get("/stream", query_string={"name": name}).text
    assert "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;" in page
    assert "<script>" not in page


@pytest.mark.parametrize("query", ["", "?name=", "?name=%20", "?other=Ada"])
def test_a_missing_name_is_refused_before_the_first_byte(client, query):
    response = client.get(f"/stream{query}")
    assert response.status_code == 400
    assert "Send a name that is not empty." in response.text


def test_teardown_runs_before_the_stream_and_again_after_it(
    client, happenings
):
    response = client.get("/stream?name=Ada")
    assert happenings == ["teardown"]
    assert "Hello Ada" in response.text
    assert happenings == ["teardown", "teardown"]


def test_links_and_forms_stay_below_a_prefix(client, happenings):
    base = "http://localhost/pre"
    page = client.get("/", base_url=base).text

    for path in ("large.csv", "timeline", "stream"):
        assert f'"/pre/{path}"' in page

    for path in ("/timeline", "/stream?name=Ada"):
        assert 'href="/pre/"' in client.get(path, base_url=base).text


@pytest.mark.parametrize("path", ["/", "/large.csv", "/timeline", "/stream"])
def test_other_methods_are_refused(client, path):
    response = client.post(path)
    assert response.status_code == 405
    assert set(response.allow) == {"GET", "HEAD", "OPTIONS"}
