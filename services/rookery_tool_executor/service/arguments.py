"""The arguments of a call, as JSON."""

import json
import math
from typing import Any, NoReturn

from rookery_tool_executor.model import ToolArgumentsInvalid


def parse_arguments(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`; no bytes mean no arguments. Raises ToolArgumentsInvalid."""
    if not data:
        return {}
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_finite, parse_constant=_refuse)
        # Escapes may spell half a surrogate pair, which is a character nowhere and could not be sent on.
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise _invalid("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _invalid(f"is not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise _invalid(f"is not JSON that can be read: {error}") from None
    if not isinstance(value, dict):
        raise _invalid("is not a JSON object")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _invalid(description: str) -> ToolArgumentsInvalid:
    return ToolArgumentsInvalid(f"arguments: {description}", (("arguments", description),))
