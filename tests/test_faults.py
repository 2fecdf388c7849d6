"""A disk that is full or may not be written: a clear page, and nothing lost.

No privileges are needed: a limit on the size of files stands for a full disk,
modes for a read-only one, and a file for a folder that cannot be made. Only
root must give one up first, since no mode would stop it.
"""

import contextlib
import dataclasses
import os
import re
import resource
import signal
import time

import pytest
import runner
from clients import Client, kind
from hostile import exchange, statuses

# The log goes through a pipe: it is none of the files that must not grow.
BEFORE = ["bash", "-c", 'exec "$@" > >(cat) 2>&1', "-"]

if os.geteuid() == 0:
    BEFORE += ["setpriv", "--bounding-set=-dac_override", "--"]


# -- The faults -------------------------------------------------------------


@contextlib.contextmanager
def full_disk(server, folder):
    pids = [server.process.pid, server.workers(1)[-1]]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))

    yield

    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def read_only(server, folder):
    modes = {
        path: path.stat().st_mode for path in [folder, *folder.rglob("*")]
    }

    for path, mode in modes.items():
        path.chmod(mode & ~0o222)

    yield

    for path, mode in modes.items():
        path.chmod(mode)


@contextlib.contextmanager
def a_file_for_a_folder(server, folder):
    instance, aside = folder / "instance", folder / "aside"

    if instance.exists():
        instance.rename(aside)

    instance.touch()
    yield
    instance.unlink()

    if aside.exists():
        aside.rename(instance)


# -- The promise ------------------------------------------------------------


def clear(answer):
    """Whether the answer says in words why there is no better one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    text = re.sub(rb"<style.*?</style>|<[^>]*>", b"", body, flags=re.S)
    return (
        statuses(head)[0] in (*range(400, 500), 503, 507)
        and len(text.split()) > 4
    )


@pytest.mark.parametrize("fault", [full_disk, read_only, a_file_for_a_folder])
def test_faults(fault, known, sample, tmp_path):
    """First in a fresh copy, and then in a new worker that has data."""
    if not known.stored:
        return

    folder, log = runner.copy(sample, tmp_path), tmp_path / "log"
    stored, refused, problems = [], [], []
    # Of many alike, as /items/1 and /items/2, one will do.
    acts = {
        (act.fields is None, *kind(act.method, act.target)): act
        for act in known.seconds
    }
    acts = [*acts.values()]

    def judge(client, key, attack, answer, mark, act):
        if not statuses(answer):
            problems.append(f"no answer: {attack}")
            return

        good = statuses(answer)[0] < 400

        if (not good and not clear(answer)) or b"Traceback" in answer:
            problems.append(f"not clear: {attack} {answer[-300:]}")

        if statuses(answer)[0] >= 500:
            refused.append(mark)

        if good and act and act not in known.missing:
            stored.append((attack, mark))

            if mark.encode() not in answer:
                problems.append(f"not stored: {mark} {attack}")

    # A worker that cannot make the folder need not even start.
    config = tmp_path / "config.py"
    config.write_text("def post_worker_init(worker): print('Up', flush=True)")

    with runner.boot(
        folder,
        log=log,
        gunicorn=True,
        workers=1,
        before=BEFORE,
        GUNICORN_CMD_ARGS=f"-c {config}",
        FLASK_SECRET_KEY=known.key,
    ) as server:
        client = Client(server.port, 50, judge)

        def everything(times):
            """Do everything; return how many answers were a 5xx."""
            before = len(refused)

            for act in acts * times:
                client.do(act)

                if act.fields:
                    client.do(dataclasses.replace(act, fields={}, names=()))

            return len(refused) - before

        def wait_for_worker(number):
            deadline = time.monotonic() + runner.PATIENCE

            while log.read_text().count("Up") < number:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)

        wait_for_worker(1)

        with fault(server, folder):
            assert everything(1) > 0

        assert everything(2) == 0
        os.kill(server.workers(1)[0], signal.SIGKILL)
        wait_for_worker(2)

        # Also what it opened first while it could not write.
        with fault(server, folder):
            assert everything(1) > 0

        assert everything(2) == 0

        for attack, mark in stored:
            answer = exchange(server.port, attack).decode()
            assert mark in answer
            assert not any(mark in answer for mark in refused)

        assert not problems, "\n".join(problems[:9])
        assert not server.complaints(), server.complaints()[-3000:]
