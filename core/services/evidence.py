"""What a proposal rests on: the report that people read, and the digests of all that it speaks of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError
from core.governance.evidence import Evidence, Subject, digest_of, stale_because
from core.governance.identity import WORKER, Actor
from core.governance.policy import PolicyChange, RiskTier
from core.governance.proposals import ProposalKind
from core.record import BatchRole
from core.schema import Task
from core.services.acceptance import Acceptance, alert_digest, margin_digest
from core.services.acceptance_evidence import acceptance_report
from core.services.analysis import ALARMS, AnalysisService
from core.services.baseline import Period
from core.services.baseline_evidence import baseline_report
from core.services.comparison import Compared, ComparisonService
from core.services.dry_run import dry_run
from core.services.fleet import ModelSummary
from core.services.learnable import check_learnable
from core.services.maturity import MaturityService
from core.services.mitigation_curve import frozen_curve
from core.services.observations import WindowInfo
from core.services.placement import target_digest, target_report
from core.services.profiles import ProfileService
from core.services.retraining import excluded_windows, recipe_of
from core.services.selective import SelectiveService
from core.services.signing_policy import TIER_SUBJECT, changed, policy_for, policy_of, tier_policy
from core.services.versions import deployed, version_digest
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of
from core.storage.repository import Repository
from core.storage.tables import BatchRow, ModelRow

__all__ = ["EvidenceService"]

MAX_FINDINGS = 200
BY_KIND: Mapping[str, Callable[[Session, ModelRow, str], str | None]] = {
    "margin of series": margin_digest,
    "alert": alert_digest,
    "target": lambda session, model, _: target_digest(session, model),
}
NOTHING_TO_COMPARE = "No version is in force: there is nothing to compare with."


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceService:
    """Freeze evidence, and say whether it still holds. Services use it; it checks no rights of its own."""

    database: Database
    files: WorkspaceFiles
    artefacts: WorkspaceFiles
    profiles: ProfileService
    analysis: AnalysisService
    comparisons: ComparisonService
    maturity: MaturityService
    selective: SelectiveService
    clock: Callable[[], datetime]

    def freeze(
        self, actor: Actor, model: str, kind: ProposalKind, version: str | None, arguments: Mapping[str, Any]
    ) -> Evidence:
        """The evidence of a proposal as things stand.

        Digests are those of one snapshot, taken before the report is made: whatever changes meanwhile makes the
        evidence stale at birth.

        Raises
        ------
        InputError
            Where there is nothing to rest it on.
        ConflictError
            If records came in meanwhile.
        OutsideError
            If the system that versions are put in force in doesn't tell what is.
        """
        report: dict[str, Any] = {"kind": str(kind), "model": model, "version": version, "arguments": dict(arguments)}
        names = [("policy", "signing"), ("schema", model), ("champion", model)]
        if version is not None:
            names += [("version", version), ("artefact", version), ("state of version", version)]
        with self.database.read() as snapshot:
            row = Repository(snapshot).model(model)
            if kind is ProposalKind.PROMOTE:
                champion = deployed(snapshot, row)
                before = champion.name if champion else None
                margins = policy_of(snapshot, row).policy.margins
                compared = self._compared(actor, model, version or "", before, margins)
                report["champion"] = before
                report["evaluated_until"] = _evaluated_until(snapshot, row, version or "")
                report["comparison"] = compared.to_dict() if compared and compared.comparison else None
                report["why"] = compared.why if compared else NOTHING_TO_COMPARE
                names += [("evaluation", name) for name in (version, before) if name]
                names += _batches(compared.served_in if compared else ())
            elif kind is ProposalKind.POLICY:
                change = PolicyChange.read(arguments)
                report["before"] = policy_for(snapshot, row, kind, arguments).to_dict()
                report["after"] = changed(snapshot, change).to_dict()
                report["dry_run"] = [case.to_dict() for case in dry_run(snapshot, row, change)]
                names = [("policy", "signing"), (TIER_SUBJECT, str(change.of_tier or change.model_tier))]
            elif kind in (ProposalKind.ACCEPT_DRIFT, ProposalKind.REBASELINE):
                said, further = self._of_watch(snapshot, model, kind, arguments)
                report |= said
                names += further
            else:
                if kind is ProposalKind.RETRAIN:
                    check_learnable(snapshot, row)
                self.profiles.refresh(WORKER, model)
                summary = self.analysis.summary(actor, model)
                if summary is None and kind is ProposalKind.RETRAIN:
                    raise InputError(f"{model} has no reference yet: there is nothing that a proposal could rest on.")
                if kind is ProposalKind.RETRAIN:
                    said, further = self._of_learning(snapshot, actor, row, arguments)
                    report |= said
                    names += further
                if summary is not None:
                    report["monitoring"] = self._monitoring(actor, model, summary)
                    names += [("reference", model), *_batches(self._looked_at(snapshot, model, _windows_of(summary)))]
            if (placed := target_report(snapshot, row, kind, version)) is not None:
                report["target"] = placed
                names.append(("target", model))
            found = [(kind_, name, self._digest(snapshot, row, kind_, name)) for kind_, name in dict.fromkeys(names)]
        if any(digest is None and kind_ == "batch" for kind_, _, digest in found):
            raise ConflictError("While the evidence was gathered, records came in: try again.")
        subjects = [Subject(kind=kind_, name=name, digest=digest) for kind_, name, digest in found if digest]
        return Evidence.freeze(report, subjects, now=self.clock())

    def stale(self, session: Session, model: ModelRow, evidence: Evidence, *, deep: bool = False) -> tuple[str, ...]:
        """Why evidence no longer holds, () while it does; `deep` reads the files anew."""
        current = self.current(session, model, evidence, deep=deep)
        return stale_because(evidence, current, now=self.clock(), max_age_days=_max_age(session, model))

    def current(
        self, session: Session, model: ModelRow, evidence: Evidence, *, deep: bool = False
    ) -> dict[tuple[str, str], str | None]:
        """The digest now of each thing that evidence speaks of; `deep` reads the files anew."""
        return {
            (subject.kind, subject.name): self._digest(session, model, subject.kind, subject.name, deep=deep)
            for subject in evidence.subjects
        }

    def fresh_until(self, session: Session, model: ModelRow, evidence: Evidence) -> datetime:
        """When evidence becomes too old, if nothing changes before."""
        return evidence.frozen_at + timedelta(days=_max_age(session, model))

    def stale_artefact(self, session: Session, model: ModelRow, evidence: Evidence) -> tuple[str, ...]:
        """Of a version in force: whether what was approved is still what is registered and stored."""
        lasting = [subject for subject in evidence.subjects if subject.kind in ("version", "artefact")]
        found = {(s.kind, s.name): self._digest(session, model, s.kind, s.name, deep=True) for s in lasting}
        return tuple(f"{s} has changed since it was approved" for s in lasting if found[s.kind, s.name] != s.digest)

    def _of_learning(
        self, snapshot: Session, actor: Actor, model: ModelRow, arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """What is said of the records that a retraining learns from, and the names of what that rests on."""
        report = self._labels(actor, model.name, arguments)
        recipe = recipe_of(Repository(snapshot).schema(model), arguments)
        curve = frozen_curve(snapshot, self.files, model.name, recipe, arguments, now=self.clock())
        if curve is None:
            return report, []
        return report | {"mitigation": curve.to_dict() | {"asked": curve.asked}}, [
            ("batch", str(batch)) for batch in curve.batches
        ]

    def _of_watch(
        self, snapshot: Session, model: str, kind: ProposalKind, arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """What is said of a drift or a period, and the names of what that rests on."""
        self.profiles.refresh(WORKER, model)
        names = [("reference", model)]
        with self.database.read() as session:
            row = Repository(session).model(model)
            if kind is ProposalKind.ACCEPT_DRIFT:
                asked = Acceptance.read(arguments)
                said, windows = acceptance_report(session, row, asked)
                names += [("margin of series", asked.series), ("alert", str(asked.alert))]
            else:
                said, windows = baseline_report(session, row, Period.read(arguments))
                names += [("alert", str(alert["id"])) for alert in said["alerts"]]
        return said, [*names, *_batches(self._looked_at(snapshot, model, windows))]

    def _compared(
        self, actor: Actor, model: str, version: str, champion: str | None, margins: Mapping[str, float]
    ) -> Compared | None:
        if champion is None:
            return None
        if champion == version:
            raise InputError(f"{version} is the version in force already.")
        found = self.comparisons.compare(actor, model, version, champion, margins=margins)
        if found.comparison is None:
            raise InputError(f"{version} can't be compared with {champion}: {found.why}")
        return found

    def _monitoring(self, actor: Actor, model: str, summary: ModelSummary) -> dict[str, Any]:
        """The five verdicts, and the findings of the windows they look at."""
        windows = {window.name for window in _windows_of(summary)}
        measures = self.analysis.analyse(actor, model).findings
        findings = [m for m in measures if m.window in windows and m.status in ALARMS]
        return {
            "status": str(summary.status),
            "verdicts": [
                {
                    "family": str(verdict.family),
                    "status": str(verdict.status),
                    "window": verdict.window.name if verdict.window else None,
                    "since": verdict.since.name if verdict.since else None,
                    "measure": verdict.measure.to_dict() if verdict.measure else None,
                }
                for verdict in summary.verdicts
            ],
            "n_findings": len(findings),
            "findings": [measure.to_dict() for measure in findings[:MAX_FINDINGS]],
        }

    def _labels(self, actor: Actor, model: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the model chose the labels that it would learn from, of a binary model: as counted now."""
        found = self.selective.report(
            actor, model, maturity=self.maturity.report(actor, model), excluded=excluded_windows(arguments)
        )
        return {} if found is None or found.context.task is not Task.BINARY else {"labels": found.to_dict()}

    def _looked_at(self, snapshot: Session, model: str, windows: Sequence[WindowInfo]) -> list[int]:
        """The batches of the windows that the report looks at: those of the snapshot, and any that came in since."""
        spans = [(w.window.start_at, w.window.end_at) for w in windows]
        starts, ends = [start for start, _ in spans if start], [end for _, end in spans if end]
        found: set[int] = set()
        with self.database.read() as session:
            for repository in (Repository(snapshot), Repository(session)):
                for batch in repository.batches(repository.model(model), roles=[BatchRole.PRODUCTION]):
                    timed = starts and ends and batch.first_at is not None and batch.last_at is not None
                    if not timed or _overlaps(batch, min(starts), max(ends)):
                        found.add(batch.id)
        return sorted(found)

    def _digest(  # noqa: PLR0911 (one line for each kind of thing)
        self, session: Session, model: ModelRow, kind: str, name: str, *, deep: bool = False
    ) -> str | None:
        """The digest of one thing now; None where it is gone."""
        repository = Repository(session)
        if kind in BY_KIND:
            return BY_KIND[kind](session, model, name)
        match kind:
            case "policy":
                return policy_of(session, model).policy.digest
            case "policy of tier":
                return tier_policy(session, RiskTier(name)).policy.digest
            case "schema":
                return repository.schema_row(model).digest
            case "champion":
                champion = deployed(session, model)
                return digest_of({"champion": champion.name if champion else None})
            case "version" | "state of version" | "artefact":
                return self._of_version(repository, model, kind, name, deep=deep)
            case "reference":
                return self._records(session, repository.reference(model), deep=deep)
            case "evaluation":
                batches = repository.batches(model, roles=[BatchRole.EVALUATION])
                return self._records(session, [b for b in batches if b.evaluated_version == name], deep=deep)
            case "batch" | "labels of batch":
                batch = session.get(BatchRow, int(name))
                if batch is None or batch.model_id != model.id or batch.retracted_at is not None:
                    return None
                if kind == "batch":
                    return self._files([batch.records_sha256], deep=deep)
                return self._files([label.labels_sha256 for label in repository.label_batches_of(batch)], deep=deep)
            case _:
                return None

    def _of_version(self, repository: Repository, model: ModelRow, kind: str, name: str, *, deep: bool) -> str | None:
        """A version's own digest, its state's or its artefact's; None where one is gone or altered."""
        if name not in repository.versions(model):
            return None
        version = repository.version(model, name)
        if kind != "artefact":
            return version_digest(version) if kind == "version" else digest_of(version.state)
        sha256 = version.artefact_sha256
        if sha256 is None:
            return digest_of("no artefact")
        return sha256 if not deep or _holds(self.artefacts, sha256) else None

    def _records(self, session: Session, batches: Sequence[BatchRow], *, deep: bool) -> str | None:
        """Names the records of some batches and their labels."""
        labels = [label for batch in batches for label in Repository(session).label_batches_of(batch)]
        digests = [batch.records_sha256 for batch in batches] + [label.labels_sha256 for label in labels]
        return self._files(digests, deep=deep)

    def _files(self, digests: Sequence[str], *, deep: bool) -> str | None:
        """Names these files; None where one is gone or altered."""
        if deep and not all(_holds(self.files, digest) for digest in digests):
            return None
        return digest_of(list(digests))


def _max_age(session: Session, model: ModelRow) -> float:
    return policy_of(session, model).policy.max_age_days


def _evaluated_until(session: Session, model: ModelRow, version: str) -> str | None:
    """The time of a version's newest evaluation record, or of the taking in of those that bear none."""
    batches = Repository(session).batches(model, roles=[BatchRole.EVALUATION])
    times = [b.last_at or b.created_at for b in batches if b.evaluated_version == version]
    return max(times).isoformat() if times else None


def _batches(ids: Iterable[int]) -> Iterator[tuple[str, str]]:
    for batch_id in ids:
        yield "batch", str(batch_id)
        yield "labels of batch", str(batch_id)


def _holds(files: WorkspaceFiles, sha256: str) -> bool:
    path = files.path(sha256)
    return path.exists() and sha256_of(path) == sha256


def _windows_of(summary: ModelSummary) -> list[WindowInfo]:
    focus = [summary.context.focus] if summary.context.focus else []
    return focus + [verdict.window for verdict in summary.verdicts if verdict.window is not None]


def _overlaps(batch: BatchRow, start: datetime, end: datetime) -> bool:
    return batch.first_at is not None and batch.last_at is not None and batch.first_at < end and batch.last_at >= start
