"""Rounded proposals, which people can read: 0.001304 instead of 0.001304453543508621."""

from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution

DIGITS = 4  # significant ones, where they tell the values of a range apart
MOST_DIGITS = 17  # which tell all floats apart
SHARE = 1e-3  # of its range: how far a number may be moved


def rounded(value: Any, distribution: BaseDistribution) -> Any:
    """Round a number between bounds; steps and choices stay as they are.

    In a narrow range, such as that of a momentum near 1, a number keeps more digits.
    """
    if not isinstance(distribution, FloatDistribution) or distribution.step is not None:
        return value
    least = SHARE * (distribution.high - distribution.low)
    shorter = (float(f"{value:.{digits}g}") for digits in range(DIGITS, MOST_DIGITS))
    short = next((number for number in shorter if abs(number - value) <= least), value)
    return min(max(short, distribution.low), distribution.high)
