"""Cells read as numbers, truths, classes and instants; a cell's meaning never depends on those beside it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.logs.cells import Cells, categories_of, read_booleans, read_classes, read_numbers, read_strings, read_times
from core.schema import NUMERIC_MISSING

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def clock(text: str) -> datetime:
    """A time without a zone."""
    return datetime.fromisoformat(text)


def one(cells: Cells, row: int = 0) -> tuple[object, bool]:
    """One cell as (value, is it unreadable)."""
    return cells.values[row].as_py(), cells.bad[row].as_py()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_every_float_is_read_back_as_it_was_written(numbers: list[float]) -> None:
    for form in (repr, lambda x: f"  {x!r}\t", lambda x: f"{x:+.17g}".upper()):
        cells = read_numbers(pa.array([form(x) for x in numbers]))
        assert cells.values.to_pylist() == numbers
        assert not cells.bad.true_count


NUMBERISH = st.text("0123456789.,+-eEinfaNAINFTY_xd ()", max_size=9)


@settings(max_examples=50, deadline=None)
@given(NUMBERISH)
def test_a_number_means_the_same_alone_and_beside_a_cell_that_is_none(text: str) -> None:
    alone, beside = read_numbers(pa.array([text])), read_numbers(pa.array([text, "bad!"]))
    assert one(alone) == one(beside)
    value, is_bad = one(alone)
    assert value is None or not math.isnan(value)
    assert not is_bad or value is None


@settings(max_examples=50, deadline=None)
@given(NUMBERISH)
def test_what_is_read_as_a_number_is_the_number_python_reads(text: str) -> None:
    value, is_bad = one(read_numbers(pa.array([text])))
    try:
        expected = float(text.strip())
    except ValueError:
        assert value is None
        assert is_bad is (text.strip() not in NUMERIC_MISSING)
        return
    if "_" in text:  # Python's own notation, nobody's log
        assert is_bad
    elif math.isnan(expected):
        assert (value, is_bad) == (None, False)
    else:
        assert (value, is_bad) == (expected, False)


@pytest.mark.parametrize(
    "text", ["1,5", "1.000,00", "1 000", "0x1F", "1_0", "5e", "--5", "nan(1)", "٣", "−5", "12%", "€5", "=1+1", "5\x00"]
)
def test_what_people_write_for_numbers_and_is_none_is_unreadable_not_guessed(text: str) -> None:
    assert one(read_numbers(pa.array([text]))) == (None, True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, None, -3], pa.int8()), [1.0, None, -3.0]),
        (pa.array([2**60], pa.uint64()), [float(2**60)]),
        (pa.array([1.5, math.nan, math.inf], pa.float32()), [1.5, None, math.inf]),
        (pa.array([Decimal("1.25"), None]), [1.25, None]),
        (pa.array([True, False, None]), [1.0, 0.0, None]),
        (pa.array([None, None]), [None, None]),
        (pa.array(["7", "7"]).dictionary_encode(), [7.0, 7.0]),
        (pa.array(["7"], pa.large_string()), [7.0]),
        (pa.array([], pa.string()), []),
    ],
)
def test_numbers_of_parquet_keep_their_value(values: pa.Array, expected: list[float | None]) -> None:
    cells = read_numbers(values)
    assert cells.values.to_pylist() == expected
    assert cells.values.type == pa.float64()
    assert not cells.bad.true_count


def test_a_date_is_no_number_and_the_message_says_what_it_is() -> None:
    cells = read_numbers(pa.array([date(2026, 1, 1), None]))
    assert cells.bad.to_pylist() == [True, False]
    assert cells.why == "is date32[day], expected a number"


def test_what_the_schema_calls_missing_is_missing_in_text_and_in_numbers() -> None:
    for values in (pa.array(["-999", "5"]), pa.array([-999, 5]), pa.array([-999.0, 5.0])):
        assert read_numbers(values, ("-999", "unknown")).values.to_pylist() == [None, 5.0]
    assert read_strings(pa.array(["?", "a"]), ("?",)).values.to_pylist() == [None, "a"]
    assert read_booleans(pa.array(["?", "yes"]), ("?",)).values.to_pylist() == [None, True]


@pytest.mark.parametrize("truth", [True, False])
def test_truths_are_read_in_every_spelling_and_type(truth: bool) -> None:
    spellings = ("true", "T", "Yes", "y", "1", "1.0") if truth else ("FALSE", "f", "no", "N", "0", "0.0")
    assert read_booleans(pa.array(spellings)).values.to_pylist() == [truth] * 6
    for values in (pa.array([truth]), pa.array([float(truth)]), pa.array([int(truth)])):
        assert read_booleans(values).values.to_pylist() == [truth]


def test_a_truth_that_is_none_is_unreadable() -> None:
    cells = read_booleans(pa.array(["maybe", "2", "", None, "NaN"]))
    assert cells.bad.to_pylist() == [True, True, False, False, False]
    assert cells.values.to_pylist() == [None] * 5


@pytest.mark.parametrize(
    ("classes", "written", "expected"),
    [
        (("0", "1"), pa.array(["1.0", "0", "True", "false"]), ["1", "0", "1", "0"]),
        (("0", "1"), pa.array([1.0, 0.0, math.nan, None]), ["1", "0", None, None]),
        (("0", "1"), pa.array([True, False]), ["1", "0"]),
        (("False", "True"), pa.array([1, 0]), ["True", "False"]),
        (("no", "yes"), pa.array([" yes", "no ", ""]), ["yes", "no", None]),
        (("1", "2", "10"), pa.array([10.0, 2.0]), ["10", "2"]),
    ],
)
def test_classes_are_told_through_what_a_missing_value_makes_of_whole_numbers(
    classes: tuple[str, ...], written: pa.Array, expected: list[str | None]
) -> None:
    cells = read_classes(written, classes)
    assert cells.values.to_pylist() == expected
    assert not cells.bad.true_count


def test_an_unknown_class_is_unreadable_and_the_message_names_the_known_ones() -> None:
    cells = read_classes(pa.array(["yes", "Yes", "2"]), ("no", "yes"))
    assert cells.bad.to_pylist() == [False, True, True]
    assert cells.why == "is none of the classes 'no', 'yes'"


def test_text_with_a_nul_is_unreadable_and_blanks_around_text_go() -> None:
    cells = read_strings(pa.array(["a\0b", " c\u00a0", "\t", None]))
    assert cells.values.to_pylist() == [None, "c", None, None]
    assert cells.bad.to_pylist() == [True, False, False, False]


def test_categories_that_are_whole_numbers_have_no_fraction() -> None:
    assert categories_of(pa.array([1.0, 2.5, None, math.nan])).to_pylist() == ["1", "2.5", None, None]
    assert categories_of(pa.array(["1.0"])).to_pylist() == ["1.0"]


MOMENTS = st.datetimes(clock("1900-01-01"), clock("2200-01-01"))
OFFSETS = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-14 * 60, 14 * 60))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(lambda moment, zone: moment.replace(tzinfo=zone), MOMENTS, OFFSETS), min_size=1, max_size=8))
def test_times_with_an_offset_are_the_instants_they_name(moments: list[datetime]) -> None:
    texts = [moment.isoformat() for moment in moments]
    cells = read_times(pa.array(texts), timezone="Asia/Tokyo")
    assert cells.values.to_pylist() == moments
    beside = read_times(pa.array([*texts, "yesterday", "2026-01-01"]), timezone="Asia/Tokyo")
    assert beside.values.to_pylist()[:-2] == moments


@settings(max_examples=50, deadline=None)
@given(
    st.datetimes(clock("1970-01-01"), clock("2037-12-01")),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_a_time_without_a_zone_shows_the_models_clock_and_means_the_same_beside_any_other(
    moment: datetime, zone: str
) -> None:
    text = moment.isoformat()
    alone = read_times(pa.array([text]), timezone=zone).values[0].as_py()
    beside = read_times(pa.array([text, "2026-01-01T00:00:00+02:00", "never"]), timezone=zone).values[0].as_py()
    parsed = read_times(
        pa.array([moment.strftime("%Y-%m-%d %H:%M:%S.%f")]), timezone=zone, format="%Y-%m-%d %H:%M:%S.%f"
    )
    assert alone == beside == parsed.values[0].as_py()
    expected = moment.replace(tzinfo=ZoneInfo(zone))
    is_shown = expected.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment
    if is_shown:  # clocks that go forward pass some times over
        assert alone == expected


def test_times_that_clocks_show_twice_or_never() -> None:
    twice, never = clock("2026-10-25T02:30"), clock("2026-03-29T02:30")
    values = read_times(pa.array([twice.isoformat(), never.isoformat()]), timezone="Europe/Berlin").values.to_pylist()
    assert values[0] == twice.replace(tzinfo=BERLIN, fold=0).astimezone(UTC)  # the earlier
    assert values[1] == datetime(2026, 3, 29, 3, 0, tzinfo=BERLIN)  # the first that the clock shows again


ISO = [
    "2026-01-11", "2026-01-11T12", "2026-01-11 12:00", "2026-01-11T12:00:00", "2026-01-11T12:00:00.5",
    "2026-01-11T12:00:00,123456789", "20260111", "20260111T120000", "2026-01-11T12:00Z", "2026-01-11T12:00:00z",
    "2026-01-11T12:00:00+0200", "2026-01-11T12:00:00 -05", "2026-02-30", "2026-01-11T24:00:00", "2026-01-11T12:00:60",
    "11/01/2026", "2026-1-5", "0001-01-01", "9999-12-31", "12026-01-01", "2026-01-11T12:00:00+25:00", "1599-12-31",
]  # fmt: skip


@pytest.mark.parametrize("text", ISO)
def test_a_time_means_the_same_alone_and_beside_others(text: str) -> None:
    alone = read_times(pa.array([text]), timezone="Europe/Berlin")
    for other in ("2026-01-01", "2026-01-01T00:00Z", "never"):
        assert one(read_times(pa.array([text, other]), timezone="Europe/Berlin")) == one(alone)


def test_sentinels_far_from_any_log_are_unreadable() -> None:
    for values in (
        pa.array(["0001-01-01", "1599-12-31T23:59:59Z", "9999-12-31", "2026-01-01"]),
        pa.array([clock("0001-01-01"), clock("1599-01-01"), clock("9999-12-31"), clock("2026-01-01")]),
    ):
        cells = read_times(values, timezone="UTC")
        assert cells.bad.to_pylist() == [True, True, True, False]
    assert read_times(pa.array(["0001-01-01Z"]), timezone="UTC").why


@settings(max_examples=50, deadline=None)
@given(st.datetimes(clock("1970-01-01"), clock("2100-01-01")).map(lambda m: m.replace(tzinfo=UTC, microsecond=0)))
def test_epoch_numbers_are_instants_in_text_and_in_numbers(moment: datetime) -> None:
    seconds = round((moment - EPOCH).total_seconds())
    for unit, scale in (("epoch_s", 1), ("epoch_ms", 10**3), ("epoch_us", 10**6)):
        for values in (pa.array([str(seconds * scale)]), pa.array([seconds * scale])):
            cells = read_times(values, timezone="Asia/Tokyo", format=unit)
            assert cells.values.to_pylist() == [moment]


def test_epoch_numbers_in_the_wrong_unit_are_unreadable_not_far_away() -> None:
    cells = read_times(pa.array(["1767225600000000", "1767225600", "x"]), timezone="UTC", format="epoch_s")
    assert cells.bad.to_pylist() == [True, False, True]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([date(2026, 1, 11)]), datetime(2026, 1, 11, tzinfo=BERLIN)),
        (pa.array([clock("2026-01-11T12:00")], pa.timestamp("ns")), datetime(2026, 1, 11, 12, tzinfo=BERLIN)),
        (pa.array([clock("2026-01-11T12:00")], pa.timestamp("s", "Asia/Tokyo")), datetime(2026, 1, 11, 12, tzinfo=UTC)),
        (pa.array(["2026-01-11T12:00Z"]).dictionary_encode(), datetime(2026, 1, 11, 12, tzinfo=UTC)),
    ],
)
def test_times_of_parquet_are_instants(values: pa.Array, expected: datetime) -> None:
    assert read_times(values, timezone="Europe/Berlin").values.to_pylist() == [expected]


def test_a_pattern_reads_what_it_fits_and_names_itself_where_it_does_not() -> None:
    cells = read_times(
        pa.array(["11.01.2026 12:30", "2026-01-11", ""]), timezone="Europe/Berlin", format="%d.%m.%Y %H:%M"
    )
    assert cells.values.to_pylist() == [datetime(2026, 1, 11, 12, 30, tzinfo=BERLIN), None, None]
    assert cells.bad.to_pylist() == [False, True, False]
    assert cells.why == "doesn't fit the format '%d.%m.%Y %H:%M'"
    zoned = read_times(pa.array(["11.01.2026 12:30 -0500"]), timezone="UTC", format="%d.%m.%Y %H:%M %z")
    assert zoned.values.to_pylist() == [datetime(2026, 1, 11, 17, 30, tzinfo=UTC)]


def test_a_time_of_day_is_no_instant() -> None:
    assert read_times(pa.array([time(12, 30)]).cast(pa.string()), timezone="UTC").bad.to_pylist() == [True]
