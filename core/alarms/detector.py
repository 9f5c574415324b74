"""What bets have won since when: which subjects alarm, and when an alarm is over.

Every bet's wealth is restarted whenever it falls below its stake; a subject's wealth is the average of
its bets'. A set of subjects alarms when enough of them are rich enough (e-BH). While nothing moves beyond
its margin, W windows raise at most W / A alarm events in expectation, however subjects hang together.

Proof, after Shin, Ramdas and Rinaldo (e-detectors) and Wang and Ramdas (e-BH): a bet's wealth grows by at
most 1 a window in expectation, so that of the average over subjects, with all that alarms took away, is at
most W after W windows; each event takes away at least A.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["CLOSING", "Detection", "Incident", "detect"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CLOSING = 20.0  # the evidence of a return that closes an incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A subject that left its margin: from the window `opened` to the window `closed`, None while it is out.

    The bet that had won most says what moved: a monitor, the direction (1 up, -1 down) and the size.
    """

    subject: int
    opened: int
    closed: int | None
    monitor: int
    sign: int
    size: int
    e_value: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detection:
    """`log_wealth`: of every subject after every window, shape (n_windows, n_subjects); -inf after an alarm."""

    log_wealth: Floats
    incidents: tuple[Incident, ...]
    events: tuple[int, ...]

    def open_in(self, window: int) -> tuple[Incident, ...]:
        """The incidents that are open after a window."""
        return tuple(
            incident
            for incident in self.incidents
            if incident.opened <= window and (incident.closed is None or incident.closed > window)
        )


def detect(
    log_e: Floats, *, subject: Ints, stakes: Floats, is_armed: Sequence[bool] | Bools, allowance: float
) -> Detection:
    """Which subjects alarm in which windows, and when is it over?

    Parameters
    ----------
    log_e : float array of shape (n_windows, n_monitors, 2, n_sizes)
        Of `log_e_values`.
    subject : int array of shape (n_monitors,)
        The subject of each monitor, from 0.
    stakes : float array of shape (n_monitors, 2, n_sizes)
        How a subject's bet is divided; they sum to 1 for each subject.
    is_armed : sequence of n_subjects bool
        Subjects that aren't armed are followed but can't alarm.
    allowance : float
        Windows in which one false alarm event is allowed, at least 1.

    Returns
    -------
    Detection
        An alarm opens an incident, while which the subject doesn't alarm again; it is closed by the
        reversed bet one size smaller, when that has won 20 times its stake.

    References
    ----------
    J. Shin, A. Ramdas, A. Rinaldo (2024), E-detectors, doi:10.51387/23-NEJSDS51; R. Wang, A. Ramdas
    (2022), doi:10.1111/rssb.12489.

    Examples
    --------
    >>> log_e = np.full((6, 1, 2, 1), -0.1)
    >>> log_e[3:, 0, 0, 0] = 4.0
    >>> stakes = np.full((1, 2, 1), 0.5)
    >>> found = detect(log_e, subject=np.array([0]), stakes=stakes, is_armed=[True], allowance=365)
    >>> [(incident.opened, incident.closed) for incident in found.incidents]
    [(4, None)]
    """
    armed = np.asarray(is_armed, dtype=bool)
    n_windows = log_e.shape[0]
    n_armed = int(armed.sum())
    with np.errstate(divide="ignore"):
        stake = np.log(stakes)
    wealth = np.full(stakes.shape, -np.inf)
    log_wealth = np.full((n_windows, armed.size), -np.inf)
    is_open = np.zeros(armed.size, dtype=bool)
    returning: dict[int, tuple[int, float]] = {}  # subject -> place in `found`, log-evidence of its return
    found: list[Incident] = []
    events = []
    for window in range(n_windows):
        wealth = log_e[window] + np.maximum(wealth, 0.0)
        wealth[is_open[subject]] = -np.inf
        log_wealth[window] = _by_subject(wealth + stake, subject, armed.size)
        for number, (place, before) in list(returning.items()):
            incident = found[place]
            smaller, sign = max(incident.size - 1, 0), 0 if incident.sign > 0 else 1
            evidence = max(before, 0.0) - float(log_e[window, incident.monitor, sign, smaller])
            returning[number] = (place, evidence)
            if evidence >= math.log(CLOSING):
                found[place] = replace(incident, closed=window)
                is_open[number] = False
                del returning[number]
        alarmed = _e_bh(np.where(armed & ~is_open, log_wealth[window], -np.inf), n_armed, allowance)
        if alarmed.size:
            events.append(window)
        for number in alarmed.tolist():
            bets = np.where((subject == number)[:, None, None], wealth + stake, -np.inf)
            monitor, sign, size = (int(part) for part in np.unravel_index(int(np.argmax(bets)), bets.shape))
            returning[number] = (len(found), 0.0)
            found.append(
                Incident(
                    subject=number,
                    opened=window,
                    closed=None,
                    monitor=monitor,
                    sign=1 if sign == 0 else -1,
                    size=size,
                    e_value=math.exp(min(float(log_wealth[window, number]), 700.0)),
                )
            )
            is_open[number] = True
            wealth[subject == number] = -np.inf
    return Detection(log_wealth=log_wealth, incidents=tuple(found), events=tuple(events))


def _by_subject(log_terms: Floats, subject: Ints, n_subjects: int) -> Floats:
    """The logarithm of the sum over each subject's bets."""
    per_monitor = np.logaddexp.reduce(log_terms.reshape(log_terms.shape[0], -1), axis=1)
    top = np.full(n_subjects, -np.inf)
    np.maximum.at(top, subject, per_monitor)
    safe = np.where(np.isfinite(top), top, 0.0)
    total = np.zeros(n_subjects)
    np.add.at(total, subject, np.exp(per_monitor - safe[subject]))
    with np.errstate(divide="ignore"):
        return np.log(total) + safe


def _e_bh(log_wealth: Floats, n_subjects: int, allowance: float) -> Ints:
    """The subjects that alarm together: the most of them whose wealth is n_subjects x allowance / their number."""
    order = np.argsort(-log_wealth, kind="stable")
    needed = math.log(max(n_subjects, 1) * allowance) - np.log(np.arange(1, order.size + 1))
    rich = np.flatnonzero(log_wealth[order] >= needed)
    return order[: int(rich[-1]) + 1] if rich.size else np.empty(0, dtype=np.int64)
