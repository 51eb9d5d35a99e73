"""Waiting for a condition, instead of sleeping."""

import os
import time

import dns.exception

# Sanitizer builds and a busy machine are slow; a condition that holds returns at once all the same.
PATIENCE = float(os.environ.get("CERTNS_PATIENCE", "1"))
LEAST_S = 120           # whatever a test thinks to be enough: it has not seen each machine

# What a question may end with that comes before there is anything to ask about: no row yet, no record, nobody who answers.
NOT_YET = (AssertionError, LookupError, TypeError, OSError, dns.exception.DNSException)


def wait_for(condition, what, timeout=30, interval=None):
    """Call condition until it returns something true, and return that.  Mostly it holds soon, and a question costs a
    process or a connection: the pauses grow, unless the interval is given.

    Faults of the condition count as "not yet"; the last one is shown when time is up."""
    end = time.monotonic() + max(timeout, LEAST_S) * PATIENCE
    pause, last = interval or 0.01, None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except NOT_YET as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"not within {max(timeout, LEAST_S)} s: {what} (last: {last!r})")
        time.sleep(pause)
        if interval is None:
            pause = min(pause * 1.25, 0.1)


def stays(condition, what, seconds=1.0, interval=0.05):
    """The condition holds now and for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"no longer so: {what}"
        time.sleep(interval)
