"""What the users of NATS may not publish, because one of them alone may say it."""

from collections.abc import Iterable, Mapping

_AUTH_USER = "auth"
# What concerns callers, and which tenants end. `rookery_kit` has the same names; it is not loaded for these few.
_SAID_BY_AUTH = ("rk.*.identity.>", "rk.*.event.tenant_deletion.*")
_SAID_BY_ITSELF = "rk.*.event.tenant_erasure.{}"


def permissions_of(user: str, users: Iterable[str]) -> Mapping[str, object]:
    """The permissions of one of the users, in the server's own form.

    Auth alone says who may call and which tenants end, and each service alone that it has erased one. All else is open
    to services: they share their streams.
    """
    denied = [_SAID_BY_ITSELF.format(other) for other in sorted(set(users) - {user})]
    return {"publish": {"deny": denied if user == _AUTH_USER else [*_SAID_BY_AUTH, *denied]}}
