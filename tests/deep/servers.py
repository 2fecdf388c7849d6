"""Starts real servers for the tests of the samples that use them.

Each is the test's own: on a free port of 127.0.0.1, with its data in a folder
that goes away with it, and stopped by its process id. If its programs are
missing, the test is skipped, and the reason says how to get them.
"""

import contextlib
import functools
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
from urllib.parse import urlsplit

import pytest
import runner


class Service:
    """A server that can be stopped, and started again with its data.

    `url` is what an application connects to, `ready` what the log then says,
    and `end` is the signal that ends the server at once.
    """

    def __init__(
        self, tmp_path, url, command, ready, *, end=signal.SIGTERM, **options
    ):
        self.url = url
        self.end = end
        self.running = contextlib.ExitStack()
        self.command = functools.partial(
            runner.started,
            command,
            log=tmp_path / f"{urlsplit(url).scheme}.log",
            ready=ready,
            **{"cwd": tmp_path, "env": runner.environment()} | options,
        )

    def start(self):
        self.process, _ = self.running.enter_context(self.command())

    def stop(self):
        self.process.send_signal(self.end)
        self.process.wait(runner.PATIENCE)
        self.running.close()

    @contextlib.contextmanager
    def hanging(self):
        """Let it accept connections and requests, but respond to none."""
        self.process.send_signal(signal.SIGSTOP)

        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def programs(package, *names, folders=()):
    """Return the paths of the programs, or skip the test."""
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
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
def postgresql(tmp_path):
    """Start an empty PostgreSQL. Its `url` is one of SQLAlchemy's."""
    # Debian keeps the programs out of the path.
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    initdb, postgres = programs(
        "postgresql", "initdb", "postgres", folders=folders
    )
    port = free_port()

    # Not in tmp_path, because PostgreSQL refuses to be root, and no other user
    # can enter the folders that pytest creates for root.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        become = []

        if os.geteuid() == 0:
            ids = ("--reuid=postgres", "--regid=postgres", "--clear-groups")
            become = ["setpriv", *ids, "--"]
            shutil.chown(folder, "postgres")

        options = {"cwd": folder, "env": runner.environment(LC_ALL="C")}
        setup = "-D data -U postgres -A trust -E UTF8 --locale=C --no-sync"
        # -F: don't wait for the disk. -k "": no Unix socket.
        setup, run = setup.split(), f"-D data -h 127.0.0.1 -p {port} -F -k"
        subprocess.run(
            [*become, initdb, *setup],
            check=True,
            stdout=subprocess.DEVNULL,
            **options,
        )

        with Service(
            tmp_path,
            f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres",
            [*become, postgres, *run.split(), ""],
            "database system is ready to accept connections",
            # With SIGTERM, it would wait until all clients have gone.
            end=signal.SIGINT,
            **options,
        ) as service:
            yield service


def redis(tmp_path):
    """Return an empty Redis. It keeps its data in memory only."""
    port = free_port()
    options = f"--port {port} --bind 127.0.0.1 --appendonly no --save"
    return Service(
        tmp_path,
        f"redis://127.0.0.1:{port}/0",
        [*programs("redis-server", "redis-server"), *options.split(), ""],
        "Ready to accept connections",
    )


def mongodb(tmp_path):
    """Return an empty SecantusDB, which speaks the protocol of MongoDB."""
    if importlib.util.find_spec("secantus") is None:
        pytest.skip(
            "There is no SecantusDB. Run `pip install secantusdb`, which has"
            " no build for the newest Python yet."
        )

    port = free_port()
    options = f"-m secantus --port {port} --storage-path mongodb"
    return Service(
        tmp_path,
        f"mongodb://127.0.0.1:{port}/flask_patterns",
        [sys.executable, *options.split()],
        "listening on 127",
    )


@contextlib.contextmanager
def rabbitmq(tmp_path):
    """Start an empty RabbitMQ, which keeps its queues while it is stopped."""
    # Don't start the one of the path, because as root it runs `su`.
    folders = ["/usr/lib/rabbitmq/bin", "/usr/local/sbin"]
    epmd, server = programs(
        "rabbitmq-server", "epmd", "rabbitmq-server", folders=folders
    )
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

    # epmd has the names of Erlang's nodes. Start it, because one that RabbitMQ
    # starts would still run in the end.
    with (
        Service(tmp_path, "epmd:", [epmd, "-d"], "epmd running", env=env),
        Service(
            tmp_path,
            f"amqp://guest:guest@127.0.0.1:{port}//",
            [server],
            "Starting broker.* completed",
            env=env,
        ) as service,
    ):
        yield service
