"""Every role against every call of every service: refused exactly where the role lacks the right."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property

import pytest

from core.errors import InputError, NotAllowedError
from core.governance.identity import RIGHTS, Actor, Right, UserRole
from core.workspace import Workspace
from tests.governed import Governed, build

N_LEAST = 60  # calls; fewer would mean that they are no longer found


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    governed = build(tmp_path_factory.mktemp("rights"))
    yield governed
    governed.workspace.close()


def calls(workspace: Workspace) -> Iterator[tuple[str, str, Callable[..., object]]]:
    """(service, method, its function) of every public method of every service of a workspace."""
    services = [name for name, value in vars(Workspace).items() if isinstance(value, cached_property)]
    for service in services:
        if not service.startswith("_"):
            for name, value in vars(type(getattr(workspace, service))).items():
                if _is_call(name, value):
                    yield service, name, value


def _is_call(name: str, value: object) -> bool:
    return not name.startswith("_") and (callable(value) or isinstance(value, (staticmethod, classmethod, property)))


def test_the_calls_are_found_and_each_is_marked_and_takes_an_actor_first(governed: Governed) -> None:
    found = list(calls(governed.workspace))
    assert len(found) > N_LEAST
    for service, name, method in found:
        assert isinstance(getattr(method, "right", None), Right), f"{service}.{name} is not marked with @allowed"
        actor = list(inspect.signature(inspect.unwrap(method)).parameters.values())[1]
        assert (actor.name, actor.annotation) == ("actor", "Actor"), f"{service}.{name}"


@pytest.mark.parametrize("role", UserRole)
def test_a_call_is_refused_exactly_where_the_role_lacks_its_right(governed: Governed, role: UserRole) -> None:
    actor = Actor(name="somebody", roles=(role,))
    for service, name, _ in calls(governed.workspace):
        method = getattr(getattr(governed.workspace, service), name)
        assert lets_in(method, actor) is (method.right in RIGHTS[role]), f"{role} calls {service}.{name}"


def lets_in(method: Callable[[Actor], object], actor: Actor) -> bool:
    """Whoever may call is let in, and mostly stumbles over arguments that are missing."""
    try:
        method(actor)
    except TypeError as error:
        return "missing" in str(error)
    except NotAllowedError:
        return False
    except InputError:  # such as a ledger that can't be signed without a key
        return True
    return True


def test_every_right_is_needed_for_something_and_somebody_has_it(governed: Governed) -> None:
    needed = {method.right for _, _, method in calls(governed.workspace)}
    assert needed == set(Right) == {right for rights in RIGHTS.values() for right in rights}
