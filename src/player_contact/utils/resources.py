"""Time and memory that a piece of work takes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Sampling the memory of large processes takes long and stops them: it gets 1 / DUTY of the time.
DUTY = 20
MAX_WAIT_SECONDS = 5.0  # so that no peak is missed


@dataclass
class ResourceUsage:
    """`peak_mb` is of this process and its children together, shared pages counted once."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def track_resources(interval: float = 0.05) -> Iterator[ResourceUsage]:
    """Gives a ResourceUsage that is filled in when the block ends.

    Memory is sampled every `interval` seconds, or less often where a sample takes long.
    """
    import psutil

    own, usage, stop = psutil.Process(), ResourceUsage(), threading.Event()

    def sample() -> None:
        while True:  # once at least
            total, before = 0, time.perf_counter()
            for process in (own, *own.children(recursive=True)):
                try:
                    memory = process.memory_full_info()
                except psutil.Error:  # it has ended
                    continue
                total += getattr(memory, "pss", memory.rss)  # some systems do not know shared pages
            usage.peak_mb = max(usage.peak_mb, total / 1e6)
            pause = max(interval, DUTY * (time.perf_counter() - before))
            if stop.wait(min(pause, MAX_WAIT_SECONDS)):
                return

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    started = time.perf_counter()
    try:
        yield usage
    finally:
        usage.seconds = time.perf_counter() - started
        stop.set()
        sampler.join()
