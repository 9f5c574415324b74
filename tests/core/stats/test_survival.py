"""Shares waited for, and the log-rank test, against scipy and against tables worked out in another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import CensoredData, chi2, ecdf, hypergeom, logrank

from core.stats.survival import kaplan_meier, log_rank


def tables(times, is_event, group, n_groups):
    """Events and those at risk by group and age, counted one by one."""
    ages = np.arange(times.max() + 1)
    pairs = [(group == g) for g in range(n_groups)]
    events = [[int((who & is_event & (times == age)).sum()) for age in ages] for who in pairs]
    at_risk = [[int((who & (times >= age)).sum()) for age in ages] for who in pairs]
    return np.array(events), np.array(at_risk)


@pytest.fixture(params=range(5))
def drawn(request):
    rng = np.random.default_rng(request.param)
    n = 120
    return rng.integers(0, 12, n), rng.random(n) < 0.7, rng.integers(0, 3, n)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
def test_the_share_is_scipys_product_limit_estimate_and_so_is_its_variance(drawn) -> None:
    times, is_event, _ = drawn
    events, at_risk = tables(times, is_event, np.zeros(times.size), 1)
    shares, variances = kaplan_meier(events[0], at_risk[0])
    found = ecdf(CensoredData(uncensored=times[is_event], right=times[~is_event])).sf
    assert shares == pytest.approx(found.evaluate(np.arange(shares.size)))
    limits = found.confidence_interval(method="linear")
    half = (limits.high.evaluate(np.arange(shares.size)) - found.evaluate(np.arange(shares.size))) / 1.959964
    inside = (shares > 0.2) & (shares < 0.8)  # scipy cuts its limits at 0 and 1
    assert np.sqrt(variances[inside]) == pytest.approx(half[inside], rel=1e-5)


def test_of_two_groups_the_test_is_scipys(drawn) -> None:
    times, is_event, group = drawn
    two = group < 2
    events, at_risk = tables(times[two], is_event[two], group[two], 2)
    found = log_rank(events[None], at_risk[None])
    sides = [
        CensoredData(uncensored=times[is_event & (group == g)], right=times[~is_event & (group == g)]) for g in (0, 1)
    ]
    expected = logrank(*sides)
    assert found.statistic == pytest.approx(expected.statistic**2)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_the_order_of_groups_does_not_matter_and_strata_add_up(drawn) -> None:
    times, is_event, group = drawn
    events, at_risk = tables(times, is_event, group, 3)
    one = log_rank(events[None], at_risk[None])
    assert one.df == 2
    turned = log_rank(events[None, [2, 0, 1]], at_risk[None, [2, 0, 1]])
    assert turned.statistic == pytest.approx(one.statistic)
    assert one.observed.sum() == pytest.approx(one.expected.sum())
    twice = log_rank(np.stack([events, events]), np.stack([at_risk, at_risk]))
    assert twice.statistic == pytest.approx(2 * one.statistic)
    assert twice.p_value == pytest.approx(chi2.sf(2 * one.statistic, 2))


def test_at_one_time_it_is_the_hypergeometric_law() -> None:
    found = log_rank(np.array([[[7], [2]]]), np.array([[[20], [25]]]))
    law = hypergeom(45, 20, 9)
    assert found.expected[0] == pytest.approx(law.mean())
    assert found.statistic == pytest.approx((7 - law.mean()) ** 2 / law.var())


def test_where_nothing_can_differ_there_is_no_evidence() -> None:
    found = log_rank(np.array([[[5], [9]]]), np.array([[[5], [9]]]))
    assert (found.df, found.p_value) == (0, 1.0)
