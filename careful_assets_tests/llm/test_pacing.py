from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.llm.pacing import PROBES_SEEN, PROBES_UNSEEN, TRIP_AFTER, Breaker, Window

EVENTS = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=200)


@settings(deadline=None)
@given(most=st.integers(1, 64), events=EVENTS)
def test_the_window_keeps_its_bounds_and_halves_once_an_epoch(most, events):
    """Whatever is answered and refused, late or not: between 1 and the most; one step up, one halving an epoch."""
    window = Window(most)
    for answered, late in events:
        size, epoch = window.size, window.epoch
        if answered:
            window.answered()
            assert size <= window.size <= min(most, size + 1)
        else:
            window.refused(epoch - late)
            assert window.size == (max(1, size // 2) if late == 0 else size)
            assert window.epoch == epoch + (late == 0)
        assert 1 <= window.size <= most


@settings(deadline=None)
@given(most=st.integers(1, 64), refusals=st.integers(0, 8))
def test_the_window_comes_back_one_step_a_full_window(most, refusals):
    """From size s to the most it takes s + (s + 1) + ... answers, and not one fewer."""
    window = Window(most)
    for _ in range(refusals):
        window.refused(window.epoch)
    needed = sum(range(window.size, most))
    for _ in range(needed - 1):
        window.answered()
    assert (window.size < most) == (needed > 0)
    window.answered()
    assert window.size == most


@settings(deadline=None)
@given(events=st.lists(st.booleans(), max_size=60))
def test_the_breaker_opens_on_failures_in_a_row_alone(events):
    """Open exactly if the last calls failed in a row; what lives closes it."""
    breaker, in_a_row = Breaker(), 0
    for failed in events:
        if failed:
            breaker.failed(probe=False)
            in_a_row += 1
        else:
            breaker.lives(answered=True)
            in_a_row = 0
        assert breaker.is_open == (in_a_row >= TRIP_AFTER)
        assert not breaker.given_up


def test_the_breaker_gives_up_after_its_probes():
    """Late failures are no probes; a generator that answered before is given more of them."""
    for seen, probes in ((False, PROBES_UNSEEN), (True, PROBES_SEEN)):
        breaker = Breaker()
        breaker.lives(answered=seen)
        for _ in range(TRIP_AFTER + 20):
            breaker.failed(probe=False)
        for probe in range(probes):
            assert not breaker.given_up, probe
            assert breaker.failed(probe=True)
        assert breaker.given_up
