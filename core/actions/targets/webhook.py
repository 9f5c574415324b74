"""A webhook: signed requests to a service of your own, which says what is in force and changes it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import ClassVar, Literal

from core.actions.targets import Order, State, Target
from core.actions.targets.transport import Answer, Seconds, Url, Variable, ask, secret_in
from core.errors import OutsideError

__all__ = ["TARGET", "Webhook", "signature"]


def signature(secret: str, *, method: str, timestamp: str, key: str, body: bytes) -> str:
    """What `X-Plumbline-Signature` holds: HMAC-SHA256 of method, timestamp, idempotency key and body.

    References
    ----------
    RFC 2104 (HMAC), doi:10.17487/RFC2104.

    Examples
    --------
    >>> signature("s", method="GET", timestamp="0", key="", body=b"")[:11]
    'v1=d588e0d6'
    """
    message = f"{method}\n{timestamp}\n{key}\n".encode() + body
    return "v1=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Webhook(Target):
    """GET answers with a JSON object whose `version` is in force (null for none); POST takes an order.

    All that GET answers counts as the state that the approver saw: leave out what changes by itself.
    """

    kind: Literal["webhook"]
    url: Url
    secret_variable: Variable
    timeout_seconds: Seconds = 20.0
    note: ClassVar[str] = "What serves changes when the service behind the webhook has done so."

    @property
    def where(self) -> str:
        """The address."""
        return f"the webhook {self.url}"

    def expected(self, version: str | None) -> State:
        """The version by Plumbline's own name."""
        return State(version=version)

    def read(self) -> State:
        """What the service says is in force."""
        found = dict(self._ask("GET").json(self.where))
        if "version" not in found or not isinstance(found["version"], (str, type(None))):
            raise OutsideError(f"{self.where} has to answer with a version: text, or null for none.")
        return State(version=found.pop("version"), details=found)

    def put(self, order: Order) -> None:
        """Send the order; its idempotency key is the same each time."""
        body = json.dumps(order.to_dict(), sort_keys=True, separators=(",", ":")).encode()
        self._ask("POST", key=order.key, body=body)

    def _ask(self, method: str, *, key: str = "", body: bytes | None = None) -> Answer:
        timestamp = str(int(time.time()))
        signed = signature(
            secret_in(self.secret_variable), method=method, timestamp=timestamp, key=key, body=body or b""
        )
        headers = {"X-Plumbline-Timestamp": timestamp, "X-Plumbline-Signature": signed, "Accept": "application/json"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": key}
        answer = ask(method, self.url, headers=headers, body=body, timeout=self.timeout_seconds)
        if not answer.is_fine:
            raise OutsideError(f"{self.where} answered {answer.status}: {answer.words()}")
        return answer


TARGET = Webhook
