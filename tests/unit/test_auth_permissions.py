from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rookery_auth.permissions import covers, intersection, narrowed_to, permits

NAMES = ("tasks", "agents", "tools")
ACTIONS = ("read", "call", "create")
EVERY = [f"{resource}:{action}" for resource, action in product(NAMES, ACTIONS)]
PERMISSION = st.builds("{}:{}".format, st.sampled_from((*NAMES, "*")), st.sampled_from((*ACTIONS, "*")))
PERMISSIONS = st.frozensets(PERMISSION, max_size=6)


@pytest.mark.capability("A11")
@given(PERMISSIONS, PERMISSIONS)
def test_an_intersection_permits_what_both_permit_and_nothing_else(
    these: frozenset[str], those: frozenset[str]
) -> None:
    both = intersection(these, those)
    for permission in (*EVERY, "unheard:of"):
        assert permits(both, permission) == (permits(these, permission) and permits(those, permission))


@given(PERMISSIONS, PERMISSIONS)
def test_an_intersection_is_the_same_from_both_sides_and_says_nothing_twice(
    these: frozenset[str], those: frozenset[str]
) -> None:
    both = intersection(these, those)
    assert both == intersection(those, these)
    assert not [(one, other) for one in both for other in both if one != other and covers(one, other)]


@given(PERMISSIONS)
def test_what_is_narrowed_to_everything_stays_as_wide(permissions: frozenset[str]) -> None:
    for scopes in ((), ("*:*",)):
        narrowed = narrowed_to(permissions, scopes)
        assert all(permits(narrowed, each) == permits(permissions, each) for each in EVERY)


def test_a_wildcard_is_covered_by_one_as_wide_only() -> None:
    assert covers("tasks:*", "tasks:read")
    assert covers("*:read", "tasks:read")
    assert not covers("tasks:read", "tasks:*")
    assert not covers("*:read", "*:*")
