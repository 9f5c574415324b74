"""For whom does the candidate get worse: slices that are found on one half of the rows and confirmed on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.compare.means import PairedMeans, RowValues, paired_means
from core.compare.paired import PairedDifference, paired_difference
from core.compare.rows import Groups
from core.compare.slices import worse_slices
from core.compare.verdicts import Verdict
from core.errors import InputError
from core.stats.multiplicity import holm, simultaneous

__all__ = ["ConfirmedSlice", "SliceConfirmation", "confirm_slices"]

Bools = NDArray[np.bool_]
FINDING = 0.6  # the confidence that the search works at: one find in five may be false, the other half tells


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedSlice:
    """A slice as the search saw it, and as the other half of the rows shows it; only the latter is unbiased."""

    found: PairedDifference
    held_out: PairedDifference

    @property
    def is_confirmed(self) -> bool:
        """Whether the other half shows it worse by more than the margin too."""
        return self.held_out.verdict is Verdict.WORSE


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceConfirmation:
    """What the search on one half tried and found, and which of the slices found the other half confirms."""

    n_tried: int
    n_finding: int
    n_confirming: int
    slices: tuple[ConfirmedSlice, ...]
    why: str

    @property
    def confirmed(self) -> tuple[ConfirmedSlice, ...]:
        """The slices that both halves show."""
        return tuple(found for found in self.slices if found.is_confirmed)


def confirm_slices(
    values: Sequence[RowValues],
    groups: Mapping[str, Groups],
    finding: Bools,
    *,
    margins: Mapping[str, float],
    min_rows: int,
    depth: int = 2,
    confidence: float = 0.95,
) -> SliceConfirmation:
    """In which slices is the candidate worse by more than the margin, and is that so on rows the search didn't see?

    Parameters
    ----------
    values, groups, margins, min_rows, depth :
        As in `core.compare.slices.worse_slices`.
    finding : bool array of shape (n_rows,)
        The rows to search; the others confirm. Which is which may depend on nothing but chance, or on time: what is
        found in old rows and confirmed in new ones still holds.
    confidence : float
        That no slice is confirmed by chance.

    Returns
    -------
    SliceConfirmation
        Each slice found, with its difference on the other half: WORSE where a one-sided test against the margin holds
        after Holm over all slices found, INSUFFICIENT with fewer rows there than asked for, else CANNOT_TELL. Its
        interval is Bonferroni's over the slices found.

    Raises
    ------
    InputError
        If `finding` has another length than the rows.

    References
    ----------
    D. R. Cox (1975), on splitting data, doi:10.1093/biomet/62.2.441; S. Holm (1979), Scandinavian Journal of
    Statistics 6(2), 65-70.
    """
    if any(finding.shape != value.usable.shape for value in values):
        raise InputError(f"finding must say of each row whether to search it, got the shape {finding.shape}.")
    scan = worse_slices(
        [replace(value, usable=value.usable & finding) for value in values],
        groups,
        margins=margins,
        min_rows=min_rows,
        depth=depth,
        confidence=FINDING,
    )
    others = {value.measure: replace(value, usable=value.usable & ~finding) for value in values}
    means = [_means(others[found.measure], groups, found) for found in scan.worse]
    p_values = [
        float(mean.harm_p_values(margin=found.margin, higher_is_better=bool(found.higher_is_better))[1])
        if mean.n[1] >= min_rows
        else 1.0
        for found, mean in zip(scan.worse, means, strict=True)
    ]
    shown = [
        paired_difference(
            others[found.measure],
            mean,
            1,
            margin=found.margin,
            min_rows=min_rows,
            confidence=simultaneous(confidence, len(means)),
            where=found.where,
        )
        for found, mean in zip(scan.worse, means, strict=True)
    ]
    adjusted = holm(p_values).tolist()
    slices = tuple(
        ConfirmedSlice(found=found, held_out=_judged(held_out, p_value, n_found=len(means), confidence=confidence))
        for found, held_out, p_value in zip(scan.worse, shown, adjusted, strict=True)
    )
    n_confirmed = sum(each.is_confirmed for each in slices)
    return SliceConfirmation(
        n_tried=scan.n_tried,
        n_finding=int(finding.sum()),
        n_confirming=int((~finding).sum()),
        slices=slices,
        why=_in_words(scan.why, scan.n_tried, len(slices), n_confirmed),
    )


def _means(values: RowValues, groups: Mapping[str, Groups], found: PairedDifference) -> PairedMeans:
    """The means over all other rows and, in cell 1, over those of the slice."""
    inside = np.ones(values.usable.shape, dtype=bool)
    for column, name in found.where:
        inside &= groups[column].codes == groups[column].names.index(name)
    return paired_means(values, inside.astype(np.int64), n_cells=2)


def _judged(shown: PairedDifference, p_value: float, *, n_found: int, confidence: float) -> PairedDifference:
    if shown.verdict in (Verdict.UNDEFINED, Verdict.INSUFFICIENT):
        return shown
    verdict = Verdict.WORSE if p_value <= (1 - confidence) / 2 else Verdict.CANNOT_TELL
    convention = f"rows the search didn't see; one-sided p against the margin, Holm over {n_found:,} found"
    return replace(shown, verdict=verdict, p_value=p_value, convention=convention)


def _in_words(scan: str, n_tried: int, n_found: int, n_confirmed: int) -> str:
    if not n_tried:
        return scan
    if not n_found:
        return f"{n_tried:,} slices were tried on one half of the rows; none was found worse."
    confirmed = f"{n_confirmed:,} of the {n_found:,}" if n_confirmed else f"none of the {n_found:,}"
    return f"{n_tried:,} slices were tried on one half of the rows; the other half confirms {confirmed} found."
