"""Seats of a quorum: which of them the people who signed fill, one person one seat."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.governance.identity import RIGHTS, Right, UserRole

__all__ = ["SEATS", "can_fill", "fills", "vacant"]

SEATS = tuple(role for role in UserRole if Right.DECIDE in RIGHTS[role])


def can_fill(roles: Collection[UserRole], seat: UserRole) -> bool:
    """Whether somebody of these roles may take a seat: a reviewer's seat is anyone's who may decide.

    Examples
    --------
    >>> can_fill([UserRole.OWNER], UserRole.REVIEWER), can_fill([UserRole.REVIEWER], UserRole.OWNER)
    (True, False)
    """
    if seat is UserRole.REVIEWER:
        return any(role in SEATS for role in roles)
    return seat in roles


def vacant(seats: Sequence[UserRole], signatures: Sequence[Collection[UserRole]]) -> tuple[UserRole, ...]:
    """Which seats nobody has signed for, if the people who signed are seated so that as many as can be are filled.

    Parameters
    ----------
    seats : sequence of UserRole
        A role may stand there more than once.
    signatures : sequence of collections of UserRole
        The roles of each person who signed.

    References
    ----------
    A maximum bipartite matching by augmenting paths: H. W. Kuhn (1955), doi:10.1002/nav.3800020109.

    Examples
    --------
    >>> validator, owner = UserRole.VALIDATOR, UserRole.OWNER
    >>> vacant([validator, owner], [{validator, owner}])
    (<UserRole.OWNER: 'owner'>,)
    >>> vacant([validator, owner], [{validator, owner}, {validator}])
    ()
    """
    holder: dict[int, int] = {}
    # A person with a seat of their own leaves a reviewer's seat, which anyone can take, to others.
    order = sorted(range(len(seats)), key=lambda place: seats[place] is UserRole.REVIEWER)

    def seated(person: int, seen: set[int]) -> bool:
        for place in order:
            if place in seen or not can_fill(signatures[person], seats[place]):
                continue
            seen.add(place)
            if place not in holder or seated(holder[place], seen):
                holder[place] = person
                return True
        return False

    for person in range(len(signatures)):
        seated(person, set())
    return tuple(seat for place, seat in enumerate(seats) if place not in holder)


def fills(seats: Sequence[UserRole], signatures: Sequence[Collection[UserRole]], roles: Collection[UserRole]) -> bool:
    """Whether one more person of these roles fills a seat that is vacant.

    Examples
    --------
    >>> fills([UserRole.VALIDATOR, UserRole.OWNER], [{UserRole.OWNER}], {UserRole.OWNER})
    False
    """
    return len(vacant(seats, [*signatures, roles])) < len(vacant(seats, signatures))
