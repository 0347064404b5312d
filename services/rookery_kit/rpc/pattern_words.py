"""What the patterns in the protos allow, in words: who broke one is not to read a regular expression."""

from collections.abc import Mapping

_WORD = "must start with a lower-case letter, followed by at most"
_NAME = "and a name: a letter or a digit, followed by at most 119 letters, digits, '.', '_', '@' or '-'"
_IN_PERMISSION = "both of at most 40 lower-case letters or '_', starting with a letter"

PATTERN_WORDS: Mapping[str, str] = {
    r"^[a-z][a-z0-9._-]{0,62}$": f"{_WORD} 62 lower-case letters, digits, '.', '_' or '-'",
    r"^[a-z][a-z0-9._/-]{0,62}$": f"{_WORD} 62 lower-case letters, digits, '.', '_', '/' or '-'",
    r"^[a-z][a-z0-9_-]{0,62}$": f"{_WORD} 62 lower-case letters, digits, '_' or '-'",
    r"^[a-z][a-z0-9-]{0,39}$": f"{_WORD} 39 lower-case letters, digits or '-'",
    r"^[a-z0-9][a-z0-9-]{0,62}$": (
        "must start with a lower-case letter or a digit, followed by at most 62 lower-case letters, digits or '-'"
    ),
    r"^[A-Za-z_][A-Za-z0-9_]{0,127}$": "must be a letter or '_', followed by at most 127 letters, digits or '_'",
    r"^(agent|user|service):[A-Za-z0-9][A-Za-z0-9._@-]{0,119}$": f"must be 'agent:', 'user:' or 'service:' {_NAME}",
    r"^(user|service):[A-Za-z0-9][A-Za-z0-9._@-]{0,119}$": f"must be 'user:' or 'service:' {_NAME}",
    r"^[a-z][a-z_]{0,39}:[a-z][a-z_]{0,39}$": f"must be resource:action, {_IN_PERMISSION}",
    r"^([a-z][a-z_]{0,39}|\*):([a-z][a-z_]{0,39}|\*)$": f"must be resource:action, {_IN_PERMISSION}, or '*' for any",
    r"^https?://": "must start with http:// or https://",
}
