"""What a series of samples says: where it stood at times, how fast it grew, whether it is flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, mean

WARM_UP = 0.4  # of the run, in which caches and the allocator's arenas fill and children start
NEGLIGIBLE = 0.03  # of its mean, over all that was fitted
HOUR = 3600.0


@dataclass(frozen=True)
class Trend:
    """A series of (seconds, value), of which what comes after `warm_up` seconds is fitted.

    `tolerance` is a growth that means nothing: a few threads or files, a MB.
    """

    name: str
    samples: Sequence[tuple[float, float]]
    warm_up: float
    tolerance: float

    @property
    def fitted(self) -> Sequence[tuple[float, float]]:
        return [each for each in self.samples if each[0] >= self.warm_up]

    @property
    def slope(self) -> float:
        """Return by how much it grew in an hour, by least squares."""
        seconds, values = zip(*self.fitted, strict=True)
        return linear_regression(seconds, values).slope * HOUR

    @property
    def growth(self) -> float:
        """Return by how much it grew, by the fit, from the warm-up to the end."""
        return self.slope * (self.fitted[-1][0] - self.fitted[0][0]) / HOUR

    @property
    def allowance(self) -> float:
        return max(self.tolerance, NEGLIGIBLE * mean(value for _, value in self.fitted))

    @property
    def is_flat(self) -> bool:
        return self.growth <= self.allowance

    def at(self, part: float) -> float:
        """Return what it was when that part of the run had passed."""
        moment = self.samples[-1][0] * part
        return min(self.samples, key=lambda each: abs(each[0] - moment))[1]
