"""The SQL tables of people, proposals, jobs and the ledger, as SQLAlchemy models.

Ledger, evidence, moves, deployments, policies and targets are only ever added to: triggers that migrations make refuse
anything else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.tables import Base

__all__ = [
    "AccessTokenRow",
    "AccountIdentityRow",
    "AccountRow",
    "DeploymentRow",
    "EvidenceRow",
    "JobLogRow",
    "JobRow",
    "LedgerRow",
    "ProposalMoveRow",
    "ProposalRow",
    "ScheduleRow",
    "SigningPolicyRow",
    "TargetRow",
]


class AccountRow(Base):
    """A person who signs in."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    roles: Mapped[list[str]]
    password_hash: Mapped[str] = mapped_column(Text)
    n_failures: Mapped[int]
    locked_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))


class AccessTokenRow(Base):
    """A token that stands for an account until it expires; only its hash is kept.

    `created_at` is when its owner last gave the password for it, or as their provider says; `is_proved` is false where
    a provider didn't say. `scopes` are the rights that it is for, None for all that its owner has.
    """

    __tablename__ = "access_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(20))
    scopes: Mapped[list[str] | None]
    created_at: Mapped[datetime]
    is_proved: Mapped[bool] = mapped_column(server_default=true(), default=True)
    expires_at: Mapped[datetime]


class AccountIdentityRow(Base):
    """Who an account is to an identity provider: whoever has this claim there comes in as this account."""

    __tablename__ = "account_identity"
    __table_args__ = (UniqueConstraint("issuer", "claim", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(500))
    claim: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(255))
    tied_at: Mapped[datetime]
    tied_by: Mapped[str] = mapped_column(String(200))


class DeploymentRow(Base):
    """From this instant on a version of a model is in force, or none is."""

    __tablename__ = "deployment"
    __table_args__ = (Index("ix_deployment_model_id_at", "model_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    version: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[datetime]
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), unique=True)


class ProposalRow(Base):
    """Something that is asked for, and where it stands."""

    __tablename__ = "proposal"
    __table_args__ = (Index("ix_proposal_model_id_state", "model_id", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    kind: Mapped[str] = mapped_column(String(20))
    version: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    requester: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    arguments: Mapped[dict[str, Any]]
    evidence_sha256: Mapped[str] = mapped_column(ForeignKey("evidence.sha256"))
    origin: Mapped[str | None] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime]


class EvidenceRow(Base):
    """Frozen evidence, named by its SHA-256."""

    __tablename__ = "evidence"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[str] = mapped_column(Text)
    frozen_at: Mapped[datetime]


class ProposalMoveRow(Base):
    """Who moved a proposal, from where to where, with what words and on which evidence."""

    __tablename__ = "proposal_move"

    id: Mapped[int] = mapped_column(primary_key=True)
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), index=True)
    move: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    evidence_sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    ledger_seq: Mapped[int] = mapped_column(BigInteger)
    details: Mapped[dict[str, Any] | None]


class SigningPolicyRow(Base):
    """Rules of signing that were put in force: of a model, or, without one, of a tier; only ever added to."""

    __tablename__ = "signing_policy"
    __table_args__ = (Index("ix_signing_policy_model_id_tier", "model_id", "tier"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int | None] = mapped_column(ForeignKey("model.id"))
    tier: Mapped[str] = mapped_column(String(20))
    rules: Mapped[dict[str, Any]]
    proposal_id: Mapped[int] = mapped_column(ForeignKey("proposal.id"), unique=True)
    at: Mapped[datetime]
    ledger_seq: Mapped[int] = mapped_column(BigInteger)


class TargetRow(Base):
    """Where versions of a model are put in force from then on; without `config`, in Plumbline's own registry alone."""

    __tablename__ = "target"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    config: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(String(200))
    ledger_seq: Mapped[int] = mapped_column(BigInteger)


class JobRow(Base):
    """What a worker does or did; the id is the durable workflow's."""

    __tablename__ = "job"
    __table_args__ = (UniqueConstraint("proposal_id", "attempt"),)

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    proposal_id: Mapped[int | None] = mapped_column(ForeignKey("proposal.id"))
    attempt: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))
    progress: Mapped[float]
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobLogRow(Base):
    """One line of a job's log."""

    __tablename__ = "job_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), index=True)
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)


class ScheduleRow(Base):
    """When a model is analysed every night, in its own time zone."""

    __tablename__ = "schedule"

    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), primary_key=True)
    minute: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))


class LedgerRow(Base):
    """One entry of the ledger; `objects` is canonical JSON, as it was hashed."""

    __tablename__ = "ledger"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(100))
    objects: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
