"""What a README says that `curl` prints is what it prints."""

import re
import subprocess

import runner


def commands(text):
    """Return [(command, expected output)] of a `console` block."""
    block = re.search(r"```console\n(.*?)```", text, re.S)[1]
    found = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.M)
    assert block.count("$ curl") == len(found) > 0
    return found


def matches(expected, output):
    """Whether `output` is as expected, where `...` stands for anything."""
    pattern = ".*".join(map(re.escape, expected.strip().split("...")))
    return re.fullmatch(pattern, output.strip(), re.S)


def test_try_it(sample, tmp_path, record_property):
    tried = commands(runner.section(sample, "Try it"))
    folder = runner.copy(sample, tmp_path)

    with runner.boot(folder, log=tmp_path / "log") as server:
        for command, expected in tried:
            output = subprocess.run(
                ["bash", "-c", command.replace(":8000", f":{server.port}")],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=runner.PATIENCE,
                check=False,
            ).stdout
            output = output.replace("\r", "").replace(
                f":{server.port}", ":8000"
            )
            assert matches(expected, output), f"$ {command}\n{output}"

        assert not server.complaints()

    record_property("inner", len(tried))
