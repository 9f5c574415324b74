"""Arithmetic of floats in databases that raise an error where IEEE 754 has infinity or zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Total", "minus", "power", "times"]

Floats = NDArray[np.float64]
Expression = Any

HUGE = 1e290  # a sum of up to 1e18 smaller numbers is finite
SCALE = 2.0**-200
LARGEST, SMALLEST = 709.7, -708.0  # logarithms of floats that neither overflow nor lose digits
SAFE_LOW, SAFE_HIGH = 1e-140, 1e140  # products of two such need no logarithm


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A sum over rows that doesn't overflow in the database: what is huge is summed apart, scaled down."""

    parts: Sequence[tuple[str, Expression]]

    @classmethod
    def of_small(cls, value: Expression) -> Total:
        """Of summands that are far from the largest float."""
        return cls(parts=[("all", value)])

    @classmethod
    def of_any(cls, value: Expression) -> Total:
        """Of any summands, infinite ones too."""
        is_small = value.abs() <= HUGE
        return cls(parts=[("small", is_small.ifelse(value, 0.0)), ("huge", is_small.ifelse(0.0, value * SCALE))])

    def value(self, part: Callable[[str], Floats]) -> Floats:
        """The sums, given those of each part."""
        if len(self.parts) == 1:
            return part("all")
        with np.errstate(over="ignore", invalid="ignore"):  # too large for a float is infinite, as in numpy
            return part("small") + part("huge") / SCALE


def power(value: Expression, exponent: int) -> Expression:
    """value ** exponent for 2, 3 or 4; infinite where a float can't hold it, 0 where it is below 1e-300."""
    size = value.abs()
    product = value
    for _ in range(exponent - 1):
        product = product * value
    too_large = (value > 0).ifelse(math.inf, -math.inf) if exponent % 2 else math.inf
    largest = float(np.finfo(np.float64).max ** (1 / exponent) * (1 - 1e-12))
    return (size > largest).ifelse(too_large, (size < float(1e-300 ** (1 / exponent))).ifelse(0.0, product))


def times(left: Expression, right: Expression) -> Expression:
    """left * right; infinite where a float can't hold it, 0 where it is nearer to 0 than floats with all digits."""
    a, b = left.abs(), right.abs()
    is_safe = (a >= SAFE_LOW) & (a <= SAFE_HIGH) & (b >= SAFE_LOW) & (b <= SAFE_HIGH)
    logarithm = a.ln() + b.ln()
    signed = ((left > 0) == (right > 0)).ifelse(math.inf, -math.inf)
    exact = (logarithm > LARGEST).ifelse(signed, (logarithm < SMALLEST).ifelse(0.0, left * right))
    return ((left == 0) | (right == 0)).ifelse(0.0, is_safe.ifelse(left * right, exact))


def minus(left: Expression, right: Expression) -> Expression:
    """left - right of finite numbers; infinite where a float can't hold it."""
    half = left / 2.0 - right / 2.0
    bound = np.finfo(np.float64).max / 2
    of_huge = (half > bound).ifelse(math.inf, (half < -bound).ifelse(-math.inf, left - right))
    return ((left.abs() > HUGE) & (right.abs() > HUGE)).ifelse(of_huge, left - right)
