"""MLflow: the alias of a registered model, over the REST API of the tracking server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, model_validator

from core.actions.targets import Order, State, Target
from core.actions.targets.transport import Answer, Seconds, Url, Variable, ask, is_private, secret_in
from core.errors import InputError, OutsideError

__all__ = ["TAG", "TARGET", "MlflowAlias"]

TAG = "plumbline.version"  # on an MLflow version: the name that it has in Plumbline
SAME_VERSION = ("run_id", "source", "creation_timestamp")  # a number can be given anew after its version was deleted
PAGE, MOST_PAGES = 200, 50
NUMBER = re.compile(r"v?(\d+)", re.ASCII)


def _checked_alias(alias: str) -> str:
    if alias.lower() == "latest" or NUMBER.fullmatch(alias.lower()):
        raise ValueError("MLflow keeps 'latest' and 'v' with a number for itself; name another alias")
    return alias


class MlflowAlias(Target):
    """Moves `alias` of the registered model `model` to the MLflow version that a version of Plumbline is.

    That is the one whose tag `plumbline.version` is its name, or else the one whose number is its name (3 or v3).
    """

    kind: Literal["mlflow"]
    url: Url
    model: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^'/:\\]+$")]
    alias: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$"), AfterValidator(_checked_alias)] = "champion"
    token_variable: Variable | None = None
    timeout_seconds: Seconds = 20.0
    note: ClassVar[str] = (
        "A scorer that is running keeps the version it has loaded: it has to load the model again, or be restarted, "
        "before the other version serves."
    )

    @model_validator(mode="after")
    def _token_is_safe(self) -> Self:
        if self.token_variable and not is_private(self.url):
            raise ValueError("a token is only sent over https, or on this machine")
        return self

    @property
    def where(self) -> str:
        """The alias and the server."""
        return f"alias {self.alias} of {self.model} in MLflow at {self.url}"

    def expected(self, version: str | None) -> State:
        """The MLflow version that a version of Plumbline is."""
        if version is None:
            return State(version=None)
        tagged = [found for found in self._versions() if version in _tags(found)]
        if len(tagged) > 1:
            numbers = ", ".join(str(found.get("version")) for found in tagged)
            raise InputError(f"{version} could be any of {numbers} of {self.model} in MLflow: all have it as {TAG}.")
        if tagged:
            return _state(tagged[0])
        number = NUMBER.fullmatch(version)
        found = None if number is None else self._version(number[1])
        if found is None or TAG in {tag.get("key") for tag in found.get("tags", ())}:  # it is another by its tag
            raise InputError(
                f"{version} is no version of {self.model} in MLflow at {self.url}: register it there, and give that "
                f"version the tag {TAG} with the value {version}."
            )
        return _state(found)

    def read(self) -> State:
        """The MLflow version that the alias is on."""
        found = self._asked("GET", "registered-models/get", {"name": self.model})["registered_model"]
        number = next((a["version"] for a in found.get("aliases", ()) if a["alias"] == self.alias), None)
        if number is None:
            return State(version=None)
        version = self._version(str(number))
        if version is None:
            raise OutsideError(f"{self.where} is on version {number}, which isn't there.")
        return _state(version)

    def put(self, order: Order) -> None:
        """Move the alias, and note on the version which proposal did."""
        name = {"name": self.model}
        if order.wanted.version is None:
            self._asked("DELETE", "registered-models/alias", {**name, "alias": self.alias})
            return
        on = {**name, "version": order.wanted.version}
        self._asked("POST", "registered-models/alias", {**on, "alias": self.alias})
        for key, value in (("proposal", str(order.proposal)), ("evidence", order.evidence)):
            self._asked("POST", "model-versions/set-tag", {**on, "key": f"plumbline.{key}", "value": value})

    def _versions(self) -> Iterator[Mapping[str, Any]]:
        query: dict[str, str] = {"filter": f"name='{self.model}'", "max_results": str(PAGE)}
        for _ in range(MOST_PAGES):
            page = self._asked("GET", "model-versions/search", query)
            yield from page.get("model_versions", ())
            if not page.get("next_page_token"):
                return
            query["page_token"] = str(page["next_page_token"])
        raise OutsideError(f"{self.model} has more than {PAGE * MOST_PAGES:,} versions in MLflow.")

    def _version(self, number: str) -> Mapping[str, Any] | None:
        answer = self._ask("GET", "model-versions/get", {"name": self.model, "version": number})
        if answer.status == 404:
            return None
        found: Mapping[str, Any] = self._fine(answer)["model_version"]
        return found

    def _asked(self, method: str, path: str, given: Mapping[str, str]) -> Mapping[str, Any]:
        return self._fine(self._ask(method, path, given))

    def _fine(self, answer: Answer) -> Mapping[str, Any]:
        if not answer.is_fine:
            raise OutsideError(f"MLflow at {self.url} answered {answer.status}: {answer.words()}")
        return answer.json(f"MLflow at {self.url}")

    def _ask(self, method: str, path: str, given: Mapping[str, str]) -> Answer:
        url, body = f"{self.url}/api/2.0/mlflow/{path}", None
        headers = {"Accept": "application/json"}
        if method == "GET":
            url = f"{url}?{urlencode(given)}"
        else:
            body, headers["Content-Type"] = json.dumps(given).encode(), "application/json"
        if self.token_variable is not None:
            headers["Authorization"] = f"Bearer {secret_in(self.token_variable)}"
        return ask(method, url, headers=headers, body=body, timeout=self.timeout_seconds)


def _tags(version: Mapping[str, Any]) -> list[str]:
    return [tag.get("value", "") for tag in version.get("tags", ()) if tag.get("key") == TAG]


def _state(version: Mapping[str, Any]) -> State:
    return State(version=str(version["version"]), details={name: version.get(name) for name in SAME_VERSION})


TARGET = MlflowAlias
