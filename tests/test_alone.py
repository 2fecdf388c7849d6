"""A folder that is copied away works there, with its own requirements only."""

import shutil
import subprocess
import sys
from pathlib import Path

import runner


def uv(*args):
    """Run uv, which makes an environment faster than venv and pip do."""
    command = shutil.which("uv", path=Path(sys.executable).parent) or "uv"
    done = subprocess.run(
        [command, *args, "--quiet"],
        capture_output=True,
        text=True,
        timeout=runner.PATIENCE * 5,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_alone(folder, tmp_path):
    uv("venv", "--python", sys.executable, tmp_path / "env")
    python = tmp_path / "env/bin/python"
    requirements = folder / "requirements.txt"
    uv("pip", "install", "--python", python, "-r", requirements, "pytest>=9")
    done = runner.own_tests(folder, "-W", "error", python=python)
    assert done.returncode == 0, done.stdout + done.stderr
