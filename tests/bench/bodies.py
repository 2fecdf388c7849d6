"""What long bodies cost on their way out and in, under gunicorn."""

import csv
import hashlib
import os
import re
import shutil
import socket
import sqlite3
import time
from contextlib import closing

import runner
from bench.measure import Row, load, measure, rates, served, show, write_app

ROWS, UPLOAD, BODY = 200_000, 15_000_000, 100_000_000

PLAIN = """
import csv, hashlib, io, sqlite3
from flask import Flask, request
app = Flask(__name__)

@app.get("/large.csv")
def large():
    text = io.StringIO()
    rows = sqlite3.connect(":memory:").execute(SQL, [request.args["rows"]])
    csv.writer(text).writerows(rows)
    return text.getvalue()

@app.post("/")
def upload():
    request.files["file"].save(app.root_path + "/upload")
    return "ok"

@app.post("/read")
def read():
    while request.stream.read(2**18):
        pass
    return "ok"

@app.post("/special-api")
def checksum():
    return hashlib.sha256(request.get_data()).hexdigest()
"""


def rows(samples, tmp):
    app = (samples["streaming"] / "app.py").read_text("utf-8")
    [orders] = re.findall(r'^ORDERS = (""".*?""")', app, re.M | re.S)
    plain = write_app(tmp / "plain", f"SQL = {orders}\n{PLAIN}")
    _, idle = served(plain, tmp, lambda server: runner.fetch(server.url))

    def both(name, work):
        """Return (runs, peaks) of the sample, and of the plain way."""
        return served(samples[name], tmp, work), served(plain, tmp, work)

    def memory(pattern, what, peak, other, plain_is, why):
        return Row(
            pattern=pattern,
            what=f"peak memory of a worker, {what}",
            sample=peak,
            limit=idle,
            limit_is="a bare app, bare requests",
            plain=other,
            plain_is=plain_is,
            why=why,
            unit="MB",
        )

    yield from streaming(samples, tmp, orders, both, memory)
    yield from uploading(tmp, plain, both, memory)
    yield from hashing(tmp, plain, both, memory)


def streaming(samples, tmp, orders, both, memory):
    harmless = load(samples["streaming"]).harmless

    def write(change):
        with (
            (tmp / "csv").open("w", newline="") as file,
            closing(sqlite3.connect(":memory:")) as db,
        ):
            found = db.execute(orders, [ROWS])
            csv.writer(file).writerows(map(change, found))

    (ours, peak), (theirs, other) = both("streaming", download(ROWS))
    one, _ = served(samples["streaming"], tmp, download(1))
    least, guarded = measure(
        lambda: write(tuple), lambda: write(lambda row: map(harmless, row))
    )
    firsts, ends = zip(*ours, strict=True)
    plain_firsts, plain_ends = zip(*theirs, strict=True)
    plain_is = "all rows in memory, then sent"
    yield Row(
        pattern="streaming",
        what=f"CSV of {ROWS:,} rows",
        sample=rates(ends, ROWS),
        limit=rates(least, ROWS),
        limit_is="`csv.writer` into a file",
        plain=rates(plain_ends, ROWS),
        plain_is=plain_is,
        why="The guard against formulas, and the socket. Into a file, but"
        f" guarded: {show(rates(guarded, ROWS), 'rows/s')}.",
        unit="rows/s",
    )
    yield Row(
        pattern="streaming",
        what=f"first byte of {ROWS:,} rows",
        sample=firsts,
        limit=[first for first, _ in one],
        limit_is="first byte of one row",
        plain=plain_firsts,
        plain_is=plain_is,
        why="It waits for the first 500 rows.",
    )
    yield memory(
        "streaming",
        f"{ROWS:,} rows",
        peak,
        other,
        plain_is,
        "500 rows at a time.",
    )


def uploading(tmp, plain, both, memory):
    data, size = os.urandom(UPLOAD), f"{UPLOAD / 1e6:.0f} MB"
    (tmp / "file").write_bytes(data)
    part = b'Content-Disposition: form-data; name="file"; filename="a.txt"'
    form = b"--x\r\n%b\r\n\r\n%b\r\n--x--\r\n" % (part, data)
    work = post("/", "multipart/form-data; boundary=x", form)
    (ours, peak), (theirs, other) = both("file_uploads", work)
    [least] = measure(lambda: shutil.copyfile(tmp / "file", tmp / "copy"))
    sent, _ = served(plain, tmp, post("/read", "image/png", form))
    plain_is = "a view that saves and does no more"
    yield Row(
        pattern="file_uploads",
        what=f"upload of {size}",
        sample=rates(ours, UPLOAD / 1e6),
        limit=rates(least, UPLOAD / 1e6),
        limit_is="copying a file",
        plain=rates(theirs, UPLOAD / 1e6),
        plain_is=plain_is,
        why="Copying passes no socket, parses no multipart and writes once,"
        " not twice. To send the body and throw it away:"
        f" {show(rates(sent, UPLOAD / 1e6), 'MB/s')}.",
        unit="MB/s",
    )
    yield memory(
        "file_uploads",
        size,
        peak,
        other,
        plain_is,
        "The whole file never is in memory.",
    )


def hashing(tmp, plain, both, memory):
    body, size = os.urandom(BODY), f"{BODY / 1e6:.0f} MB"
    work = post("/special-api", "application/octet-stream", body)
    (ours, peak), (theirs, other) = both("request_checksum", work)
    [least] = measure(lambda: hashlib.sha256(body).digest())
    sent, _ = served(plain, tmp, post("/read", "image/png", body))
    plain_is = "hashed when all is in memory"
    yield Row(
        pattern="request_checksum",
        what=f"SHA-256 of {size}",
        sample=rates(ours, BODY / 1e6),
        limit=rates(least, BODY / 1e6),
        limit_is="`hashlib` alone",
        plain=rates(theirs, BODY / 1e6),
        plain_is=plain_is,
        why="The way from the client. To send the body and throw it away:"
        f" {show(rates(sent, BODY / 1e6), 'MB/s')}.",
        unit="MB/s",
    )
    yield memory(
        "request_checksum",
        size,
        peak,
        other,
        plain_is,
        "The whole body never is in memory.",
    )


# -- The clients ------------------------------------------------------------


def download(amount):
    """Return a function that gives (seconds to first byte, to last byte)."""

    def work(server):
        start = time.perf_counter()

        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            # HTTP/1.0 has no chunks: to decode them here would take longer.
            line = f"GET /large.csv?rows={amount} HTTP/1.0"
            sock.sendall(f"{line}\r\n\r\n".encode())
            head = b""

            while not head.partition(b"\r\n\r\n")[2]:
                head += sock.recv(2**16)

            first = time.perf_counter()

            while sock.recv(2**20):
                pass

        assert head.split()[1] == b"200", head
        return first - start, time.perf_counter() - start

    return work


def post(path, kind, body):
    """Return a function that sends the body and gives the seconds taken."""

    def work(server):
        start = time.perf_counter()
        headers = {"Content-Type": kind}
        reply = runner.fetch(server.url + path, headers=headers, body=body)
        assert reply.status < 400, reply
        return time.perf_counter() - start

    return work
