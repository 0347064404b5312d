"""What a task or a message carries, as text for people."""

import json

from rookery_cli.output import Document


def payload_text(payload: Document | None) -> str:
    """JSON and text as they are, other bytes in base64; empty for none."""
    if payload is None:
        return ""
    if "base64" in payload:
        return f"{payload['content_type']}, in base64: {payload['base64']}"
    value = payload["value"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
