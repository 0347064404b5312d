"""Calls that carry the access token, and errors of the SDK instead of those of gRPC."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from grpc.aio import ClientCallDetails

from rookery_sdk.errors import Unauthenticated
from rookery_sdk.status import error_of
from rookery_sdk.tokens import AccessToken, AccessTokens
from rookery_sdk.tracing import trace_metadata

Metadata = tuple[tuple[str, str], ...]


def call_metadata(token: AccessToken) -> Metadata:
    """What a call carries: the token, and the trace it belongs to."""
    return (("authorization", f"Bearer {token.value}"), *trace_metadata())


class AuthorizedUnary(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the token; an answer UNAUTHENTICATED renews it once and repeats. Failed calls raise RookeryError."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    async def intercept_unary_unary(
        self,
        continuation: Callable[[ClientCallDetails, Any], Any],
        client_call_details: ClientCallDetails,
        request: Any,  # noqa: ANN401 -- any request
    ) -> Any:  # noqa: ANN401 -- any response
        """One call, or two when the first token was not accepted."""
        token = await self._tokens.current()
        try:
            return await self._call(continuation, client_call_details, request, token)
        except Unauthenticated:
            token = await self._tokens.replaced(token)
        return await self._call(continuation, client_call_details, request, token)

    async def _call(
        self,
        continuation: Callable[[ClientCallDetails, Any], Any],
        details: ClientCallDetails,
        request: Any,  # noqa: ANN401 -- any request
        token: AccessToken,
    ) -> Any:  # noqa: ANN401 -- any response
        call = await continuation(_with_token(details, token), request)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise error_of(error) from None


class AuthorizedStream(grpc.aio.UnaryStreamClientInterceptor):
    """Adds the token to a call that answers a stream. A stream that fails raises RookeryError.

    One that is refused as UNAUTHENTICATED before its first answer begins anew, once, with a new token.
    """

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    async def intercept_unary_stream(
        self,
        continuation: Callable[[ClientCallDetails, Any], Any],
        client_call_details: ClientCallDetails,
        request: Any,  # noqa: ANN401 -- any request
    ) -> AsyncIterator[Any]:
        """The responses of one call, or of a second when the first token was not accepted."""
        token = await self._tokens.current()

        async def begin(token: AccessToken) -> Any:  # noqa: ANN401 -- gRPC's call
            return await continuation(_with_token(client_call_details, token), request)

        return self._responses(begin, await begin(token), token)

    async def _responses(
        self,
        begin: Callable[[AccessToken], Awaitable[Any]],
        call: Any,  # noqa: ANN401 -- gRPC's call
        token: AccessToken,
    ) -> AsyncIterator[Any]:
        begun = False
        try:
            async for response in self._translated(call):
                begun = True
                yield response
            return
        except Unauthenticated:
            token = await self._tokens.replaced(token)
            if begun:
                raise
        async for response in self._translated(await begin(token)):
            yield response

    async def _translated(self, call: Any) -> AsyncIterator[Any]:  # noqa: ANN401 -- gRPC's call
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise error_of(error) from None
        finally:
            call.cancel()


def _with_token(details: ClientCallDetails, token: AccessToken) -> ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()), *call_metadata(token))
    return ClientCallDetails(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready)
