"""Running an action against the suite, with every failure told in a line."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rookery_sdk import (
    Client,
    ContextInvalid,
    ContextNotFound,
    PayloadInvalid,
    RookeryError,
)
from rookery_sdk.context import context_path

from rookery_cli.hints import hint_for
from rookery_cli.refusal import Misused, NotRunning, Refused

T = TypeVar("T")
CALL_SECONDS = 10.0


def perform(context: str | None, action: Callable[[Client], Awaitable[T]], *, filter_example: str = "") -> T:
    """Opens a client, runs the action, closes the client. Raises Refused, and nothing else that the suite causes.

    `filter_example` is what a command that takes a filter shows when it cannot be read.
    """
    try:
        return asyncio.run(_with_client(context, action))
    except ContextNotFound:
        raise NotRunning(f"there is no {context_path(context)}") from None
    except ContextInvalid as error:
        raise Misused(str(error), "name another file with --context, or start the suite anew") from None
    except PayloadInvalid as error:
        raise Misused(str(error)) from None
    except (ValueError, OverflowError) as error:
        # From building a request: it cannot hold what was given.
        raise Misused(f"something given cannot be sent: {error}") from error
    except RookeryError as error:
        if error.code == "UNAVAILABLE" and not error.reason:
            # No reason: it was not a service that said this, but the connection to it.
            raise NotRunning("a service does not answer; `rookery status` shows which") from None
        raise refused(error, filter_example) from None


def refused(error: RookeryError, filter_example: str = "") -> Refused:
    """What an error of the suite is to the user."""
    message = error.message
    named = [f"{path}: {text}" for path, text in error.detail.violations if path and text not in message]
    message = "; ".join([message, *named])
    reason = error.reason or error.code
    return Refused(" ".join(message.split()), reason, hint_for(reason, filter_example))


async def _with_client(context: str | None, action: Callable[[Client], Awaitable[T]]) -> T:
    # Nobody at a terminal waits for half a minute to hear that the suite is down.
    async with Client.connect(context, patience=0.0) as client:
        return await action(client)
