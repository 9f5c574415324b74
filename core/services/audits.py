"""Ask how groups are treated: under a policy, within groups, at other thresholds, inside strata, and why it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, UnknownNameError
from core.fairness.conditional import ConditionalGap, conditional_gaps
from core.fairness.decomposition import GapDecomposition
from core.fairness.groups import GroupRates
from core.fairness.policy import Against, FairnessPolicy
from core.governance.identity import Actor, Right, allowed
from core.profile.spec import CALIBRATION, EXPLORED, crossing_name, crossings_of, joint_table, loss_table
from core.report.fairness import FairnessPage
from core.report.local_law_144 import LocalLaw144
from core.schema import ModelSchema
from core.services.audit_documents import fairness_page, local_law_144
from core.services.chart_marks import ChartMark, chart_marks
from core.services.fairness import FairnessReport, fairness_report
from core.services.fairness_crossings import IntersectionReport, intersection_report
from core.services.fairness_detail import AttributeDetail, attribute_detail, gap_change, peer_measures
from core.services.fairness_policies import PolicyShelf, read_policies
from core.services.fairness_rates import DECISIONS, Outcome, labelled_span, rates_of, span_to
from core.services.observations import Observations, Selection
from core.storage.database import Database
from core.storage.repository import Repository

if TYPE_CHECKING:
    from core.fairness.conventions.fairlearn import FairlearnMeasure

__all__ = ["AuditRequest", "FairnessAuditService", "load_audited"]

LOCAL_LAW = "nyc-local-law-144"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What is audited and how: rows of a model, a policy (the model's own by default), whom to compare with.

    ``of_class`` makes one class of many the positive and the favourable one.
    """

    model: str
    selection: Selection = Selection()  # noqa: RUF009 (frozen)
    policy: str | None = None
    against: Against | None = None
    of_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessAuditService:
    """Fairness audits from count tables; `folder` holds the policies that somebody wrote."""

    database: Database
    folder: Path

    @allowed(Right.READ)
    def policies(self, actor: Actor) -> PolicyShelf:  # noqa: ARG002 (every service call takes the actor)
        """The policies at hand, and the files that couldn't be read."""
        return read_policies(self.folder)

    @allowed(Right.READ)
    def policy(self, actor: Actor, request: AuditRequest) -> FairnessPolicy:  # noqa: ARG002
        """The policy that an audit follows."""
        return self._policy(request)

    @allowed(Right.READ)
    def marks(self, actor: Actor, model: str) -> tuple[ChartMark, ...]:  # noqa: ARG002
        """What people did that a gap may have followed: versions put in force, decisions on proposals."""
        with self.database.read() as session:
            return chart_marks(session, Repository(session).model(model))

    @allowed(Right.READ)
    def report(self, actor: Actor, request: AuditRequest) -> FairnessReport | None:  # noqa: ARG002
        """Who is treated differently, by how much, signal or noise; None without a reference."""
        found = self._load(request)
        if found is None:
            return None
        return fairness_report(found, policy=self._policy(request), of_class=request.of_class)

    @allowed(Right.READ)
    def intersections(self, actor: Actor, request: AuditRequest) -> IntersectionReport | None:  # noqa: ARG002
        """Who is treated differently within groups; None without a reference."""
        found = self._load(request, crossed=True)
        if found is None:
            return None
        outcome = Outcome.of(found, request.of_class)
        return intersection_report(found, policy=self._policy(request), outcome=outcome)

    @allowed(Right.READ)
    def detail(self, actor: Actor, request: AuditRequest, attribute: str) -> AttributeDetail | None:  # noqa: ARG002
        """One attribute closely: odds, the score, calibration, what excludes what; None without a reference."""
        found = self._load(request, of=attribute)
        if found is None:
            return None
        outcome = Outcome.of(found, request.of_class)
        return attribute_detail(found, attribute, policy=self._policy(request), outcome=outcome)

    @allowed(Right.READ)
    def peers(self, actor: Actor, request: AuditRequest, attribute: str) -> tuple[FairlearnMeasure, ...]:  # noqa: ARG002
        """What Fairlearn prints of the same counts."""
        found = self._load(request, of=attribute)
        if found is None:
            return ()
        outcome = Outcome.of(found, request.of_class)
        return peer_measures(found, attribute, policy=self._policy(request), outcome=outcome)

    @allowed(Right.READ)
    def change(self, actor: Actor, request: AuditRequest, attribute: str, group: str) -> GapDecomposition | None:  # noqa: ARG002
        """Why a group's gap in selections moved since the reference; None where that can't be asked."""
        found = self._load(request, of=attribute)
        return None if found is None else gap_change(found, attribute, group, outcome=Outcome.of(found, None))

    @allowed(Right.READ)
    def conditional(
        self,
        actor: Actor,  # noqa: ARG002
        request: AuditRequest,
        attribute: str,
        *,
        by: str,
        rate: str = DECISIONS,
    ) -> tuple[ConditionalGap, ...]:
        """Groups compared inside the values of a segment column, and pooled.

        Raises
        ------
        InputError
            If the selection is inside a segment already.
        UnknownNameError
            If `by` is no segment column, or the attribute itself.
        """
        if request.selection.segment:
            raise InputError("Rows of one segment can't be cut by segments again; choose everyone.")
        whole = self._load(request, of=attribute)
        if whole is None:
            return ()
        columns = [name for name in whole.spec.segments if name != attribute]
        if by not in columns:
            raise UnknownNameError("segment column", by, columns)
        context, policy, outcome = whole.context, self._policy(request), Outcome.of(whole, request.of_class)
        windows = span_to(context, context.windows) if rate == DECISIONS else labelled_span(whole)
        strata: dict[str, GroupRates] = {}
        for value in whole.spec.segment_values(by):
            selection = replace(request.selection, segment=f"{by}={value}", window=None)
            inside = self._load(replace(request, selection=selection), of=attribute)
            if inside is not None:
                strata[value] = rates_of(inside, attribute, windows, policy, outcome)
        return conditional_gaps(strata, attribute=attribute, rate=rate)

    @allowed(Right.READ)
    def page(self, actor: Actor, request: AuditRequest, *, rate: str = DECISIONS) -> FairnessPage | None:  # noqa: ARG002
        """The audit on one page in plain words, small groups hidden; None without a reference."""
        found = self._load(request)
        if found is None:
            return None
        report = fairness_report(found, policy=self._policy(request), of_class=request.of_class)
        return fairness_page(report, rate=rate)

    @allowed(Right.READ)
    def local_law(
        self,
        actor: Actor,  # noqa: ARG002
        request: AuditRequest,
        *,
        sex: str,
        race: str,
        is_scoring: bool = False,
    ) -> LocalLaw144 | None:
        """The tables of New York City's Local Law 144; None without a reference."""
        found = self._load(request, crossed=True)
        if found is None:
            return None
        for name in (sex, race):
            if name not in found.spec.groups:
                raise UnknownNameError("protected attribute", name, found.spec.groups)
        policy = self._policy(replace(request, policy=request.policy or LOCAL_LAW))
        return local_law_144(found, sex=sex, race=race, policy=policy, is_scoring=is_scoring)

    def _policy(self, request: AuditRequest) -> FairnessPolicy:
        shelf = read_policies(self.folder)
        policy = shelf.of_model(request.model) if request.policy is None else shelf.named(request.policy)
        return policy if request.against is None else policy.model_copy(update={"against": request.against})

    def _load(self, request: AuditRequest, *, of: str | None = None, crossed: bool = False) -> Observations | None:
        return load_audited(self.database, request, of=of, crossed=crossed)


def load_audited(
    database: Database, request: AuditRequest, *, of: str | None = None, crossed: bool = False
) -> Observations | None:
    """The counts that an audit needs: of all attributes or of one, and of groups within groups."""
    with database.read() as session:
        row = Repository(session).model(request.model)
        schema = Repository(session).schema(row)
        names = _tables(schema, of, crossed=crossed)
        return Observations.load(session, row, request.selection, names=names)


def _tables(schema: ModelSchema, of: str | None, *, crossed: bool) -> Sequence[str]:
    if of is not None and of not in schema.protected:
        raise UnknownNameError("protected attribute", of, schema.protected)
    attributes = list(schema.protected) if of is None else [of]
    if crossed:
        attributes += [crossing_name(names) for names, _, _ in crossings_of(dict.fromkeys(schema.protected, ()))]
    return [CALIBRATION, EXPLORED, *(table(name) for name in attributes for table in (joint_table, loss_table))]
