"""Background: progress, Stop, replacement, and failures that are said."""

import time

import pytest

from mininnip.widgets.background import Background


def _count(reached, n=1000, pause=0.002):
    for step in range(n):
        reached.append(step)
        time.sleep(pause)
        yield step / n, f"step {step}"


@pytest.fixture
def background():
    background = Background()
    yield background
    background.stop()


def test_runs_to_the_end_and_shows_progress(background):
    reached = []
    background.start(_count(reached, 10, 0))
    assert background.wait(10)
    assert reached == list(range(10))
    assert background.bar.value == 0.9 and background.text.value == "step 9"
    assert background.button.disabled


def test_stop_button_ends_it(background):
    reached = []
    background.start(_count(reached))
    assert background.running and not background.button.disabled
    background.button.click()
    assert not background.running and len(reached) < 1000
    assert background.text.value.startswith("stopped: step")


def test_a_second_start_replaces_the_first(background):
    first, second = [], []
    background.start(_count(first))
    background.start(_count(second, 5, 0))
    stopped_at = len(first)
    assert background.wait(10)
    assert second == list(range(5)) and len(first) == stopped_at < 1000


def test_a_failure_is_said_beside_the_bar(background):
    def work():
        yield 0.0, "start"
        raise ValueError("no forces")

    background.start(work())
    assert background.wait(10)
    assert background.text.value == "ended early, ValueError: no forces"


def test_pace_limits_the_rate():
    background = Background(pace=0.02)
    start = time.monotonic()
    background.start(_count([], 10, 0))
    assert background.wait(10)
    assert time.monotonic() - start > 0.15


def test_on_end_is_called_once():
    ended = []
    background = Background(on_end=lambda: ended.append(True))
    background.start(_count([], 3, 0))
    background.wait(10)
    assert ended == [True]
