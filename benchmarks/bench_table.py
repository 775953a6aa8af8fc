"""The results of the benchmark and their table."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class BenchResult:
    """Of one stage; None: not measured.

    ratio_to_limit  time over that of the machine's `limit` for the same result
    ratio_to_peer   how many times faster than the `peer`
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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def bench_text(results: list[BenchResult]) -> str:
    """A line for each stage, and below it what it is compared with."""
    lines = [f"{'':34}{'rows':>11}{'rows/s':>12}{'peak MB':>9}"]
    for result in results:
        peak = "" if result.peak_mb is None else f"{result.peak_mb:.0f}"
        lines.append(f"{result.stage:34}{result.rows:11,}{result.rows_per_s:12,.0f}{peak:>9}")
        if result.ratio_to_limit is not None:
            lines.append(f"    {result.ratio_to_limit:.1f}x the time of {result.limit}")
        if result.ratio_to_peer is not None:
            lines.append(f"    {result.ratio_to_peer:.1f}x as fast as {result.peer}")
        for name, value in result.more.items():
            lines.append(f"    {name} {value:{',.0f' if value >= 10 else '.2g'}}")
    return "\n".join(lines)
