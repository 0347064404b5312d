"""Where the suite is: addresses and the path of the administrator's API key, as `rookery up` writes them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "ROOKERY_CONTEXT"
DEFAULT_PATH = Path(".rookery") / "context.json"
_ADDRESSES = ("auth", "registry", "orchestrator", "tool_executor")


class ContextNotFound(Exception):
    """No suite is known here. The message says where was looked and what to do."""


class ContextInvalid(Exception):
    """The context file is there and cannot be used. The message names the fault."""


@dataclass(frozen=True, slots=True)
class SuiteContext:
    """The addresses (`host:port`) of one suite.

    `credential` is the path of the administrator's API key, None where there is none on this machine. `folder` is
    where agents keep their own credentials unless told otherwise.
    """

    auth: str
    registry: str
    orchestrator: str
    tool_executor: str
    credential: Path | None = None
    folder: Path = Path(".rookery")

    @classmethod
    def read(cls, path: Path) -> "SuiteContext":
        """Reads a context file. Raises ContextNotFound or ContextInvalid."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ContextNotFound(f"no suite is known at {path}; start one with `rookery up`") from None
        except (OSError, UnicodeDecodeError) as error:
            raise ContextInvalid(f"{path} cannot be read: {error}") from None
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ContextInvalid(f"{path} is not JSON: {error}") from None
        return cls._decode(document, path)

    @classmethod
    def find(
        cls,
        explicit: "SuiteContext | Path | str | None" = None,
        *,
        environment: Mapping[str, str] | None = None,
        working_folder: Path | None = None,
    ) -> "SuiteContext":
        """The context given, else the file named by $ROOKERY_CONTEXT, else ./.rookery/context.json.

        Raises ContextNotFound or ContextInvalid.
        """
        if isinstance(explicit, SuiteContext):
            return explicit
        return cls.read(context_path(explicit, environment=environment, working_folder=working_folder))

    @classmethod
    def _decode(cls, document: object, path: Path) -> "SuiteContext":
        if not isinstance(document, dict):
            raise ContextInvalid(f"{path} does not hold a JSON object")
        for key in _ADDRESSES:
            if not isinstance(document.get(key), str) or not document[key]:
                raise ContextInvalid(f"{path} does not name the address of {key!r}")
        credential = document.get("credential")
        return cls(
            auth=document["auth"],
            registry=document["registry"],
            orchestrator=document["orchestrator"],
            tool_executor=document["tool_executor"],
            credential=path.parent / credential if isinstance(credential, str) and credential else None,
            folder=path.parent,
        )


def context_path(
    explicit: Path | str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    working_folder: Path | None = None,
) -> Path:
    """The path of the context file that would be read, whether or not it exists."""
    if explicit is not None:
        return Path(explicit)
    named = (os.environ if environment is None else environment).get(VARIABLE)
    if named:
        return Path(named)
    return (working_folder or Path()) / DEFAULT_PATH
