"""Wealth, alarms and incidents are what their definitions say, and false events are as few as is proved."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alarms.detector import CLOSING, Detection, detect

ONE = np.full((1, 2, 1), 0.5)


def random_bets(seed: int, *, n_windows: int, n_subjects: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log-e-values, subjects and stakes of subjects with 1 to 3 monitors."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n_subjects), rng.integers(1, 4, n_subjects))
    log_e = rng.normal(-0.3, 1.6, size=(n_windows, subject.size, 2, 2))
    log_e[rng.random(n_windows) < 0.1] = 0.0  # windows without rows
    stakes = rng.random((subject.size, 2, 2))
    for number in range(n_subjects):
        stakes[subject == number] /= stakes[subject == number].sum()
    return log_e, subject, stakes


def by_definition(
    log_e: np.ndarray, subject: np.ndarray, stakes: np.ndarray, armed: list[bool], allowance: float
) -> tuple[list[tuple[int, int, int | None]], list[int]]:
    """The same in plain words and plain numbers: (subject, opened, closed) and the windows with an event."""
    e = np.exp(log_e)
    wealth = np.zeros(stakes.shape)
    n_subjects = len(armed)
    opened: dict[int, dict] = {}
    incidents, events = [], []
    for window in range(e.shape[0]):
        wealth = e[window] * np.maximum(wealth, 1.0)
        for number in opened:
            wealth[subject == number] = 0.0
        by_subject = [float((wealth * stakes)[subject == number].sum()) for number in range(n_subjects)]
        may_alarm = [number for number in range(n_subjects) if armed[number] and number not in opened]
        for number in list(opened):
            incident = opened[number]
            own = e[window, incident["monitor"], incident["sign"], max(incident["size"] - 1, 0)]
            incident["return"] = max(incident["return"], 1.0) / own
            if incident["return"] >= CLOSING:
                incident["row"][2] = window
                del opened[number]
        for count in range(len(may_alarm), 0, -1):
            rich = [m for m in may_alarm if by_subject[m] >= sum(armed) * allowance / count]
            if len(rich) >= count:
                break
        else:
            rich = []
        if rich:
            events.append(window)
        for number in sorted(rich, key=lambda m: -by_subject[m]):
            won = np.where((subject == number)[:, None, None], wealth * stakes, -1.0)
            monitor, sign, size = np.unravel_index(np.argmax(won), won.shape)
            row = [number, window, None]
            incidents.append(row)
            opened[number] = {"monitor": monitor, "sign": sign, "size": size, "return": 1.0, "row": row}
            wealth[subject == number] = 0.0
    return [tuple(row) for row in incidents], events


@pytest.mark.parametrize("seed", range(40))
def test_alarms_and_incidents_are_what_the_definition_gives_in_plain_numbers(seed: int) -> None:
    log_e, subject, stakes = random_bets(seed, n_windows=60, n_subjects=6)
    armed = [number != 2 for number in range(6)]
    allowance = 3.0
    found = detect(log_e, subject=subject, stakes=stakes, is_armed=armed, allowance=allowance)
    incidents, events = by_definition(log_e, subject, stakes, armed, allowance)
    assert [(i.subject, i.opened, i.closed) for i in found.incidents] == incidents
    assert list(found.events) == events
    assert events


def test_wealth_is_restarted_whenever_it_falls_below_the_stake() -> None:
    e = np.array([2.0, 0.5, 4.0, 3.0])
    log_e = np.full((4, 1, 2, 1), -math.inf)
    log_e[:, 0, 0, 0] = np.log(e)
    stakes = np.array([[[1.0], [0.0]]])
    found = detect(log_e, subject=np.array([0]), stakes=stakes, is_armed=[True], allowance=1e9)
    assert np.exp(found.log_wealth[:, 0]) == pytest.approx([2.0, 1.0, 4.0, 12.0])


def equal_subjects(wealth: list[float], allowance: float) -> Detection:
    log_e = np.log(np.array(wealth))[None, :, None, None] + np.zeros((1, 1, 2, 1))
    n = len(wealth)
    return detect(log_e, subject=np.arange(n), stakes=np.full((n, 2, 1), 0.5), is_armed=[True] * n, allowance=allowance)


@pytest.mark.parametrize(
    ("wealth", "alarmed"),
    [
        ([399.0, 1.0, 1.0, 1.0], set()),
        ([400.0, 1.0, 1.0, 1.0], {0}),
        ([200.0, 200.0, 1.0, 1.0], {0, 1}),
        ([199.0, 399.0, 1.0, 1.0], set()),
        ([100.0, 100.0, 100.0, 100.0], {0, 1, 2, 3}),
        ([1e9, 134.0, 134.0, 99.0], {0, 1, 2}),
    ],
)
def test_subjects_alarm_together_when_k_of_them_are_worth_their_number_times_the_allowance_over_k(
    wealth: list[float], alarmed: set[int]
) -> None:
    assert {i.subject for i in equal_subjects(wealth, 100.0).incidents} == alarmed


def test_subjects_that_are_not_armed_count_for_nothing() -> None:
    log_e, subject, stakes = random_bets(3, n_windows=50, n_subjects=5)
    few = [True, True, False, False, True]
    kept = np.isin(subject, [0, 1, 4])
    renumbered = np.array([0, 1, -1, -1, 2])[subject[kept]]
    alone = detect(log_e[:, kept], subject=renumbered, stakes=stakes[kept], is_armed=[True] * 3, allowance=5)
    among = detect(log_e, subject=subject, stakes=stakes, is_armed=few, allowance=5)
    back = np.array([0, 1, 4])
    assert [(i.subject, i.opened) for i in among.incidents] == [(back[i.subject], i.opened) for i in alone.incidents]


def dependent_bets(rng: np.random.Generator, n_windows: int, n_subjects: int, *, copies: float, sizes: list[float]):
    """Likelihood ratios of normal shifts, E = 1 each, that share `copies` of their noise; some against the others."""
    common = rng.normal(size=(n_windows, 1))
    z = np.sqrt(copies) * common + np.sqrt(1 - copies) * rng.normal(size=(n_windows, n_subjects))
    z[:, n_subjects // 2 :] *= -1
    bets = np.array(sizes)
    both = np.stack([z, -z], axis=2)
    return bets * both[:, :, :, None] - bets**2 / 2


@pytest.mark.parametrize("copies", [0.0, 0.9, 1.0])
def test_false_events_are_at_most_one_in_the_allowance_however_subjects_hang_together(copies: float) -> None:
    rng = np.random.default_rng(int(100 * copies))
    n_windows, n_subjects, allowance = 300, 6, 15.0
    sizes = [0.5, 1.0, 2.0]
    stakes = np.full((n_subjects, 2, 3), 1 / 6)
    counts = []
    for _ in range(30):
        log_e = dependent_bets(rng, n_windows, n_subjects, copies=copies, sizes=sizes)
        found = detect(
            log_e, subject=np.arange(n_subjects), stakes=stakes, is_armed=[True] * n_subjects, allowance=allowance
        )
        counts.append(len(found.events))
    bound = n_windows / allowance
    error = np.std(counts) / np.sqrt(len(counts))
    assert np.mean(counts) <= bound + 3 * error
    assert np.mean(counts) > bound / 40, "nothing alarms: the bound is not put to the test"


def shifted_then_back(n_out: int, *, sign: int = 0) -> np.ndarray:
    """A bet that wins 3 a window from window 5 on, and loses 1 a window once the shift is over."""
    log_e = np.full((120, 1, 2, 1), -0.5)
    log_e[5 : 5 + n_out, 0, sign, 0] = 3.0
    log_e[5 + n_out :, 0, sign, 0] = -1.0
    return log_e


@pytest.mark.parametrize("sign", [0, 1])
def test_an_incident_latches_and_closes_when_the_reversed_bet_has_won_twenty_times_its_stake(sign: int) -> None:
    found = detect(shifted_then_back(40, sign=sign), subject=np.array([0]), stakes=ONE, is_armed=[True], allowance=365)
    (incident,) = found.incidents
    assert incident.opened == 5 + 2
    assert incident.sign == (1 if sign == 0 else -1)
    assert incident.closed == 45 + math.ceil(math.log(CLOSING)) - 1
    assert found.events == (7,)
    assert found.open_in(incident.closed - 1) == (incident,)
    assert found.open_in(incident.closed) == ()


def test_what_returned_and_leaves_again_alarms_again() -> None:
    once = shifted_then_back(10)
    found = detect(np.concatenate([once[:40], once]), subject=np.array([0]), stakes=ONE, is_armed=[True], allowance=365)
    assert [incident.opened for incident in found.incidents] == [7, 47]
    assert all(incident.closed for incident in found.incidents)


def test_a_lasting_shift_is_one_event_however_long_it_lasts() -> None:
    found = detect(shifted_then_back(115), subject=np.array([0]), stakes=ONE, is_armed=[True], allowance=365)
    assert len(found.events) == 1
    assert found.incidents[0].closed is None


def test_the_reversed_bet_is_one_size_smaller_than_the_one_that_won() -> None:
    log_e = np.full((20, 1, 2, 3), -2.0)
    log_e[:3, 0, 0, 2] = 8.0  # the largest bet alarms
    log_e[:3, 0, 0, 1] = 0.5
    log_e[3:, 0, 0, 1] = -1.0  # the middle one decides on the return
    log_e[3:, 0, 0, 2] = 5.0
    stakes = np.full((1, 2, 3), 1 / 6)
    found = detect(log_e, subject=np.array([0]), stakes=stakes, is_armed=[True], allowance=100)
    first = found.incidents[0]
    assert (first.opened, first.size, first.closed) == (0, 2, 5)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 79))
def test_what_was_found_does_not_depend_on_the_windows_that_came_later(seed: int, cut: int) -> None:
    log_e, subject, stakes = random_bets(seed, n_windows=80, n_subjects=4)

    def run(n: int) -> Detection:
        return detect(log_e[:n], subject=subject, stakes=stakes, is_armed=[True] * 4, allowance=4)

    whole, early = run(80), run(cut)
    assert early.events == tuple(window for window in whole.events if window < cut)
    assert early.log_wealth.tolist() == whole.log_wealth[:cut].tolist()
    assert [(i.subject, i.opened) for i in early.incidents] == [
        (i.subject, i.opened) for i in whole.incidents if i.opened < cut
    ]
    for window in range(cut):
        assert {i.subject for i in early.open_in(window)} == {i.subject for i in whole.open_in(window)}


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_the_order_of_subjects_and_monitors_does_not_matter(seed: int, data: st.DataObject) -> None:
    log_e, subject, stakes = random_bets(seed, n_windows=40, n_subjects=5)
    order = np.array(data.draw(st.permutations(range(subject.size))))
    numbers = np.array(data.draw(st.permutations(range(5))))
    before = detect(log_e, subject=subject, stakes=stakes, is_armed=[True] * 5, allowance=4)
    after = detect(
        log_e[:, order], subject=numbers[subject[order]], stakes=stakes[order], is_armed=[True] * 5, allowance=4
    )
    assert sorted((numbers[i.subject], i.opened, i.closed or -1, i.sign, i.size) for i in before.incidents) == sorted(
        (i.subject, i.opened, i.closed or -1, i.sign, i.size) for i in after.incidents
    )
    assert after.events == before.events


def test_nothing_is_found_where_nothing_is_armed_or_no_window_came() -> None:
    log_e, subject, stakes = random_bets(1, n_windows=30, n_subjects=3)
    assert not detect(log_e, subject=subject, stakes=stakes, is_armed=[False] * 3, allowance=2).incidents
    assert detect(log_e[:0], subject=subject, stakes=stakes, is_armed=[True] * 3, allowance=2).events == ()
