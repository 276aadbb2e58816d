"""Statistics of repeated measurements: medians, spreads, percentiles and verdicts.

Medians, not means: a benchmark's noise is one-sided (another process, a page fault, a clock
interrupt only ever adds), and one bad round must not move the answer. Pure functions, no I/O.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

TIE = 0.03  # two medians closer than this are the same: rounds of one server differ that much


@dataclass(frozen=True)
class Summary:
    """Median, extremes and count of the values of several rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @property
    def spread(self) -> float:
        """(high - low) / median, as a fraction; 0 when the median is 0."""
        return (self.high - self.low) / self.median if self.median else 0.0

    def as_dict(self) -> dict[str, float]:
        """Plain numbers for JSON, the relative spread included."""
        return {"median": self.median, "low": self.low, "high": self.high,
                "rounds": self.rounds, "spread": self.spread}


def summarize(values: Sequence[float]) -> Summary:
    """Summary of at least one value. Raises ValueError when there is none."""
    if not values:
        raise ValueError("no values to summarize")
    return Summary(statistics.median(values), min(values), max(values), len(values))


def percentile(ordered: Sequence[float], fraction: float) -> float:
    """Nearest-rank percentile of values in ascending order; fraction in 0..1.

    Nearest rank never invents a value between two samples, which matters at p99.9, where
    interpolation would blur a single stall. Raises ValueError when there is no value.
    """
    if not ordered:
        raise ValueError("no values for a percentile")
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"fraction {fraction} is outside 0..1")
    # A product such as 0.7 * 10 lands a hair above 7: without the slack its rank would be 8.
    rank = math.ceil(fraction * len(ordered) - 1e-9)
    return ordered[max(rank, 1) - 1]


def latency_summary(values: Sequence[float]) -> dict[str, float]:
    """count, p50, p99, p999 and max of unordered values, in the values' unit."""
    ordered = sorted(values)
    return {"count": len(ordered), "p50": percentile(ordered, 0.50),
            "p99": percentile(ordered, 0.99), "p999": percentile(ordered, 0.999),
            "max": ordered[-1]}


def ratio(theirs: float, ours: float) -> float:
    """theirs / ours: above 1 means ours costs less. NaN where ours is 0 or less."""
    return theirs / ours if ours > 0 else math.nan


def paired_ratios(theirs: Sequence[float], ours: Sequence[float]) -> Summary:
    """Summary of the ratios within each round, which share that round's noise."""
    if len(theirs) != len(ours):
        raise ValueError(f"{len(theirs)} rounds against {len(ours)}")
    return summarize([ratio(a, b) for a, b in zip(theirs, ours)])


def verdict(value: float, must: float | None, goal: float | None) -> str:
    """One word for a ratio: goal, must, MISS; without a target faster, tie, slower.

    A target is met or it is not: the tie band applies only where there is no target, or the
    must itself lies inside the band around 1.
    """
    if math.isnan(value):
        return "none"
    if must is None:
        if abs(value - 1.0) < TIE:
            return "tie"
        return "faster" if value > 1.0 else "slower"
    if value < must:
        return "MISS"
    return "goal" if goal is not None and value >= goal else "must"
