"""--minutes: what the clock says of the rate and of the end, with a time of its own."""
import pytest

from core_scripts.op_manager.run_clock import RunClock


@pytest.fixture
def now(monkeypatch):
    """Seconds that the test moves on."""
    time = [1000.0]
    monkeypatch.setattr("core_scripts.op_manager.run_clock.time.monotonic", lambda: time[0])
    return time


def test_without_minutes_nothing_is_ever_over(now):
    clock = RunClock()
    clock.start(50.0, 3)
    now[0] += 1e6
    assert not clock.is_limited and not clock.is_over
    assert clock.seconds == 50.0 + 1e6


def test_the_rate_is_whole_for_half_the_time_and_then_falls_to_a_twentieth(now):
    clock = RunClock(10.0)
    clock.start(0.0, 0)
    shares = []
    for _ in range(11):
        shares.append(clock.rate_share())
        now[0] += 60.0
    assert shares[:6] == [1.0] * 6 and shares[-1] == pytest.approx(0.05)
    assert shares[5:] == sorted(shares[5:], reverse=True) and len(set(shares[5:])) == 6
    assert shares[7] + shares[8] == pytest.approx(1.05)  # a cosine: symmetric about its middle


def test_time_of_earlier_processes_counts(now):
    clock = RunClock(10.0)
    clock.start(540.0, 0)
    assert not clock.is_over and clock.rate_share() < 0.2
    now[0] += 60.0
    assert clock.is_over


def test_the_end_of_an_epoch_is_kept_in_reserve_once_it_is_known(now):
    clock = RunClock(10.0)
    clock.start(0.0, 0)
    clock.note_ending(30.0)
    now[0] += 569.0
    assert not clock.is_over
    now[0] += 1.0
    assert clock.is_over and clock.rate_share() == pytest.approx(0.05)


def test_before_that_it_is_guessed_from_the_steps(now):
    clock = RunClock(10.0)
    clock.start(0.0, 100)
    for _ in range(250):
        clock.note_step()
        now[0] += 2.0
    # 100 batches of validation at 0.4 of 2 s each are 80 s
    assert not clock.is_over
    now[0] += 24.0
    assert clock.is_over
