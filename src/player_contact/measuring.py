"""Time and memory that a piece of work takes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SPARING = 20  # looking at the memory of large processes takes long and stops them meanwhile: one part in so many of the time is enough,
LONGEST_WAIT = 5.0  # seconds, though a peak shall not be missed


@dataclass
class Cost:
    """What something took. `peak_mb` is the memory of this process and its children together, shared pages counted once."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def measuring(seconds_between: float = 0.05) -> Iterator[Cost]:
    """Gives a Cost that is filled in when the block ends; memory is looked at so often, or less often where looking takes long."""
    import psutil

    own, cost, stop = psutil.Process(), Cost(), threading.Event()

    def sample() -> None:
        while True:  # once at least
            total, before = 0, time.perf_counter()
            for process in (own, *own.children(recursive=True)):
                try:
                    used = process.memory_full_info()
                except psutil.Error:  # gone meanwhile
                    continue
                total += getattr(used, "pss", used.rss)  # some systems do not tell which pages are shared
            cost.peak_mb = max(cost.peak_mb, total / 1e6)
            if stop.wait(min(max(seconds_between, SPARING * (time.perf_counter() - before)), LONGEST_WAIT)):
                return

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - started
        stop.set()
        watcher.join()
