"""streaming: over a real socket, and into a real browser."""

from urllib.request import urlopen

import pytest
import runner
from helpers import edit, flat_memory, together
from playwright.sync_api import expect

# The generator tells what has ended it.
SPY = """
from pathlib import Path

class closing(closing):
    def __exit__(self, error, *args):
        super().__exit__(error, *args)
        Path("ended").write_text(f"by {error and error.__name__}")
"""
# The next event of the timeline comes when the test says so.
GATE = """
from pathlib import Path

def sleep(seconds, wait=sleep):
    while not Path("go").exists():
        wait(0.01)
"""


def test_reader_who_leaves_ends_a_stream_that_needs_no_memory(boot, fresh):
    edit(fresh, "", SPY)
    ended = fresh / "ended"

    with boot() as server:
        url = f"{server.url}/large.csv?rows="
        # These are enough to reach both workers.
        together(lambda _: runner.fetch(f"{url}9000"), 32)
        ended.unlink()

        # This reader leaves long before the last row.
        with (
            flat_memory(server, 3_000),
            urlopen(f"{url}10000000", timeout=runner.PATIENCE) as response,
        ):
            assert len(response.read(50_000_000)) == 50_000_000

        text = runner.wait_until(lambda: ended.exists() and ended.read_text())
        assert text == "by GeneratorExit"


@pytest.mark.parametrize("gunicorn", [True, False])
def test_first_event_is_on_the_screen_before_the_next_one_is_ready(
    boot, fresh, page, gunicorn
):
    edit(fresh, "", GATE)

    with boot(gunicorn=gunicorn) as server:
        page.goto(f"{server.url}/timeline", wait_until="commit")
        expect(page.get_by_role("listitem")).to_have_text("9:00")
        (fresh / "go").touch()
        expect(page.get_by_text("The day is over.")).to_be_visible()
        expect(page.get_by_role("listitem")).to_have_count(5)
