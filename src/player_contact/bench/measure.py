"""The lines of the benchmark and their table."""

from dataclasses import asdict, dataclass, field


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


def bench_text(lines: list[Line]) -> str:
    """A table that fits 100 columns: what was measured in one line, what it stands beside in lines below."""
    out = [f"{'':34}{'rows':>11}{'rows/s':>12}{'peak MB':>9}"]
    for line in lines:
        beside = [f"{line.ratio_to_limit:.1f}x the time of {line.limit}"] if line.ratio_to_limit is not None else []
        beside += [f"{line.ratio_to_peer:.1f}x as fast as {line.peer}"] if line.ratio_to_peer is not None else []
        beside += [f"{name} {value:,.0f}" if value >= 10 else f"{name} {value:.2g}" for name, value in line.more.items()]
        peak = f"{line.peak_mb:9.0f}" if line.peak_mb is not None else f"{'':9}"
        out += [f"{line.stage:34}{line.rows:11,}{line.rows_per_s:12,.0f}{peak}", *(f"    {text}" for text in beside)]
    return "\n".join(out)
