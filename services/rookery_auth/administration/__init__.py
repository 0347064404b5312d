"""Roles, tenants and the audit log: what administrators have auth for."""

from rookery_auth.administration.composition import Administration, compose_administration

__all__ = ["Administration", "compose_administration"]
