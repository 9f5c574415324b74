"""Tell somebody something, wherever Apprise reaches them; addresses come from the environment and are never shown.

An address is a secret: it holds the token or password of a chat, a mailbox or a phone. It is kept in an environment
variable of the program that sends, so that neither the database, its backups, the ledger nor a page can give it away,
and no key has to be looked after; and nobody with an account can make this machine send to a place that whoever
runs it hasn't chosen.
"""

from __future__ import annotations

import logging
import os
import re

from core.errors import InputError, OutsideError

__all__ = ["PREFIX", "TEAM", "is_set", "own_variable", "send", "team_variables"]

PREFIX = "PLUMBLINE_NOTIFY_"
TEAM = f"{PREFIX}TEAM_"
SECONDS = 20.0
MAX_TITLE, MAX_BODY = 250, 20_000


def own_variable(name: str) -> str:
    """The variable that holds where somebody is reached.

    Examples
    --------
    >>> own_variable("ada"), own_variable("Zoë Smith")
    ('PLUMBLINE_NOTIFY_ADA', 'PLUMBLINE_NOTIFY_ZO_SMITH')
    """
    return PREFIX + re.sub(r"[^A-Z0-9]+", "_", name.upper(), flags=re.ASCII)


def team_variables() -> tuple[str, ...]:
    """The variables of addresses that several people share, as far as they are set here."""
    return tuple(sorted(name for name in os.environ if name.startswith(TEAM)))


def is_set(variable: str) -> bool:
    """Whether the variable holds anything here."""
    return bool(os.environ.get(variable, "").strip())


def send(variable: str, title: str, body: str) -> None:
    """Send to every address in an environment variable, which are Apprise's URLs with blanks between.

    Raises
    ------
    InputError
        If the variable isn't set, or an address in it can't be understood.
    OutsideError
        If a receiver didn't take it. Messages name the kind of address and never the address.
    """
    if not is_set(variable):
        raise InputError(
            f"{variable} is not set where this runs: it has to hold an address of Apprise, such as mailto://..."
        )
    import apprise  # takes a second to import: only who sends needs it

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # its log tells of addresses
    asset = apprise.AppriseAsset(app_id="Plumbline", service_timeout=SECONDS, secure_logging=True)
    asset.http_redirects = False
    refused = []
    for place, url in enumerate(os.environ[variable].split(), start=1):
        receiver = apprise.Apprise.instantiate(url, asset=asset)
        if receiver is None:
            raise InputError(f"Address {place} in {variable} is none that Apprise understands.")
        told = apprise.Apprise(asset=asset)
        told.add(receiver)
        if not told.notify(title=title[:MAX_TITLE], body=body[:MAX_BODY], body_format=apprise.NotifyFormat.TEXT):
            refused.append(f"Address {place} ({url.partition(':')[0].lower()})")
    if refused:
        raise OutsideError(f"{' and '.join(refused)} in {variable} didn't take it, or can't be reached.")
