import os

import pytest
import runner


def pytest_addoption(parser):
    parser.addoption("--sample", choices=runner.SAMPLES, metavar="NAME")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    # Twice the processors, because many tests wait for a server.
    return 2 * os.cpu_count()


def pytest_generate_tests(metafunc):
    if "sample" not in metafunc.fixturenames:
        return

    only = metafunc.config.getoption("sample")
    names = [only] if only else [*runner.SAMPLES]
    folders = [runner.SAMPLES[name] for name in names]
    metafunc.parametrize("sample", folders, ids=names, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield

    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"Nothing can skip under CI: {report.longrepr}"

    return report
