"""Drift scores as other monitors compute them, to the digit, each by its name.

"Drift" numbers of one name differ by bins, zero rule, logarithm and normaliser. `CONVENTIONS` names each
combination, so that a number from elsewhere can be checked, or shown beside Plumbline's own.
Samples are arrays of shape (n,): numbers are numeric, anything else is categorical. Missing values
(NaN, None) are left out. The monitors' default alarm rules are `EvidentlyDefault` and `NannymlDefault`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from core.drift.peers import evidently, nannyml, others
from core.drift.peers.defaults import EvidentlyDefault, NannymlDefault, evidently_drifted, nannyml_alerts
from core.drift.peers.samples import DriftScore, Sample, is_numeric, present
from core.errors import UnknownNameError

__all__ = [
    "CONVENTIONS",
    "DriftScore",
    "EvidentlyDefault",
    "NannymlDefault",
    "drift_score",
    "evidently_drifted",
    "nannyml_alerts",
]


def drift_score(convention: str, reference: Sample, current: Sample) -> DriftScore:
    """How far has a column drifted, by a named convention of another monitor?

    Parameters
    ----------
    convention : str
        A key of `CONVENTIONS`, such as 'nannyml.jensen_shannon'.
    reference, current : arrays of shape (n_reference,) and (n_current,)

    Raises
    ------
    UnknownNameError
        If there is no convention of that name.
    ValueError
        If a side has no value, or the convention is not for this kind of column.

    Examples
    --------
    >>> import numpy as np
    >>> reference, current = np.array(["a", "a", "b"]), np.array(["a", "b", "b"])
    >>> round(drift_score("nannyml.l_infinity", reference, current).value, 4)
    0.3333
    """
    if convention not in CONVENTIONS:
        raise UnknownNameError("convention", convention, CONVENTIONS)
    reference, current = present(reference), present(current)
    if not (reference.size and current.size):
        raise ValueError(f"{convention} needs at least one value on both sides.")
    if is_numeric(reference) != is_numeric(current):
        raise ValueError(f"{convention}: one side is numeric, the other is not.")
    return CONVENTIONS[convention](reference, current)


CONVENTIONS: Mapping[str, Callable[[Sample, Sample], DriftScore]] = MappingProxyType(
    {
        "classic.psi": others.classic_psi,
        "deepchecks.cramers_v": others.deepchecks_cramers_v,
        "deepchecks.earth_mover": others.deepchecks_earth_mover,
        "deepchecks.kolmogorov_smirnov": others.deepchecks_kolmogorov_smirnov,
        "deepchecks.psi": others.deepchecks_psi,
        "evidently.anderson_darling": evidently.anderson_darling,
        "evidently.chi_square": evidently.chi_square,
        "evidently.cramer_von_mises": evidently.cramer_von_mises,
        "evidently.energy": evidently.energy,
        "evidently.epps_singleton": evidently.epps_singleton,
        "evidently.fisher_exact": evidently.fisher_exact,
        "evidently.g_test": evidently.g_test,
        "evidently.hellinger": evidently.hellinger,
        "evidently.jensen_shannon": evidently.jensen_shannon,
        "evidently.kolmogorov_smirnov": evidently.kolmogorov_smirnov,
        "evidently.kullback_leibler": evidently.kullback_leibler,
        "evidently.mann_whitney": evidently.mann_whitney,
        "evidently.psi": evidently.psi,
        "evidently.t_test": evidently.t_test,
        "evidently.total_variation": evidently.total_variation,
        "evidently.wasserstein": evidently.wasserstein,
        "evidently.z_test": evidently.z_test,
        "fiddler.psi": others.fiddler_psi,
        "frouros.chi_square": others.frouros_chi_square,
        "frouros.earth_mover": others.frouros_earth_mover,
        "frouros.energy": others.frouros_energy,
        "frouros.hellinger": others.frouros_hellinger,
        "frouros.jensen_shannon": others.frouros_jensen_shannon,
        "frouros.kolmogorov_smirnov": others.frouros_kolmogorov_smirnov,
        "frouros.kullback_leibler": others.frouros_kullback_leibler,
        "frouros.psi": others.frouros_psi,
        "nannyml.chi_square": nannyml.chi_square,
        "nannyml.hellinger": nannyml.hellinger,
        "nannyml.jensen_shannon": nannyml.jensen_shannon,
        "nannyml.kolmogorov_smirnov": nannyml.kolmogorov_smirnov,
        "nannyml.l_infinity": nannyml.l_infinity,
        "nannyml.wasserstein": nannyml.wasserstein,
        "popmon.chi_square": others.popmon_chi_square,
        "popmon.kullback_leibler": others.popmon_kullback_leibler,
        "popmon.psi": others.popmon_psi,
        "tfdv.jensen_shannon": others.tfdv_jensen_shannon,
        "tfdv.l_infinity": others.tfdv_l_infinity,
    }
)
