"""Under many clients at once, no response is wrong, lost, or for another.

All that a client sends contains its mark, which no other client sends.
"""

import os
import random
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from threading import Event

import runner
import surface

CLIENTS = 32


def test_killed_worker_loses_one_response_per_client(sample, tmp_path):
    """Nothing that was stored is lost, and nobody sees another's text."""
    found, killed, stored = surface.read(sample.name), Event(), []
    public = {*found.public, found.kept}
    quick = [
        ask
        for ask in found.asks
        if ask.path.partition("?")[0] not in found.slow
    ]
    plan = found.asks + quick * 2

    def visit(number):
        client, lost = surface.Client(server.url), 0
        shuffled = random.Random(number).sample

        for turn, ask in enumerate(shuffled(plan, len(plan))):
            if number == 0 and turn == len(plan) // 2:
                killed.set()
                os.kill(workers[0], signal.SIGKILL)

            mark = f"mk{number:02}n{turn:03}z"

            try:
                path, reply = client.send(ask.marked(mark))
            except (HTTPException, OSError):
                assert killed.is_set(), "A response was lost."
                lost += 1
                continue

            others = re.search(rb"mk(?!%02d)\d\dn" % number, reply.body)
            assert reply.status < 500, (ask, reply)
            assert path.partition("?")[0] in public or not others, (ask, reply)

            if ask.method == "POST" and reply.status < 400:
                stored.append(mark)

        assert lost <= 1

    with runner.boot(
        surface.copy(sample, tmp_path),
        log=tmp_path / "log",
        gunicorn=True,
        FLASK_SECRET_KEY="key",
    ) as server:
        workers = server.workers()

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(visit, range(CLIENTS)))

        assert len(server.workers(3)) == 3
        assert not (complaints := server.complaints()), complaints[-3000:]

        if found.kept:
            text = runner.fetch(server.url + found.kept).text
            assert [mark for mark in stored if mark not in text] == []
            assert stored
