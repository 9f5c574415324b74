"""Charts on real series: which labelled windows are hit, and how often they signal outside, with rhythms on and off.

    make bench-charts

reads the public sets beside the project and writes docs/control-charts-on-real-series.md. It ends with 1 if the charts
aren't silent on the series that holds nothing but noise.
"""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.spc.baseline import Dependence, Limits, baseline_chart
from core.spc.chart import ControlChart
from core.spc.design import ewma_for
from core.spc.ewma import ewma_chart
from core.spc.fitting import Adjustment, Rhythm, fit_baseline
from core.spc.rules import NELSON, patterns
from core.spc.series import Series, estimates, shares

SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "control-charts-on-real-series.md"
NOISE = "art_daily_small_noise"
RULES = NELSON[:2]
LEAST_DAYS = 4  # of phase I, so that hours can be told apart
WAYS = {
    "rhythm on": Adjustment(limits=Limits.INDIVIDUALS),
    "rhythm off": Adjustment(limits=Limits.INDIVIDUALS, rhythm=Rhythm.OFF),
    "nothing": Adjustment(limits=Limits.INDIVIDUALS, rhythm=Rhythm.OFF, dependence=Dependence.IGNORE),
}

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """A real series by hour or day, what somebody labelled, and how much of it is phase I."""

    name: str
    times: pd.DatetimeIndex
    series: Series
    labels: tuple[tuple[pd.Timestamp, pd.Timestamp], ...]
    n_base: int
    unit: str
    as_shares: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one chart found: labelled windows hit, signals a week outside them, and what phase I said."""

    hits: int
    outside: float
    ewma_hits: int
    ewma_outside: float
    notes: tuple[str, ...]


def main() -> int:
    """Chart every series, print and write the tables; 0 if the noise stays silent."""
    if not SHARED_DATA.is_dir():
        print("The real data sets (../shared/data) are absent.")  # noqa: T201
        return 2
    lines = HEAD.splitlines()
    silent = True
    notes = []
    for stream in (*nab(), *bikes(), *electricity()):
        found = {way: chart(stream, adjustment) for way, adjustment in WAYS.items()}
        if stream.name == NOISE:
            on = found["rhythm on"]
            silent = on.outside == on.ewma_outside == 0
        lines.append(row(stream, found))
        notes.append(f"- *{stream.name}*: {' '.join(found['rhythm on'].notes)}")
        print(lines[-1], flush=True)  # noqa: T201
    lines += ["", "What the tests on phase I said, with the rhythm on:", "", *notes]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{NOISE}: {'silent' if silent else 'NOT SILENT'} with the rhythm on. Written: {PAGE.name}")  # noqa: T201
    return 0 if silent else 1


HEAD = """# Control charts on real series

Written by `make bench-charts`; reported, not required. Each series is charted by hour or by day: single points with
the rules Nelson 1 and 2, and an EWMA (lambda 0.2, one false alarm in 370 points). NAB's series are hourly means; their
phase I is the first half, or what lies before the first labelled window where that is sooner. Of the bike rentals it is
2011, of the electricity market the first 180 days. Limits are frozen then.

*On*: hours or weekdays are told apart where a test on phase I finds that they differ, each with a spread of its own
where they vary differently; and what is new in each point is charted where neighbours are correlated. *Off*: only the
latter. *Neither*: limits by moving ranges alone.

*Hit* counts the labelled windows in which something signals, of those after phase I. *Outside* is signals a week
outside of them. NAB's labels are wide windows around incidents, so a chart that always signals hits all of them: both
figures belong together. Where a level wanders for good, limits of a first period are wrong later, and the chart keeps
saying so.

| series | points, phase I | labelled | on: hit, outside | off | neither | EWMA on | EWMA off |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


def row(stream: Stream, found: dict[str, Found]) -> str:
    """One line of the table."""
    n_labels = len(labelled(stream))
    cells = [f"{found[way].hits}, {found[way].outside:.1f}" for way in WAYS]
    cells += [f"{found[way].ewma_hits}, {found[way].ewma_outside:.1f}" for way in ("rhythm on", "rhythm off")]
    size = f"{stream.times.size:,} {stream.unit}s, {stream.n_base:,}"
    return f"| {stream.name} | {size} | {n_labels} | {' | '.join(cells)} |"


def chart(stream: Stream, adjustment: Adjustment) -> Found:
    """One series charted in one way."""
    base = np.arange(stream.times.size) < stream.n_base
    if stream.as_shares:
        adjustment = Adjustment(rhythm=adjustment.rhythm, dependence=adjustment.dependence)
    fitted = fit_baseline(stream.series, base=base, adjustment=adjustment)
    drawn = baseline_chart(fitted, stream.series)
    fired = np.logical_or.reduce(list(patterns(drawn.score, RULES, values=drawn.statistic).values()))
    scheme = ewma_for(370.4, smoothing=0.2)
    smoothed: ControlChart = ewma_chart(drawn.score, smoothing=0.2, width=scheme.width, centre=0.0, sigma=1.0)
    hits, outside = counted(stream, fired, base)
    ewma_hits, ewma_outside = counted(stream, smoothed.signal != 0, base)
    return Found(hits=hits, outside=outside, ewma_hits=ewma_hits, ewma_outside=ewma_outside, notes=fitted.notes)


def labelled(stream: Stream) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """The labelled windows that end after phase I."""
    start = stream.times[stream.n_base]
    return [(first, last) for first, last in stream.labels if last >= start]


def counted(stream: Stream, fired: Bools, base: Bools) -> tuple[int, float]:
    """Labelled windows with a signal, and signals a week outside of them, after phase I."""
    later = ~base
    length = pd.Timedelta(hours=1) if stream.unit == "hour" else pd.Timedelta(days=1)
    inside = np.zeros(fired.size, dtype=bool)
    hits = 0
    for first, last in labelled(stream):
        within = np.asarray((stream.times + length > first) & (stream.times <= last)) & later
        hits += bool((fired & within).any())
        inside |= within
    outside = later & ~inside & stream.series.there
    weeks = outside.sum() * length / pd.Timedelta(weeks=1)
    return hits, float((fired & outside).sum() / weeks) if weeks else 0.0


def nab() -> Iterator[Stream]:
    """The Numenta Anomaly Benchmark's series, as hourly means (MIT licence)."""
    labels = json.loads((SHARED_DATA / "nab" / "labels" / "combined_windows.json").read_text())
    for path in sorted((SHARED_DATA / "nab" / "data").glob("*.csv")):
        frame = pd.read_csv(path, parse_dates=["timestamp"])
        hourly = frame.set_index("timestamp")["value"].resample("1h").agg(["mean", "count"])
        windows = tuple(
            (pd.Timestamp(first), pd.Timestamp(last)) for first, last in labels[path.stem.replace("__", "/") + ".csv"]
        )
        times = pd.DatetimeIndex(hourly.index)
        n_base = len(times) // 2
        if windows:
            n_base = min(n_base, int((times < windows[0][0].floor("h")).sum()))
        n_base = max(n_base, min(24 * LEAST_DAYS, len(times) // 2))
        series = estimates(hourly["mean"], hourly["count"], np.full(len(times), np.nan))
        yield Stream(
            name=path.stem.split("__")[1],
            times=times,
            series=hourly_seasons(series, times, n_base),
            labels=windows,
            n_base=n_base,
            unit="hour",
        )


def hourly_seasons(series: Series, times: pd.DatetimeIndex, n_base: int) -> Series:
    """The hour of the week where phase I holds four weeks, else the hour of the day."""
    if n_base >= 4 * 168:
        return series.with_seasons(24 * times.day_of_week.to_numpy() + times.hour.to_numpy(), "hour of the week")
    return series.with_seasons(times.hour.to_numpy(), "hour of the day")


def bikes() -> Iterator[Stream]:
    """Rentals a day in Washington, 2011 and 2012; Hurricane Sandy came on 29 October 2012 (UCI)."""
    with zipfile.ZipFile(SHARED_DATA / "bike_sharing" / "bike_sharing_dataset.zip") as archive:
        frame = pd.read_csv(archive.open("hour.csv"), parse_dates=["dteday"])
    daily = frame.groupby("dteday")[["cnt", "registered", "casual"]].sum()
    days = pd.date_range(daily.index[0], daily.index[-1])
    sandy = ((pd.Timestamp("2012-10-29"), pd.Timestamp("2012-10-30")),)
    for column in ("cnt", "registered", "casual"):
        values = daily[column].reindex(days).to_numpy(dtype=float)
        yield by_day(f"bike_sharing {column}", days, estimates(values, 1, np.nan), sandy, n_base=365)


def electricity() -> Iterator[Stream]:
    """The electricity market of New South Wales by day; Victoria joined on 5 May 1997."""
    with gzip.open(SHARED_DATA / "elec2" / "elec2_full.csv.gz") as file:
        frame = pd.read_csv(file)
    at = pd.Timestamp("1996-05-07") + pd.to_timedelta(30 * np.arange(len(frame)), unit="min")
    frame["day_of"] = at.floor("D")
    daily = frame.groupby("day_of")
    days = pd.DatetimeIndex(daily.size().index)
    joined = ((pd.Timestamp("1997-05-05"), pd.Timestamp("1997-05-18")),)
    up = daily["class"].agg(lambda values: int((values == "UP").sum())).to_numpy()
    yield by_day("elec2 share of UP", days, shares(up, daily.size().to_numpy()), joined, n_base=180, as_shares=True)
    for column in ("nswprice", "nswdemand"):
        yield by_day(f"elec2 {column}", days, estimates(daily[column].mean(), 48, np.nan), joined, n_base=180)


def by_day(
    name: str,
    days: pd.DatetimeIndex,
    series: Series,
    labels: tuple[tuple[pd.Timestamp, pd.Timestamp], ...],
    *,
    n_base: int,
    as_shares: bool = False,
) -> Stream:
    """A daily series with its weekdays."""
    seasoned = series.with_seasons(days.day_of_week.to_numpy(), "weekday")
    return Stream(name=name, times=days, series=seasoned, labels=labels, n_base=n_base, unit="day", as_shares=as_shares)


if __name__ == "__main__":
    sys.exit(main())
