"""Starts real servers for the tests of the samples that use them.

Each is the test's own: on a free port of 127.0.0.1, with its data in a folder
that goes away with it, ended by its process id. Where its programs are missing
the test is skipped, and the reason says how to get them.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import runner


class Service:
    """A server that can be stopped, and started again with its data.

    `url` is what an application connects to; `end` is the signal that ends
    the server at once. The rest goes to `runner.started`.
    """

    def __init__(self, url, command, *, end=signal.SIGTERM, **options):
        self.url = url
        self._end = end
        self._command = command
        self._options = options
        self._running = contextlib.ExitStack()

    def start(self):
        self.process, _ = self._running.enter_context(
            runner.started(self._command, **self._options)
        )

    def stop(self):
        self.process.send_signal(self._end)
        self.process.wait(runner.PATIENCE)
        self._running.close()

    @contextlib.contextmanager
    def hanging(self):
        """Let it take connections and requests, and answer none of them."""
        self.process.send_signal(signal.SIGSTOP)

        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def running(self):
        """Start it, yield it, and stop it, which it may be by then."""
        with self._running:
            self.start()

            try:
                yield self
            finally:
                self.stop()


def free_port():
    """Return a port of 127.0.0.1, for a server that cannot choose one itself.

    It lies below those that the system gives to clients, so that none of them
    takes it before the server does, or while the server is stopped.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)

        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
        ):
            return port


@contextlib.contextmanager
def postgresql(tmp_path):
    """Start an empty PostgreSQL, with its log in `tmp_path`; yield a Service.

    Its `url` is one of SQLAlchemy's, for the driver psycopg.
    """
    # Debian keeps them out of the path.
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    path = os.pathsep.join([os.environ["PATH"], *map(str, folders)])
    programs = [
        shutil.which(name, path=path) for name in ("initdb", "postgres")
    ]

    if None in programs:
        pytest.skip(
            "No PostgreSQL. Get it from your system's packages; on Debian with"
            " `apt-get install postgresql`."
        )

    initdb, postgres = programs

    # Not in tmp_path: PostgreSQL refuses to be root, and no other user may
    # enter the folders that pytest makes for root.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        become = []

        if os.geteuid() == 0:
            ids = ("--reuid=postgres", "--regid=postgres", "--clear-groups")
            become = ["setpriv", *ids, "--"]
            shutil.chown(folder, "postgres")

        data = f"{folder}/data"
        env = runner.environment(LC_ALL="C")
        options = (
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        subprocess.run(
            [*become, initdb, "-D", data, "-U", "postgres", *options],
            cwd=folder,
            env=env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        port = free_port()
        command = [postgres, "-D", data, "-h", "127.0.0.1", "-p", f"{port}"]

        with Service(
            f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres",
            # -F: no waiting for the disk; -k "": no Unix socket.
            [*become, *command, "-F", "-k", ""],
            # To SIGTERM it would wait until all clients have gone.
            end=signal.SIGINT,
            cwd=folder,
            log=tmp_path / "postgresql.log",
            env=env,
            ready="database system is ready to accept connections",
        ).running() as service:
            yield service


@contextlib.contextmanager
def redis(tmp_path):
    """Start an empty Redis, with its log in `tmp_path`; yield a Service.

    It keeps its data in memory only: a stop loses them.
    """
    program = shutil.which("redis-server")

    if program is None:
        pytest.skip(
            "No Redis. Get it from your system's packages; on Debian with"
            " `apt-get install redis-server`."
        )

    port = free_port()
    command = [program, "--port", f"{port}", "--bind", "127.0.0.1"]

    with Service(
        f"redis://127.0.0.1:{port}/0",
        [*command, "--save", "", "--appendonly", "no"],
        cwd=tmp_path,
        log=tmp_path / "redis.log",
        env=runner.environment(),
        ready="Ready to accept connections",
    ).running() as service:
        yield service


@contextlib.contextmanager
def mongodb(tmp_path):
    """Start an empty SecantusDB, with its data in `tmp_path`; yield a Service.

    It speaks the protocol of MongoDB, which no package registry has.
    """
    if importlib.util.find_spec("secantus") is None:
        pytest.skip(
            "No SecantusDB: `pip install secantusdb`, which has no build for"
            " the newest Python yet."
        )

    port = free_port()
    command = [sys.executable, "-m", "secantus", "--port", f"{port}"]

    with Service(
        f"mongodb://127.0.0.1:{port}/flask_patterns",
        [*command, "--storage-path", f"{tmp_path / 'mongodb'}"],
        cwd=tmp_path,
        log=tmp_path / "mongodb.log",
        env=runner.environment(),
        ready="listening on 127",
    ).running() as service:
        yield service


@contextlib.contextmanager
def rabbitmq(tmp_path):
    """Start an empty RabbitMQ, with its files in `tmp_path`; yield a Service.

    It keeps durable queues and persistent messages while it is stopped.
    """
    # Not the rabbitmq-server of the path: as root, that one runs `su`.
    folders = "/usr/lib/rabbitmq/bin", "/usr/local/sbin"
    path = os.pathsep.join([*folders, os.environ["PATH"]])
    programs = [
        shutil.which(name, path=path) for name in ("epmd", "rabbitmq-server")
    ]

    if None in programs:
        pytest.skip(
            "No RabbitMQ. Get it from your system's packages; on Debian with"
            " `apt-get install rabbitmq-server`."
        )

    epmd, rabbitmq_server = programs
    folder = tmp_path / "rabbitmq"
    folder.mkdir()
    port = free_port()
    settings = {
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": free_port(),
        "HOME": folder,
        "RABBITMQ_CONFIG_FILE": folder / "rabbitmq",
        "RABBITMQ_CONF_ENV_FILE": folder / "rabbitmq-env.conf",
        "RABBITMQ_DIST_PORT": free_port(),
        "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "enabled_plugins",
        "RABBITMQ_LOG_BASE": folder,
        "RABBITMQ_MNESIA_BASE": folder,
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": port,
        "RABBITMQ_PID_FILE": folder / "pid",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            "-kernel inet_dist_use_interface {127,0,0,1}"
        ),
        # So that its process is the server's own, not a shell's.
        "RUNNING_UNDER_SYSTEMD": "true",
    }
    env = runner.environment(**{k: f"{v}" for k, v in settings.items()})

    # The names of Erlang's nodes. Left to RabbitMQ, it would run on after it.
    with (
        runner.started(
            [epmd, "-d"],
            cwd=folder,
            log=tmp_path / "epmd.log",
            env=env,
            ready="epmd running",
        ),
        Service(
            f"amqp://guest:guest@127.0.0.1:{port}//",
            [rabbitmq_server],
            cwd=folder,
            log=tmp_path / "rabbitmq.log",
            env=env,
            ready="Starting broker.* completed",
        ).running() as service,
    ):
        yield service
