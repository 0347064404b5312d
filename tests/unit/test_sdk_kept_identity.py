import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from rookery.auth.v1 import token_pb2, token_service_pb2
from rookery_sdk import Unauthenticated
from rookery_sdk.credentials import AgentIdentity
from rookery_sdk.kept_identity import IdentityFile, IdentityFileInvalid, KeptIdentity


class Auth:
    """Records exchanges and answers them; the answer to the next `lost` of them does not arrive."""

    def __init__(self) -> None:
        self.requests: list[token_service_pb2.IssueTokenRequest] = []
        self.refused: set[str] = set()
        self.lost = 0

    async def IssueToken(  # noqa: N802 -- as the stub has it
        self, request: token_service_pb2.IssueTokenRequest, timeout: float
    ) -> token_service_pb2.IssueTokenResponse:
        assert timeout
        self.requests.append(request)
        code = None
        if {request.enrollment_token, request.refresh_token} & self.refused:
            code = grpc.StatusCode.UNAUTHENTICATED
        elif self.lost:
            self.lost -= 1
            code = grpc.StatusCode.UNAVAILABLE
        if code is not None:
            raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "no")
        token_set = token_pb2.TokenSet(
            access_token="access",
            access_expire_time=datetime.now(UTC) + timedelta(minutes=10),
            refresh_token=f"rkr_{len(self.requests)}",
            subject="agent:1",
        )
        return token_service_pb2.IssueTokenResponse(token_set=token_set)


@pytest.fixture
def file(tmp_path: Path) -> IdentityFile:
    return IdentityFile(tmp_path / "agents", "summariser")


def enrollment(token: str | None) -> Callable[[], Awaitable[str | None]]:
    async def answer() -> str | None:
        return token

    return answer


def agent(auth: Auth, file: IdentityFile, token: str | None = "rke_1") -> AgentIdentity:
    return AgentIdentity(auth, file, enrollment(token))  # type: ignore[arg-type]


async def test_an_agent_enrols_once_and_then_refreshes(file: IdentityFile) -> None:
    auth = Auth()
    for _ in range(3):
        assert (await agent(auth, file).earn()).subject == "agent:1"
    assert [request.WhichOneof("credential") for request in auth.requests] == [
        "enrollment_token",
        "refresh_token",
        "refresh_token",
    ]
    assert auth.requests[2].refresh_token == "rkr_2"


@pytest.mark.parametrize("exchanges_before", [0, 1])
async def test_an_exchange_that_was_cut_off_is_repeated_under_the_same_request_id(
    file: IdentityFile, exchanges_before: int
) -> None:
    auth = Auth()
    for _ in range(exchanges_before):
        await agent(auth, file).earn()
    auth.lost = 1
    with pytest.raises(Exception, match="UNAVAILABLE"):
        await agent(auth, file).earn()
    # A new process, with another enrolment token at hand: it must not become another agent.
    await agent(auth, file, "rke_2").earn()
    cut_off, repeated = auth.requests[-2:]
    assert cut_off == repeated
    assert cut_off.request_id


async def test_every_exchange_has_a_request_id_of_its_own(file: IdentityFile) -> None:
    auth = Auth()
    for _ in range(3):
        await agent(auth, file).earn()
    assert len({request.request_id for request in auth.requests}) == 3


async def test_a_credential_that_is_no_longer_accepted_is_replaced_by_a_new_enrolment(file: IdentityFile) -> None:
    auth = Auth()
    await agent(auth, file).earn()
    auth.refused = {"rkr_1"}
    await agent(auth, file, "rke_2").earn()
    assert auth.requests[-1].enrollment_token == "rke_2"


async def test_without_a_way_to_enrol_the_error_names_the_file(file: IdentityFile) -> None:
    auth = Auth()
    with pytest.raises(Unauthenticated, match=r"summariser\.json"):
        await agent(auth, file, None).earn()
    await agent(auth, file).earn()
    auth.refused = {"rkr_1", "rke_1"}
    with pytest.raises(Unauthenticated, match=r"summariser\.json is not accepted"):
        await agent(auth, file, None).earn()


async def test_agents_of_one_name_that_start_at_once_share_one_identity(file: IdentityFile, tmp_path: Path) -> None:
    auth = Auth()
    starts = (agent(auth, IdentityFile(tmp_path / "agents", "summariser")).earn() for _ in range(4))
    await asyncio.gather(*starts)
    kinds = [request.WhichOneof("credential") for request in auth.requests]
    assert kinds == ["enrollment_token", "refresh_token", "refresh_token", "refresh_token"]


async def test_only_the_owner_can_read_what_is_kept(file: IdentityFile) -> None:
    await agent(Auth(), file).earn()
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(each.name for each in file.path.parent.iterdir()) == ["summariser.json", "summariser.lock"]


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"kind": "password", "secret": "x"}), '{"secret": 1}'])
def test_a_damaged_file_is_refused_and_left_alone(file: IdentityFile, text: str) -> None:
    file.path.parent.mkdir()
    file.path.write_text(text)
    with pytest.raises(IdentityFileInvalid):
        file.read()
    assert file.path.read_text() == text


def test_a_secret_is_not_shown() -> None:
    assert "rke_" not in repr(KeptIdentity("enrollment_token", "rke_1"))
