"""Time, memory, and the table of both."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

SECONDS_BETWEEN_SAMPLES = 0.05


@dataclass
class Cost:
    """What something took. `peak_mb` is the memory of this process and its children together, shared pages counted once."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@dataclass(frozen=True)
class Line:
    """One line of the benchmark.

    ratio_to_limit  time over that of the machine's limit for the same result, named by `limit`; None: not measured
    ratio_to_peer   how many times faster than the peer, named by `peer`
    """

    stage: str
    rows: int
    rows_per_s: float
    peak_mb: float | None = None
    limit: str = ""
    ratio_to_limit: float | None = None
    peer: str = ""
    ratio_to_peer: float | None = None
    more: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


@contextmanager
def measuring() -> Iterator[Cost]:
    """Gives a Cost that is filled in when the block ends."""
    import psutil

    own, cost, stop = psutil.Process(), Cost(), threading.Event()

    def sample() -> None:
        while not stop.is_set():
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except (psutil.Error, AttributeError):  # gone meanwhile, or no such figure on this system
                    continue
            cost.peak_mb = max(cost.peak_mb, total / 1e6)
            stop.wait(SECONDS_BETWEEN_SAMPLES)

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    started = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - started
        stop.set()
        watcher.join()


def bench_text(lines: list[Line]) -> str:
    """A table that fits 100 columns: what was measured in one line, what it stands beside in lines below."""
    out = [f"{'':34}{'rows':>11}{'rows/s':>12}{'peak MB':>9}"]
    for line in lines:
        beside = [f"{line.ratio_to_limit:.1f}x the time of {line.limit}"] if line.ratio_to_limit is not None else []
        beside += [f"{line.ratio_to_peer:.1f}x as fast as {line.peer}"] if line.ratio_to_peer is not None else []
        beside += [f"{name} {value:,.0f}" for name, value in line.more.items()]
        peak = f"{line.peak_mb:9.0f}" if line.peak_mb is not None else f"{'':9}"
        out += [f"{line.stage:34}{line.rows:11,}{line.rows_per_s:12,.0f}{peak}", *(f"    {text}" for text in beside)]
    return "\n".join(out)
