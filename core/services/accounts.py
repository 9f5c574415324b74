"""People: their accounts, signing in, and the tokens that stand for them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.identity import ACCOUNT_ROLES, RESERVED_NAMES, Actor, Right, UserRole, allowed
from core.storage.database import Database
from core.storage.ledger import append
from core.storage.repository import check_name
from core.storage.signing import AccessTokenRow, AccountRow

__all__ = [
    "BROWSER",
    "LOCK",
    "SCOPES",
    "AccountInfo",
    "AccountService",
    "SignedIn",
    "TokenInfo",
    "account_named",
    "issue_token",
    "token_digest",
]

LOCK = "accounts"
MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
BROWSER = timedelta(hours=12)  # how long a browser's session lasts, whatever it began with
LIFETIMES = {"browser": BROWSER, "command": timedelta(days=30)}
MAX_LIFETIME = timedelta(days=366)
SCOPES = tuple(right for right in Right if right not in (Right.SIGN_IN, Right.RUN_JOBS))  # what a token can be for
MIN_PASSWORD, MAX_PASSWORD = 10, 1_000
WRONG = "The name or the password is wrong."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountInfo:
    """A person who may sign in."""

    name: str
    roles: tuple[UserRole, ...]
    is_disabled: bool
    locked_until: datetime | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A token, to be kept secret; it stands for `actor` until it expires."""

    token: str
    actor: Actor
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """A token that stands for somebody: never the token itself, which nobody has but them.

    `proved_at` is when they last proved who they are, by password or as their provider says; None if it didn't say.
    """

    id: int
    name: str
    purpose: str
    scopes: tuple[Right, ...] | None
    proved_at: datetime | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountService:
    """Accounts on this workspace; passwords are kept as argon2id hashes, tokens as SHA-256."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.SIGN_IN)
    def exist(self, actor: Actor) -> bool:  # noqa: ARG002 (every service call takes the actor)
        """Whether there is any account; until then the local operator needs none."""
        with self.database.read() as session:
            return _n_accounts(session) > 0

    @allowed(Right.CONFIGURE)
    def add_first(self, actor: Actor, name: str, password: str) -> AccountInfo:
        """Make the first account, an administrator's; refused once there is one."""
        return self._add(actor, name, password, [UserRole.ADMIN], first=True)

    @allowed(Right.ADMINISTER)
    def add(self, actor: Actor, name: str, password: str, *, roles: Iterable[UserRole]) -> AccountInfo:
        """Make an account; raises ConflictError if the name is taken."""
        return self._add(actor, name, password, roles)

    @allowed(Right.ADMINISTER)
    def list(self, actor: Actor) -> tuple[AccountInfo, ...]:  # noqa: ARG002
        """All accounts, by name."""
        with self.database.read() as session:
            return tuple(_info(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name)))

    @allowed(Right.ADMINISTER)
    def set_roles(self, actor: Actor, name: str, roles: Iterable[UserRole]) -> AccountInfo:
        """Give an account other roles; they hold from its next call on."""
        chosen = _checked_roles(roles)
        with self.database.write(LOCK) as session:
            row = account_named(session, name)
            row.roles = [str(role) for role in chosen]
            _keep_an_admin(session)
            self._note(session, actor, "account.set_roles", row)
            return _info(row)

    @allowed(Right.ADMINISTER)
    def disable(self, actor: Actor, name: str) -> AccountInfo:
        """End an account: its tokens stop at once; what it signed stays."""
        with self.database.write(LOCK) as session:
            row = account_named(session, name)
            row.disabled_at = self.clock()
            session.execute(delete(AccessTokenRow).where(AccessTokenRow.account_id == row.id))
            _keep_an_admin(session)
            self._note(session, actor, "account.disable", row)
            return _info(row)

    @allowed(Right.ADMINISTER)
    def set_password(self, actor: Actor, name: str, password: str) -> AccountInfo:
        """Give an account another password; its tokens stop, and a lock is lifted."""
        hashed = _hasher().hash(_checked_password(password))
        with self.database.write(LOCK) as session:
            row = account_named(session, name)
            row.password_hash, row.n_failures, row.locked_until = hashed, 0, None
            session.execute(delete(AccessTokenRow).where(AccessTokenRow.account_id == row.id))
            self._note(session, actor, "account.set_password", row)
            return _info(row)

    @allowed(Right.SIGN_IN)
    def sign_in(
        self,
        actor: Actor,  # noqa: ARG002
        name: str,
        password: str,
        *,
        purpose: str = "browser",
        scopes: Iterable[Right] | None = None,
        lifetime: timedelta | None = None,
    ) -> SignedIn:
        """Check a password and hand out a token.

        Parameters
        ----------
        purpose : str
            browser (12 hours) or command (30 days).
        scopes : iterable of Right, optional
            What the token is for; all that its owner's roles grant by default, and never more.
        lifetime : timedelta, optional
            How long it lasts, a year at most.

        Raises
        ------
        NotAllowedError
            The same for a wrong name or password.
        InputError
            If there is no such purpose or scope, or it should last longer than a year.
        """
        if purpose not in LIFETIMES:
            raise InputError(f"{purpose!r} is no purpose of a token; it is {' or '.join(LIFETIMES)}.")
        chosen = _checked_scopes(scopes)
        lasts = LIFETIMES[purpose] if lifetime is None else lifetime
        if not timedelta(0) < lasts <= MAX_LIFETIME:
            raise InputError(f"A token lasts from a minute to {MAX_LIFETIME.days} days, not {lasts}.")
        now = self.clock()
        account_id, hashed = self._proved(name, password, now=now)
        with self.database.write(LOCK) as session:
            row = _unlocked(session, account_id, hashed)
            return issue_token(session, row, purpose=purpose, scopes=chosen, proved_at=now, now=now, lasts=lasts)

    @allowed(Right.SIGN_IN)
    def tokens(self, actor: Actor, name: str | None = None) -> tuple[TokenInfo, ...]:
        """The tokens that stand for oneself or, asked by an administrator, for anybody; the newest first.

        Raises NotAllowedError for another person's tokens without the right to administer.
        """
        _own_or_administered(actor, name)
        with self.database.read() as session:
            query = (
                select(AccountRow, AccessTokenRow)
                .join(AccessTokenRow, AccessTokenRow.account_id == AccountRow.id)
                .where(AccountRow.name == (name or actor.name), AccessTokenRow.expires_at > self.clock())
                .order_by(AccessTokenRow.id.desc())
            )
            return tuple(_token_info(account, token) for account, token in session.execute(query))

    @allowed(Right.SIGN_IN)
    def end_token(self, actor: Actor, token_id: int) -> TokenInfo:
        """Make a token of one's own or, as an administrator, anybody's worthless at once.

        Raises UnknownNameError where there is none, or another person's without the right, NotAllowedError by a token
        that is itself for some rights only.
        """
        with self.database.write(LOCK) as session:
            token = session.get(AccessTokenRow, token_id)
            account = None if token is None else session.get(AccountRow, token.account_id)
            is_own = account is not None and account.name == actor.name
            if token is None or account is None or not (is_own or actor.may(Right.ADMINISTER)):
                raise UnknownNameError("token", str(token_id), [str(each.id) for each in self.tokens(actor)])
            if actor.scopes is not None and not actor.may(Right.ADMINISTER):
                raise NotAllowedError(
                    f"The token of {actor.name} is for {', '.join(sorted(actor.scopes))} only: to end tokens takes one "
                    f"without a scope. Get it with `plumbline login {actor.name}`."
                )
            found = _token_info(account, token)
            session.delete(token)
            self._note(session, actor, "account.end_token", account)
            return found

    @allowed(Right.SIGN_IN)
    def confirm(self, actor: Actor, token: str, password: str) -> Actor:
        """Make a sign-in fresh again by the password of whom its token stands for; it expires no later for that.

        A wrong password counts as a failed sign-in. Raises NotAllowedError.
        """
        owner = self.owner(actor, token)
        if owner is None:
            raise NotAllowedError("Your session has ended: sign in anew.")
        now = self.clock()
        account_id, hashed = self._proved(owner.name, password, now=now)
        with self.database.write(LOCK) as session:
            row = _unlocked(session, account_id, hashed)
            of = AccessTokenRow.token_sha256 == token_digest(token), AccessTokenRow.account_id == row.id
            session.execute(update(AccessTokenRow).where(*of).values(created_at=now, is_proved=True))
            return _actor(row, now, owner.scopes)

    def _proved(self, name: str, password: str, *, now: datetime) -> tuple[int, str]:
        """The account whose name and password these are, and the hash that the password was checked against.

        An attempt counts as failed until its password proved right, so that attempts side by side can't
        outrun the lock.
        """
        if not (_is_text(name) and _is_text(password)):
            raise NotAllowedError(WRONG)
        with self.database.write(LOCK) as session:
            is_name = name.isprintable()  # not all databases can look for other characters
            row = session.scalar(select(AccountRow).where(AccountRow.name == name)) if is_name else None
            if row is not None:
                if row.locked_until is not None and row.locked_until > now:
                    minutes = -(-(row.locked_until - now).total_seconds() // 60)
                    raise NotAllowedError(f"Too many failed attempts: wait {minutes:.0f} minutes, or ask an admin.")
                if row.locked_until is not None:
                    row.n_failures, row.locked_until = 0, None
                row.n_failures += 1
                if row.n_failures >= MAX_FAILURES:
                    row.locked_until = now + LOCKED_FOR
            is_known = row is not None and row.disabled_at is None
            account_id, hashed = (row.id, row.password_hash) if row is not None and is_known else (0, _nobodys_hash())
        if not _matches(hashed, password) or not is_known:
            raise NotAllowedError(WRONG)
        return account_id, hashed

    @allowed(Right.SIGN_IN)
    def owner(self, actor: Actor, token: str) -> Actor | None:  # noqa: ARG002
        """Whom a token stands for; None if it is unknown, expired or its account was ended."""
        with self.database.read() as session:
            query = (
                select(AccountRow, AccessTokenRow)
                .join(AccessTokenRow, AccessTokenRow.account_id == AccountRow.id)
                .where(AccessTokenRow.token_sha256 == token_digest(token), AccountRow.disabled_at.is_(None))
            )
            found = session.execute(query).first()
            if found is None or found[1].expires_at <= self.clock():
                return None
            return _actor(found[0], _proved_at(found[1]), found[1].scopes)

    @allowed(Right.SIGN_IN)
    def sign_out(self, actor: Actor, token: str) -> None:  # noqa: ARG002
        """Make a token worthless."""
        with self.database.write(LOCK) as session:
            session.execute(delete(AccessTokenRow).where(AccessTokenRow.token_sha256 == token_digest(token)))

    def _add(
        self, actor: Actor, name: str, password: str, roles: Iterable[UserRole], *, first: bool = False
    ) -> AccountInfo:
        check_name("person's", name)
        chosen = _checked_roles(roles)
        if name.strip() != name or name.casefold() in RESERVED_NAMES:
            raise InputError(f"{name!r} can't be a person's name; use one without blanks around it, such as ada.")
        hashed = _hasher().hash(_checked_password(password))
        with self.database.write(LOCK) as session:
            if first and _n_accounts(session):
                raise ConflictError("There are accounts already; an administrator can add others.")
            taken = {known.casefold() for known in session.scalars(select(AccountRow.name))}
            if name.casefold() in taken:
                raise ConflictError(f"There is an account {name!r} already.")
            row = AccountRow(
                name=name,
                roles=[str(role) for role in chosen],
                password_hash=hashed,
                n_failures=0,
                created_at=self.clock(),
                created_by=actor.name,
            )
            session.add(row)
            session.flush()
            self._note(session, actor, "account.add", row)
            return _info(row)

    def _note(self, session: Session, actor: Actor, action: str, row: AccountRow) -> None:
        session.flush()
        append(
            session,
            at=self.clock(),
            actor=actor.name,
            action=action,
            objects={"account": row.name, "roles": list(row.roles)},
        )


def account_named(session: Session, name: str) -> AccountRow:
    """The row of an account; raises UnknownNameError."""
    row = session.scalar(select(AccountRow).where(AccountRow.name == name))
    if row is None:
        raise UnknownNameError("account", name, session.scalars(select(AccountRow.name)))
    return row


def issue_token(
    session: Session,
    row: AccountRow,
    *,
    purpose: str,
    scopes: Sequence[str] | None,
    proved_at: datetime | None,
    now: datetime,
    lasts: timedelta,
) -> SignedIn:
    """Hand out a new token of an account whose owner proved who they are, at an instant that may be unknown.

    Whoever calls has proved it, and holds the lock of accounts.
    """
    token, expires_at = secrets.token_urlsafe(32), now + lasts
    session.execute(delete(AccessTokenRow).where(AccessTokenRow.expires_at < now))
    session.add(
        AccessTokenRow(
            account_id=row.id,
            token_sha256=token_digest(token),
            purpose=purpose,
            scopes=scopes,
            created_at=proved_at or now,
            is_proved=proved_at is not None,
            expires_at=expires_at,
        )
    )
    return SignedIn(token=token, actor=_actor(row, proved_at, scopes), expires_at=expires_at)


def token_digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _proved_at(token: AccessTokenRow) -> datetime | None:
    return token.created_at if token.is_proved else None


def _unlocked(session: Session, account_id: int, hashed: str) -> AccountRow:
    """An account whose password proved right: its failures are forgotten, unless it was changed meanwhile."""
    row = session.get_one(AccountRow, account_id)
    if row.password_hash != hashed or row.disabled_at is not None:
        raise NotAllowedError(WRONG)
    row.n_failures, row.locked_until = 0, None
    return row


def _keep_an_admin(session: Session) -> None:
    """Refuse what would leave nobody to administer."""
    session.flush()
    left = session.scalars(select(AccountRow).where(AccountRow.disabled_at.is_(None)))
    if not any(UserRole.ADMIN in row.roles for row in left):
        raise ConflictError("That would leave no administrator; make another one first.")


def _n_accounts(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(AccountRow)) or 0


def _checked_roles(roles: Iterable[UserRole]) -> tuple[UserRole, ...]:
    chosen = tuple(dict.fromkeys(roles))
    if not chosen or not set(chosen) <= set(ACCOUNT_ROLES):
        raise InputError(f"An account needs one or more of the roles {', '.join(ACCOUNT_ROLES)}.")
    return chosen


def _checked_password(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InputError(f"A password needs {MIN_PASSWORD} to {MAX_PASSWORD:,} characters, got {len(password):,}.")
    if not _is_text(password):
        raise InputError("The password holds characters that can't be stored.")
    return password


def _is_text(value: str) -> bool:
    """Whether a text can be stored: half of a surrogate pair or a NUL can't."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, password[:MAX_PASSWORD])
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2id with the parameters of RFC 9106's low-memory profile


@cache
def _nobodys_hash() -> str:
    """What an unknown name is checked against, so that its answer takes as long."""
    return _hasher().hash(secrets.token_urlsafe(16))


def _actor(row: AccountRow, signed_in_at: datetime | None, scopes: Iterable[str] | None) -> Actor:
    return Actor(
        name=row.name,
        roles=tuple(UserRole(role) for role in row.roles),
        signed_in_at=signed_in_at,
        scopes=None if scopes is None else frozenset(Right(scope) for scope in scopes),
    )


def _checked_scopes(scopes: Iterable[Right] | None) -> list[str] | None:
    """Scopes as they are kept; reading is in each, as nothing can be done unseen."""
    if scopes is None:
        return None
    chosen = set(scopes)
    if not chosen or not chosen <= set(SCOPES):
        raise InputError(f"A token is for one or more of {', '.join(SCOPES)}.")
    return [str(right) for right in SCOPES if right in chosen | {Right.READ}]


def _own_or_administered(actor: Actor, name: str | None) -> None:
    if name is not None and name != actor.name and not actor.may(Right.ADMINISTER):
        raise NotAllowedError(f"{actor.name} may not see or end tokens of {name}: only {name} or an administrator may.")


def _token_info(account: AccountRow, token: AccessTokenRow) -> TokenInfo:
    return TokenInfo(
        id=token.id,
        name=account.name,
        purpose=token.purpose,
        scopes=None if token.scopes is None else tuple(Right(scope) for scope in token.scopes),
        proved_at=_proved_at(token),
        expires_at=token.expires_at,
    )


def _info(row: AccountRow) -> AccountInfo:
    return AccountInfo(
        name=row.name,
        roles=tuple(UserRole(role) for role in row.roles),
        is_disabled=row.disabled_at is not None,
        locked_until=row.locked_until,
        created_at=row.created_at,
        created_by=row.created_by,
    )
