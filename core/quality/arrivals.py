"""How records came in: how many, how late, how often twice, and how long ago the last of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.quality.columns import QualityFinding, QualityProblem

__all__ = ["Arrivals", "arrival_findings", "missing_windows", "staleness"]

SMALL = 0.01  # a share of rows that isn't mentioned


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """The records of one window: counted, come after it was complete, known already, set aside.

    `n_set_aside` of `n_in_files` records are those of all files that had rows of the window: what couldn't be
    read can't always be told a window. `n_typical` is the median window of the reference, None where windows
    have no length in time.
    """

    window: str
    n: int
    n_late: int
    n_repeated: int
    n_set_aside: int
    n_in_files: int
    n_typical: float | None


def arrival_findings(arrivals: Arrivals) -> tuple[QualityFinding, ...]:
    """What is remarkable about how a window's records came in, in words; it says nothing of alarms.

    Examples
    --------
    >>> few = Arrivals(
    ...     window="2026-W09", n=120, n_late=6, n_repeated=0, n_set_aside=0, n_in_files=120, n_typical=1000.0
    ... )
    >>> for finding in arrival_findings(few):
    ...     print(finding.words)
    120 records, an ordinary window has 1,000.
    6 records (5.0%) came after the window was complete; what rests on it was computed anew.
    """
    return tuple(_findings(arrivals))


def staleness(last_record_at: datetime | None, *, now: datetime, window: timedelta | None) -> QualityFinding | None:
    """Are records overdue? They are when two windows have passed since the last one.

    Parameters
    ----------
    last_record_at : datetime or None
    now : datetime
        Aware, like `last_record_at`.
    window : timedelta or None
        The length of a window; None for windows of N rows, which are never overdue.

    Examples
    --------
    >>> from datetime import UTC
    >>> last = datetime(2026, 3, 1, tzinfo=UTC)
    >>> staleness(last, now=datetime(2026, 3, 5, tzinfo=UTC), window=timedelta(days=1)).words
    'No record for 4.0 days, the last is of 1 Mar 2026, 00:00 UTC; a window lasts 1.0 days.'
    >>> staleness(last, now=datetime(2026, 3, 2, tzinfo=UTC), window=timedelta(days=1)) is None
    True
    """
    if last_record_at is None or window is None or now - last_record_at <= 2 * window:
        return None
    age, length = ((span / timedelta(days=1)) for span in (now - last_record_at, window))
    moment = f"{last_record_at.day} {last_record_at:%b %Y, %H:%M} UTC"
    words = f"No record for {age:.1f} days, the last is of {moment}; a window lasts {length:.1f} days."
    return QualityFinding(problem=QualityProblem.STALE, words=words)


def missing_windows(windows: Sequence[str]) -> QualityFinding | None:
    """Windows between others that have no record at all.

    Examples
    --------
    >>> missing_windows(["2026-03-04"]).words
    'No record at all in 1 window: 2026-03-04.'
    """
    if not windows:
        return None
    n = "1 window" if len(windows) == 1 else f"{len(windows):,} windows"
    named = ", ".join(windows[-3:])
    more = f" and {len(windows) - 3:,} before" if len(windows) > 3 else ""
    return QualityFinding(problem=QualityProblem.GAP, words=f"No record at all in {n}: {named}{more}.")


def _findings(arrivals: Arrivals) -> Iterator[QualityFinding]:
    n, typical = arrivals.n, arrivals.n_typical
    if typical and not 0.5 * typical <= n <= 2 * typical:
        yield QualityFinding(
            problem=QualityProblem.VOLUME, words=f"{_records(n)}, an ordinary window has {typical:,.0f}."
        )
    late = "came after the window was complete; what rests on it was computed anew"
    known = "had an id that was known; each id counts once"
    aside = "of the files with rows of this window didn't fit the model's schema: set aside"
    for problem, k, of, words in (
        (QualityProblem.LATE, arrivals.n_late, n, late),
        (QualityProblem.REPEATED_IDS, arrivals.n_repeated, n + arrivals.n_repeated, known),
        (QualityProblem.SET_ASIDE, arrivals.n_set_aside, arrivals.n_in_files, aside),
    ):
        if of and k / of >= SMALL:
            yield QualityFinding(problem=problem, words=f"{_records(k)} ({k / of:.1%}) {words}.")


def _records(n: int) -> str:
    return "1 record" if n == 1 else f"{n:,} records"
