"""Two tenants on one installation: what one of them has is neither read nor changed by the other."""

import re
from collections.abc import Iterator
from typing import Any

import grpc
import psycopg
import pytest
from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.suite import Suite
from harness.tenant_traces import DAILY_LIFE, table_traces, tenant_tables
from harness.tenants import Bearer, Tenants, token_for
from psycopg import sql
from rookery_kit.contract import DeclaredMethod, declared_methods

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NAMES = {"topic": "news", "name": "worker", "server": "absent", "tool": "x", "role": "scribe", "capability": "double"}
LEFT_EMPTY = {"page_token", "filter", "etag", "request_id", "message_id"}


@pytest.fixture
async def red(suite: Suite) -> Bearer:
    """The administrator of a tenant that has something in every service."""
    created = await Tenants(suite.channel("auth"), await suite.administrator()).create("red")
    administrator = await token_for(suite.channel("auth"), created.administrator_secret)
    for live in DAILY_LIFE:
        await live(suite, administrator)
    return administrator


@pytest.fixture
async def blue(suite: Suite) -> Bearer:
    """The administrator of a tenant that has nothing."""
    created = await Tenants(suite.channel("auth"), await suite.administrator()).create("blue")
    return await token_for(suite.channel("auth"), created.administrator_secret)


def called_with_a_request() -> Iterator[tuple[DeclaredMethod, MethodDescriptor]]:
    """Every method that needs a token, but for streams of requests: these are for agents alone."""
    for method in declared_methods():
        descriptor = descriptor_pool.Default().FindServiceByName(method.service).FindMethodByName(method.name)
        if method.permission and not descriptor.client_streaming:
            yield method, descriptor


async def call(
    suite: Suite, method: DeclaredMethod, descriptor: MethodDescriptor, request: Message, metadata: Bearer
) -> tuple[grpc.StatusCode, str]:
    """The status of a call, and everything it answered as text."""
    channel: Any = suite.channel(method.service.split(".")[1])
    path, payload = f"/{method.full_name}", request.SerializeToString()
    answers: list[bytes] = []
    code = grpc.StatusCode.OK
    try:
        if descriptor.server_streaming:
            async for answer in channel.unary_stream(path)(payload, metadata=metadata, timeout=0.5):
                answers.append(answer)  # noqa: PERF401 -- those before the deadline count
        else:
            answers.append(await channel.unary_unary(path)(payload, metadata=metadata, timeout=10))
    except grpc.aio.AioRpcError as error:
        code = error.code()
    answer_class = GetMessageClass(descriptor.output_type)
    return code, "\n".join(text_format.MessageToString(answer_class.FromString(each)) for each in answers)


def naming(descriptor: MethodDescriptor, identifier: str) -> Message:
    """A request that names things of the other tenant in every field that names something."""
    request = GetMessageClass(descriptor.input_type)()
    for field in descriptor.input_type.fields:
        if field.type != FieldDescriptor.TYPE_STRING or field.name in LEFT_EMPTY:
            continue
        value = NAMES.get(field.name, f"agent:{identifier}" if field.name == "subject" else identifier)
        if field.is_repeated:
            getattr(request, field.name).append(value)
        else:
            setattr(request, field.name, value)
    return request


async def identifiers(suite: Suite, administrator: Bearer) -> set[str]:
    """Every id that the lists of a tenant show to its administrator."""
    found: set[str] = set()
    for method, descriptor in called_with_a_request():
        if method.permission.endswith(":read") and not descriptor.server_streaming:
            empty = GetMessageClass(descriptor.input_type)()
            found |= set(UUID.findall((await call(suite, method, descriptor, empty, administrator))[1]))
    return found


@pytest.mark.capability("A6")
async def test_no_list_get_or_watch_shows_anything_of_another_tenant(suite: Suite, red: Bearer, blue: Bearer) -> None:
    async def several() -> set[str]:
        found = await identifiers(suite, red)
        return found if len(found) > 10 else set()

    reds = await eventually(several)
    seen = 0
    for method, descriptor in called_with_a_request():
        if not method.permission.endswith((":read", ":subscribe", ":introspect")):
            continue
        requests = [GetMessageClass(descriptor.input_type)()]
        requests += [naming(descriptor, identifier) for identifier in sorted(reds)] if not _lists(descriptor) else []
        for request in requests:
            _, answered = await call(suite, method, descriptor, request, blue)
            sent = set(UUID.findall(text_format.MessageToString(request)))
            assert set(UUID.findall(answered)) & reds <= sent, method.full_name
            assert not re.search(r'"(red|worker|absent)"', answered), method.full_name
            seen += 1
    assert seen > 100


def _lists(descriptor: MethodDescriptor) -> bool:
    return "page_size" in descriptor.input_type.fields_by_name or descriptor.server_streaming


@pytest.mark.capability("A6")
async def test_no_method_changes_anything_of_another_tenant(
    suite: Suite, fresh_database: FreshDatabase, red: Bearer, blue: Bearer
) -> None:
    async def several() -> set[str]:
        found = await identifiers(suite, red)
        return found if len(found) > 10 else set()

    reds = await eventually(several)
    before = _rows(fresh_database, "red")
    for method, descriptor in called_with_a_request():
        if method.permission.endswith(":read") or descriptor.server_streaming:
            continue
        for identifier in sorted(reds):
            code, answered = await call(suite, method, descriptor, naming(descriptor, identifier), blue)
            assert code is not grpc.StatusCode.INTERNAL, method.full_name
            if code is grpc.StatusCode.OK:
                assert '"red"' not in answered, method.full_name
    after = _rows(fresh_database, "red")
    assert [table for table in before if not before[table] <= after[table]] == []


# What goes on in a tenant by itself: leases, deliveries, the upkeep of the bus.
OF_ITSELF = {
    *("registry.agents", "registry.agent_load", "registry.agent_health", "registry.agent_changes_trimmed"),
    *("orchestrator.agents", "orchestrator.fan_outs", "orchestrator.fan_out_copies", "orchestrator.messages"),
}


def _rows(database: FreshDatabase, tenant: str) -> dict[str, set[str]]:
    """Every row of a tenant as text, by table."""
    rows: dict[str, set[str]] = {}
    with psycopg.connect(database.admin_url) as connection:
        for schema, table in tenant_tables(database):
            if f"{schema}.{table}" in OF_ITSELF:
                continue
            # When a key was last used is written in batches, some time after its use.
            found = sql.SQL("SELECT (to_jsonb(t) - 'last_use_time')::text FROM {} AS t WHERE tenant = %s")
            query = found.format(sql.Identifier(schema, table))
            rows[f"{schema}.{table}"] = {str(row[0]) for row in connection.execute(query, (tenant,))}
    return rows


@pytest.mark.capability("A6")
async def test_raw_sql_under_another_tenant_finds_and_changes_no_row(
    suite: Suite, fresh_database: FreshDatabase, red: Bearer
) -> None:
    def lived() -> bool:
        return len(table_traces(fresh_database, "red")) > 12

    assert red
    await eventually(lived)
    traces = table_traces(fresh_database, "red")
    for schema, table in tenant_tables(fresh_database):
        name = sql.Identifier(schema, table)
        with psycopg.connect(fresh_database.url(schema)) as connection:
            connection.execute("SELECT set_config('rookery.tenant', 'blue', false)")
            query = sql.SQL("SELECT count(*) FROM {}").format(name)
            assert connection.execute(query).fetchone() == (0,), table
            if table not in {"audit_events", "audit_links"}:
                for statement in ("UPDATE {} SET tenant = tenant", "DELETE FROM {}"):
                    assert connection.execute(sql.SQL(statement).format(name)).rowcount == 0, table
            connection.execute("SELECT set_config('rookery.tenant', 'red', false)")
            rows = connection.execute(query).fetchone()
            assert rows is not None
            assert bool(rows[0]) == (f"{schema}.{table}" in traces), table
            connection.rollback()
