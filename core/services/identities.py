"""Who somebody is to an identity provider, and signing in through it: whom it vouches for comes in as their account.

A provider says who somebody is and nothing else: what they may do are the roles of their account here, looked up anew
on every call.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, NotAllowedError, SignInAgainError, UnknownNameError
from core.governance.identity import FRESH_FOR, Actor, Right, UserRole, allowed
from core.governance.oidc import MAX_TEXT, Identity, read_id_token
from core.services.accounts import BROWSER, LOCK, SignedIn, account_named, issue_token, token_digest
from core.services.provider import Provider
from core.services.sign_in_flow import Flow, SpentFlows, Way
from core.storage.database import Database
from core.storage.ledger import append
from core.storage.signing import AccessTokenRow, AccountIdentityRow, AccountRow

__all__ = ["CLAIMS", "IdentityInfo", "IdentityService"]

CLAIMS = ("sub", "email")  # what names one person at a provider; a name that they can change themselves doesn't
PURPOSE = "provider"
MAX_ISSUER = 500
NO_PROVIDER = (
    "No provider is set up to sign in through: whoever runs Plumbline sets PLUMBLINE_OIDC_ISSUER and the "
    "rest. Sign in with a password."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityInfo:
    """Who an account is to a provider, and who said so."""

    account: str
    issuer: str
    claim: str
    value: str
    tied_at: datetime
    tied_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityService:
    """Accounts tied to identities at a provider; `load` reads from the environment which provider it is."""

    database: Database
    load: Callable[[], Provider | None]
    clock: Callable[[], datetime]
    _spent: SpentFlows = field(default_factory=SpentFlows, repr=False)

    @allowed(Right.SIGN_IN)
    def provider(self, actor: Actor) -> str | None:
        """What the provider is called that the actor may sign in through; whoever isn't signed in may try.

        None without one, or where the actor's account isn't tied to it. Raises InputError if it is set up wrongly.
        """
        provider = self.load()
        if provider is None or UserRole.ANONYMOUS in actor.roles:
            return None if provider is None else provider.name
        with self.database.read() as session:
            query = _joined().where(AccountIdentityRow.issuer == provider.issuer, AccountRow.name == actor.name)
            return None if session.execute(query).first() is None else provider.name

    @allowed(Right.ADMINISTER)
    def list(self, actor: Actor) -> tuple[IdentityInfo, ...]:  # noqa: ARG002
        """All identities, by account."""
        with self.database.read() as session:
            query = _joined().order_by(AccountRow.name, AccountIdentityRow.id)
            return tuple(_info(account, tied) for account, tied in session.execute(query))

    @allowed(Right.ADMINISTER)
    def tie(self, actor: Actor, name: str, *, claim: str, value: str, issuer: str | None = None) -> IdentityInfo:
        """Let whoever a provider knows by this claim come in as an account.

        Parameters
        ----------
        claim : str
            sub, which never changes; or email, which counts only when the provider says that it verified it.
        value : str
            Exactly as the provider writes it.
        issuer : str, optional
            The provider; the one that is set up by default.

        Raises
        ------
        ConflictError
            If somebody is tied to it already, or the account was ended.
        InputError
            If there is no such claim or account, or no provider is said.
        """
        issuer = self._checked(issuer, claim, value)
        with self.database.write(LOCK) as session:
            account = account_named(session, name)
            if account.disabled_at is not None:
                raise ConflictError(f"The account {name!r} was ended: nobody comes in as it any more.")
            known = session.execute(_tied(issuer, {claim: value})).first()
            if known is not None:
                raise ConflictError(f"The {claim} {value!r} at {issuer} is {known[0].name}'s already; untie it first.")
            row = AccountIdentityRow(
                account_id=account.id,
                issuer=issuer,
                claim=claim,
                value=value,
                tied_at=self.clock(),
                tied_by=actor.name,
            )
            session.add(row)
            self._note(session, actor, "account.tie", account, row)
            return _info(account, row)

    @allowed(Right.ADMINISTER)
    def untie(self, actor: Actor, name: str, *, claim: str, value: str, issuer: str | None = None) -> IdentityInfo:
        """Let nobody in by this claim any more; the account's sessions that a provider began end at once.

        Raises UnknownNameError where there is no such account or identity of it.
        """
        issuer = self._checked(issuer, claim, value)
        with self.database.write(LOCK) as session:
            account = account_named(session, name)
            query = select(AccountIdentityRow).where(AccountIdentityRow.account_id == account.id)
            mine = session.scalars(query).all()
            found = next((row for row in mine if (row.issuer, row.claim, row.value) == (issuer, claim, value)), None)
            if found is None:
                known = [f"{row.claim} {row.value} at {row.issuer}" for row in mine]
                raise UnknownNameError(f"identity of {name}", f"{claim} {value} at {issuer}", known)
            session.delete(found)
            of = AccessTokenRow.account_id == account.id, AccessTokenRow.purpose == PURPOSE
            session.execute(delete(AccessTokenRow).where(*of))
            self._note(session, actor, "account.untie", account, found)
            return _info(account, found)

    @allowed(Right.SIGN_IN)
    def begin(self, actor: Actor, *, again: bool = False) -> Way:  # noqa: ARG002
        """The way to the provider; `again` asks it for a proof even of whoever is signed in there.

        Raises InputError where none is set up, OutsideError where it doesn't answer.
        """
        flow = Flow(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48)
        )
        url = self._provider().way(state=flow.state, nonce=flow.nonce, verifier=flow.verifier, again=again)
        return Way(url=url, flow=flow)

    @allowed(Right.SIGN_IN)
    def enter(self, actor: Actor, flow: Flow | None, answer: Mapping[str, str]) -> SignedIn:  # noqa: ARG002
        """Let in whom the provider vouches for, if an account is tied to them.

        The session lasts 12 hours, as one that a password began: the provider's token says how long the token may be
        believed, some minutes with many, and is believed once. It is fresh to sign with from when the provider says
        that they proved who they are, and never where it doesn't say.

        Parameters
        ----------
        flow : Flow or None
            What the browser kept since it was sent there; None if it kept nothing.
        answer : mapping of str to str
            What it came back with.

        Raises
        ------
        NotAllowedError
            If anything that the provider says doesn't hold, or it is of nobody here.
        OutsideError
            If the provider doesn't answer as OpenID Connect asks.
        """
        identity = self._vouched(flow, answer)
        now = self.clock()
        with self.database.write(LOCK) as session:
            row = _account_of(session, identity)
            proved_at = identity.authenticated_at
            return issue_token(session, row, purpose=PURPOSE, scopes=None, proved_at=proved_at, now=now, lasts=BROWSER)

    @allowed(Right.SIGN_IN)
    def confirm(self, actor: Actor, token: str, flow: Flow | None, answer: Mapping[str, str]) -> None:  # noqa: ARG002
        """Make a session fresh again by the provider's word on whom its token stands for; it expires no later for that.

        Raises
        ------
        NotAllowedError
            As `enter`, and if the provider vouches for somebody else.
        SignInAgainError
            If it doesn't say when they proved who they are, or that was too long ago.
        """
        identity = self._vouched(flow, answer)
        now, at = self.clock(), identity.authenticated_at
        with self.database.write(LOCK) as session:
            row = _account_of(session, identity)
            query = select(AccessTokenRow).where(
                AccessTokenRow.token_sha256 == token_digest(token),
                AccessTokenRow.account_id == row.id,
                AccessTokenRow.expires_at > now,
            )
            found = session.scalar(query)
            if found is None:
                raise NotAllowedError(
                    f"The provider vouches for {row.name}, whose session this isn't, or it has ended: sign in anew."
                )
            if at is None:
                raise SignInAgainError(
                    "The provider doesn't say when you proved who you are (auth_time), so a sign-in through it is "
                    "never fresh enough to sign with. Give your password instead, here or in the form that signs."
                )
            if now - at > FRESH_FOR:
                raise SignInAgainError(
                    f"The provider says that you proved who you are at {at:%Y-%m-%d %H:%M} UTC, and not again now; to "
                    f"sign takes the last {FRESH_FOR.seconds // 60} minutes. Give your password instead, here or in "
                    "the form that signs."
                )
            session.execute(
                update(AccessTokenRow).where(AccessTokenRow.id == found.id).values(created_at=at, is_proved=True)
            )

    def _vouched(self, flow: Flow | None, answer: Mapping[str, str]) -> Identity:
        """Whom the provider vouches for, in answer to a sign-in that this browser began and didn't end yet."""
        provider, now = self._provider(), self.clock()
        if flow is None or not secrets.compare_digest(flow.state.encode(), answer.get("state", "").encode()):
            raise NotAllowedError(
                "This sign-in wasn't begun in this browser, or more than 10 minutes ago. Begin it here, under the "
                f"address that {provider.name} sends you back to."
            )
        if not self._spent.spend(flow.state, now):
            raise NotAllowedError("This sign-in was used already: each is good for once. Sign in again.")
        redeemed = provider.redeem(answer, verifier=flow.verifier)
        return read_id_token(
            redeemed.id_token,
            redeemed.keys,
            issuer=provider.issuer,
            client_id=provider.client_id,
            nonce=flow.nonce,
            now=self.clock(),
        )

    def _provider(self) -> Provider:
        provider = self.load()
        if provider is None:
            raise InputError(NO_PROVIDER)
        return provider

    def _checked(self, issuer: str | None, claim: str, value: str) -> str:
        """The provider that is meant, if all three can be looked for."""
        issuer = self._provider().issuer if issuer is None else issuer
        if claim not in CLAIMS:
            raise InputError(f"{claim!r} names nobody at a provider for good; tie by {' or '.join(CLAIMS)}.")
        for what, text, most in (("issuer", issuer, MAX_ISSUER), (claim, value, MAX_TEXT)):
            if not 0 < len(text) <= most or not text.isprintable() or text.strip() != text:
                raise InputError(
                    f"The {what} has to be 1 to {most} characters as the provider writes it, got {text!r}."
                )
        return issuer

    def _note(
        self, session: Session, actor: Actor, action: str, account: AccountRow, identity: AccountIdentityRow
    ) -> None:
        session.flush()
        append(
            session,
            at=self.clock(),
            actor=actor.name,
            action=action,
            objects={
                "account": account.name,
                "roles": [*account.roles],
                "issuer": identity.issuer,
                "claim": identity.claim,
                "value": identity.value,
            },
        )


def _joined() -> Select[AccountRow, AccountIdentityRow]:
    return select(AccountRow, AccountIdentityRow).join(
        AccountIdentityRow, AccountIdentityRow.account_id == AccountRow.id
    )


def _tied(issuer: str, claims: Mapping[str, str]) -> Select[AccountRow, AccountIdentityRow]:
    """The accounts that these claims at a provider are tied to."""
    same = [
        (AccountIdentityRow.claim == claim) & (AccountIdentityRow.value == value) for claim, value in claims.items()
    ]
    return _joined().where(AccountIdentityRow.issuer == issuer, or_(*same))


def _account_of(session: Session, identity: Identity) -> AccountRow:
    """The one account that an identity is tied to and that still is; raises NotAllowedError."""
    claims = {"sub": identity.subject} | ({} if identity.email is None else {"email": identity.email})
    found = {account.id: account for account, _ in session.execute(_tied(identity.issuer, claims))}
    if not found:
        known = identity.subject if identity.email is None else f"{identity.subject} ({identity.email})"
        raise NotAllowedError(
            f"The provider knows you as {known}, and nobody here is tied to that. Ask an administrator of Plumbline "
            "to tie your account to it."
        )
    if len(found) > 1:
        names = " and ".join(sorted(account.name for account in found.values()))
        raise NotAllowedError(f"The provider's word on you is tied to {names}: ask an administrator to untie one.")
    (account,) = found.values()
    if account.disabled_at is not None:
        raise NotAllowedError(f"The account {account.name} was ended: ask an administrator of Plumbline.")
    return account


def _info(account: AccountRow, identity: AccountIdentityRow) -> IdentityInfo:
    return IdentityInfo(
        account=account.name,
        issuer=identity.issuer,
        claim=identity.claim,
        value=identity.value,
        tied_at=identity.tied_at,
        tied_by=identity.tied_by,
    )
