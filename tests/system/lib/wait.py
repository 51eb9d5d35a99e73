"""Waiting for a condition, instead of sleeping."""

import os
import time

# Sanitizer builds and a busy machine are slow; a condition that holds returns at once all the same.
PATIENCE = float(os.environ.get("CERTNS_PATIENCE", "1"))


def wait_for(condition, what, timeout=30, interval=None):
    """Call condition until it returns something true, and return that.  Mostly it holds soon, and a question costs a
    process or a connection: the pauses grow, unless the interval is given.

    AssertionError of the condition count as "not yet"; the last one is shown when time is up."""
    end = time.monotonic() + timeout * PATIENCE
    pause, last = interval or 0.01, None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what} (last: {last!r})")
        time.sleep(pause)
        if interval is None:
            pause = min(pause * 1.25, 0.1)


def stays(condition, what, seconds=1.0, interval=0.05):
    """The condition holds now and for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"no longer so: {what}"
        time.sleep(interval)
