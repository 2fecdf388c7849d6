"""Under many clients at once, no response is wrong, lost or somebody else's.

All that a client sends contains its mark, which no other client sends. One
client alone, and then another, first learn from one process what is public. A
response that showed only its own client's mark must never show another's.
"""

import os
import random
import re
import signal
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import hostile
import runner
from clients import Client, aliens
from hostile import ENOUGH, exchange, statuses

CLIENTS = 32
REQUESTS = 900  # for one sample, without the redirects that are followed
SECONDS = 8  # of the server's work, because slow responses count for more
FEWEST = 8  # of each kind


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


def test_a_worker_killed_under_load(known, tmp_path):
    """Each client loses one response at most, and nothing that was stored."""
    log, asked = tmp_path / "log", count(1)
    plan = planned(known.seconds)
    problems, cut, killed = [], [], []
    stored = defaultdict(set)  # {request: marks that its response must show}

    def judge(client, key, attack, answer, mark, act):
        if not whole(answer):
            (cut if killed else problems).append(f"cut: {attack}")
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
            stored[attack].add(mark.encode())

    with runner.boot(
        known.folder, log=log, gunicorn=True, FLASK_SECRET_KEY=known.key
    ) as server:
        first = server.workers()[0]

        def visit(number):
            client = Client(server.port, number, judge)

            for act in plan[number::CLIENTS]:
                if next(asked) == len(plan) // 2:
                    killed.append(first)
                    os.kill(first, signal.SIGKILL)

                client.do(act)

        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(visit, range(CLIENTS)))

        assert len(server.workers(3)) == 3
        assert not problems, "\n".join([*problems[:9], f"{len(problems)}"])
        assert len(cut) <= CLIENTS

        for attack, marks in stored.items():
            answer = exchange(server.port, attack)
            assert not [mark for mark in marks if mark not in answer]

        for _ in range(8):
            assert runner.fetch(f"{server.url}/").status < 400

        assert not server.complaints(), server.complaints()[-3000:]
