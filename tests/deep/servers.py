"""Starts real servers for the tests of the samples that use them.

Each is the test's own: on a free port of 127.0.0.1, with its data in a folder
that goes away with it, and stopped by its process id. If its programs are
missing, the test is skipped, and the reason says how to get them.
"""

import contextlib
import functools
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import runner

# Debian keeps these programs out of the path, or puts scripts there that need
# `su` as root.
FOLDERS = [
    *Path("/usr/lib/postgresql").glob("*/bin"),
    Path("/usr/lib/rabbitmq/bin"),
    Path("/usr/local/sbin"),
]


class Service(contextlib.ExitStack):
    """A server that runs until the end of a `with` block.

    `url` is what an application connects to, `ready` what the log then says,
    and `end` is the signal that ends the server at once.
    """

    def __init__(
        self, folder, url, command, ready, *, end=signal.SIGTERM, **env
    ):
        super().__init__()
        self.url = url
        self.end = end
        self.started = functools.partial(
            runner.started,
            command,
            cwd=folder,
            log=folder / f"{urlsplit(url).scheme}.log",
            env=runner.environment(**env),
            ready=ready,
        )
        self.start()

    def start(self):
        self.process, _ = self.enter_context(self.started())
        self.callback(self.stop)

    def stop(self):
        self.process.send_signal(self.end)
        self.process.wait(runner.PATIENCE)

    @contextlib.contextmanager
    def stopped(self):
        """Stop it, and start it again with its data."""
        self.close()
        yield
        self.start()

    @contextlib.contextmanager
    def hanging(self):
        """Let it accept connections and requests, but respond to none."""
        self.process.send_signal(signal.SIGSTOP)

        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


def programs(package, *names):
    """Return the paths of the programs, or skip the test."""
    path = os.pathsep.join([*map(str, FOLDERS), os.environ["PATH"]])
    found = [shutil.which(name, path=path) for name in names]

    if None in found:
        pytest.skip(
            f"There is no {package}. Get it from your system's packages; on"
            f" Debian with `apt-get install {package}`."
        )

    return found


def free_port():
    """Return a port of 127.0.0.1, for a server that cannot choose one itself.

    It's lower than those that the system gives to clients, so that no client
    gets it before the server does, or while the server is stopped.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)

        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
        ):
            return port


@contextlib.contextmanager
def postgresql():
    """Start an empty PostgreSQL. Its `url` is one of SQLAlchemy's."""
    initdb, postgres = programs("postgresql", "initdb", "postgres")
    port = free_port()
    become = []

    # Not in a folder of pytest, because PostgreSQL refuses to be root, and no
    # other user can enter the folders that pytest creates for root.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        if os.geteuid() == 0:
            ids = ("--reuid=postgres", "--regid=postgres", "--clear-groups")
            become = ["setpriv", *ids, "--"]
            shutil.chown(folder, "postgres")

        setup = "-D data -U postgres -A trust -E UTF8 --no-sync"
        done = runner.run(
            [*become, initdb, *setup.split()], cwd=folder, LC_ALL="C"
        )
        assert done.returncode == 0, done.stderr
        # -F: don't wait for the disk. -k .: the Unix socket is among the data.
        options = f"-D data -h 127.0.0.1 -p {port} -F -k ."

        with Service(
            Path(folder),
            f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres",
            [*become, postgres, *options.split()],
            "database system is ready to accept connections",
            # With SIGTERM, it would wait until all clients have gone.
            end=signal.SIGINT,
            LC_ALL="C",
        ) as service:
            yield service


def redis(folder):
    """Start an empty Redis. It keeps its data in memory only."""
    port = free_port()
    options = f"--port {port} --bind 127.0.0.1 --save"
    return Service(
        folder,
        f"redis://127.0.0.1:{port}/0",
        [*programs("redis-server", "redis-server"), *options.split(), ""],
        "Ready to accept connections",
    )


def mongodb(folder):
    """Start an empty SecantusDB, which speaks the protocol of MongoDB."""
    pytest.importorskip(
        "secantus",
        reason="There is no SecantusDB. Run `pip install secantusdb`, which"
        " has no build for the newest Python yet.",
    )
    port = free_port()
    options = f"-m secantus --port {port} --storage-path mongodb"
    return Service(
        folder,
        f"mongodb://127.0.0.1:{port}/flask_patterns",
        [sys.executable, *options.split()],
        "listening on 127",
    )


@contextlib.contextmanager
def rabbitmq(folder):
    """Start an empty RabbitMQ, which keeps its queues while it is stopped."""
    epmd, server = programs("rabbitmq-server", "epmd", "rabbitmq-server")
    port = free_port()
    env = {
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": f"{free_port()}",
        "HOME": f"{folder}",
        "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
        "RABBITMQ_CONF_ENV_FILE": f"{folder}/rabbitmq-env.conf",
        "RABBITMQ_DIST_PORT": f"{free_port()}",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
        "RABBITMQ_LOG_BASE": f"{folder}",
        "RABBITMQ_MNESIA_BASE": f"{folder}",
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": f"{port}",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-kernel inet_dist_use_interface {127,0,0,1}"
        ),
        # So that its process is the server's own, not a shell's.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    ready = "Starting broker.* completed"

    # epmd has the names of Erlang's nodes. Start it, because one that RabbitMQ
    # starts would still run in the end.
    with (
        Service(folder, "epmd:", [epmd, "-d"], "epmd running", **env),
        Service(folder, url, [server], ready, **env) as service,
    ):
        yield service
