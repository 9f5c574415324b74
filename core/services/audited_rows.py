"""Ask of the rows kept at hand what counts can't answer about fairness; single records are for those who audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, UnknownNameError
from core.fairness.groups import RATES
from core.governance.identity import Actor, Right, allowed
from core.record import BatchRole
from core.services.audits import AuditRequest, load_audited
from core.services.fairness_policies import read_policies
from core.services.fairness_rates import DECISIONS, Outcome, labelled_span, span_to
from core.services.fairness_rows import (
    AuditedRows,
    GroupRecords,
    SampleBasis,
    codes_of,
    consistency_of,
    proxies_of,
    records_of,
    subgroups_of,
)
from core.services.samples import SampleService
from core.storage.database import Database

if TYPE_CHECKING:
    from core.fairness.individual import Consistency
    from core.fairness.proxies import ProxyCheck
    from core.fairness.subgroups import SubgroupScan

__all__ = ["AuditedRowsService"]

MOST_RECORDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedRowsService:
    """Questions about fairness that need rows: each answer comes with the sample that it rests on."""

    database: Database
    samples: SampleService
    folder: Path

    @allowed(Right.READ)
    def subgroups(
        self, actor: Actor, request: AuditRequest, *, rate: str = DECISIONS, depth: int = 2
    ) -> tuple[SubgroupScan, SampleBasis] | None:
        """For whom a rate is worst, found on one half of the sample and confirmed on the other; None without rows."""
        rows = self._rows(actor, request, rate)
        if rows is None:
            return None
        least = read_policies(self.folder).of_model(request.model).min_support
        return subgroups_of(rows, rate, depth=depth, min_rows=least), rows.basis

    @allowed(Right.READ)
    def proxies(self, actor: Actor, request: AuditRequest, attribute: str) -> tuple[ProxyCheck, SampleBasis] | None:
        """How well the features give a protected attribute away, and which of them; None without rows."""
        rows = self._rows(actor, request, DECISIONS)
        return None if rows is None else (proxies_of(rows, attribute), rows.basis)

    @allowed(Right.READ)
    def consistency(self, actor: Actor, request: AuditRequest) -> tuple[Consistency, SampleBasis] | None:
        """Whether rows that are alike in their features are decided alike; None without rows.

        Raises
        ------
        InputError
            If rows are too few, or no feature tells them apart.
        """
        rows = self._rows(actor, request, DECISIONS)
        return None if rows is None else (consistency_of(rows), rows.basis)

    @allowed(Right.AUDIT)
    def records(
        self,
        actor: Actor,
        request: AuditRequest,
        where: Mapping[str, str],
        *,
        rate: str = DECISIONS,
        counts: bool | None = None,
        limit: int = 50,
    ) -> tuple[GroupRecords, SampleBasis] | None:
        """Sampled records of one group, or of a group within groups.

        Parameters
        ----------
        where : mapping of protected attribute to group
        rate : str
            Only records in its denominator.
        counts : bool, optional
            Those that the rate counts, or those that it doesn't; both by default.
        limit : int
            Records at most, 1 to 200.
        """
        if not 1 <= limit <= MOST_RECORDS:
            raise InputError(f"1 to {MOST_RECORDS} records can be shown, not {limit}.")
        rows = self._rows(actor, request, rate)
        return None if rows is None else (records_of(rows, where, rate=rate, counts=counts, limit=limit), rows.basis)

    def _rows(self, actor: Actor, request: AuditRequest, rate: str) -> AuditedRows | None:
        """The sample of the windows that a rate is told over; None without a reference, or without a row."""
        if rate not in RATES:
            raise UnknownNameError("rate", rate, RATES)
        found = load_audited(self.database, request)
        if found is None:
            return None
        context, selection = found.context, request.selection
        windows = span_to(context, context.windows) if rate == DECISIONS else labelled_span(found)
        frame = self.samples.rows(
            actor,
            request.model,
            role=BatchRole.REFERENCE if context.shows_reference else BatchRole.PRODUCTION,
            windows=[window.window.key for window in windows],
            version=selection.version,
        )
        column, _, value = selection.segment.partition("=")
        if column:
            codes = codes_of(frame[column], found.spec.segments[column])
            frame = frame[codes == found.spec.segment_values(column).index(value)].reset_index(drop=True)
        if not len(frame):
            return None
        basis = SampleBasis(n=len(frame), n_rows=sum(window.n for window in windows), n_windows=len(windows))
        outcome = Outcome.of(found, request.of_class)
        return AuditedRows(frame=frame, basis=basis, schema=found.schema, spec=found.spec, outcome=outcome)
