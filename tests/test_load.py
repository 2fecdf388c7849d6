"""Under many clients at once no answer is wrong, lost or somebody else's.

All that a client sends bears its mark, which no other client sends. One client
alone, and then another, first learn from one process what is public there: an
answer that showed only its own client's mark must never show another's.
"""

import os
import random
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import hostile
import pytest
import runner
from clients import Client, aliens
from hostile import ENOUGH, exchange, statuses

CLIENTS = 32
REQUESTS = 2500  # of one sample's, not counting the redirects followed
SECONDS = 25  # of the server's work, which slow answers use up with fewer
FEWEST = 8  # of each kind


# -- The crowd --------------------------------------------------------------


def planned(seconds):
    """Return the acts in random order, the quick ones more often."""
    most = REQUESTS / len(seconds)
    spend = SECONDS / len(seconds)
    plan = [
        act
        for act, cost in seconds.items()
        for _ in range(max(FEWEST, int(min(most, spend / cost))))
    ]
    random.Random(0).shuffle(plan)
    return plan


def whole(answer):
    """Whether the answer has come to its end, as far as it is read."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length: (\d+)", head)

    if len(answer) >= ENOUGH or not statuses(head):
        return bool(statuses(head))

    if re.search(rb"(?i)\ntransfer-encoding: chunked", head):
        return body.endswith(b"0\r\n\r\n")

    return not length or len(body) == int(length[1])


@pytest.fixture
def load(known, tmp_path, record_property):
    """A function: send all requests; with a `kill`, kill a worker halfway.

    It returns how many answers did not come, or not whole.
    """
    log, asked = tmp_path / "log", count(1)
    problems, cut, stored = [], [], []

    def judge(client, key, attack, answer, mark, act):
        if not whole(answer):
            cut.append(attack)
            return

        keeps = known.stored and act and act not in known.missing
        wrong = {
            hostile.problem(attack, answer): True,
            "another's mark": key not in known.public
            and aliens(client, answer),
            "its mark is lost": keeps and mark.encode() not in answer,
        }
        problems.extend(f"{it}: {attack}" for it in wrong if it and wrong[it])

        if keeps:
            stored.append((attack, mark))

    def send(kill=False):
        # The second time it need not be as many.
        plan = planned(known.seconds)[:: 3 if kill else 1]

        with runner.boot(
            known.folder,
            log=log,
            gunicorn=True,
            FLASK_SECRET_KEY=known.key,
        ) as server:

            def visit(number):
                # What was stored the first time stays.
                client = Client(server.port, number, judge, 50_000 * kill)

                for act in plan[number::CLIENTS]:
                    if next(asked) == len(plan) // 2 and kill:
                        os.kill(server.workers()[0], signal.SIGKILL)

                    client.do(act)

            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(visit, range(CLIENTS)))

            assert len(server.workers(2 + kill)) == 2 + kill
            assert not problems, "\n".join([*problems[:9], f"{len(problems)}"])

            for attack, mark in stored:
                assert mark.encode() in exchange(server.port, attack)

            for _ in range(8):
                assert runner.fetch(f"{server.url}/").status < 400

            assert not server.complaints(), server.complaints()[-3000:]
            record_property("inner", len(plan))
            return len(cut)

    return send


# -- The promise ------------------------------------------------------------


def test_many_clients(load):
    assert load() == 0


def test_a_worker_killed_under_load(load):
    """Each client loses one answer at most, and nothing that was stored."""
    assert load(kill=True) <= CLIENTS
