"""The store of beats."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from asyncpg import Record
from rookery_kit.errors import RookeryError
from rookery_kit.postgres import Connection, Queries

from rookery_registry.heartbeats.beats import Beat, Kept, Outcome
from rookery_registry.model import AgentChange, AgentChanged, AgentNotFound, SessionSuperseded
from rookery_registry.postgres.agent_rows import agent_of
from rookery_registry.postgres.announcements import AgentAnnouncer
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.postgres.sweeps import Sweep, note_sweep


class PostgresBeatStore:
    """Implements BeatStore. `queries` are those of the service, `own` those of the heartbeats."""

    def __init__(self, database: AnnouncingDatabase, queries: Queries, own: Queries, outage: timedelta) -> None:
        self._database = database
        self._queries = queries
        self._own = own
        self._outage = outage

    async def keep(self, beats: Sequence[Beat]) -> Sequence[Outcome]:
        """The outcome of each beat."""
        async with self._database.begin() as transaction:
            connection = transaction.connection
            # A beat that a crash of the server takes back does no harm: after an outage leases run anew.
            await connection.execute("SET LOCAL synchronous_commit = off")
            outcomes: dict[Beat, Outcome] = {}
            outcomes |= await self._extend(connection, beats)
            # Who seems to have lapsed may owe that to an outage, when beats come before the first sweep after it.
            if (rest := _without(beats, outcomes)) and (
                await note_sweep(connection, self._queries, self._outage) is Sweep.BEGUN_AFTER_OUTAGE
            ):
                outcomes |= await self._extend(connection, rest)
            if rest := _without(beats, outcomes):
                announcer = AgentAnnouncer(transaction, self._queries)
                outcomes |= await self._begin(connection, announcer, rest)
            if rest := _without(beats, outcomes):
                outcomes |= await self._explain(connection, rest)
        return [outcomes[beat] for beat in beats]

    async def _extend(self, connection: Connection, beats: Sequence[Beat]) -> Mapping[Beat, Outcome]:
        rows = await self._fetch(connection, "extend_leases", beats)
        return {beats[row["place"] - 1]: _kept(row) for row in rows}

    async def _begin(
        self, connection: Connection, announcer: AgentAnnouncer, beats: Sequence[Beat]
    ) -> Mapping[Beat, Outcome]:
        rows = await self._fetch(connection, "begin_leases", beats)
        agents = [agent_of(row) for row in rows]
        await announcer.announce(*(AgentChanged(AgentChange.ONLINE, agent, agent.revision) for agent in agents))
        return {beats[row["place"] - 1]: _kept(row) for row in rows}

    async def _explain(self, connection: Connection, beats: Sequence[Beat]) -> Mapping[Beat, Outcome]:
        tenants, ids, _ = _columns(beats)
        rows = await connection.fetch(self._own["find_sessions"], tenants, ids)
        places = ((beats[row["place"] - 1], row["session_epoch"]) for row in rows)
        return {beat: _refusal(beat, session_epoch) for beat, session_epoch in places}

    async def _fetch(self, connection: Connection, query: str, beats: Sequence[Beat]) -> Sequence[Record]:
        return await connection.fetch(self._own[query], *_columns(beats))


def _columns(beats: Sequence[Beat]) -> tuple[list[object], list[object], list[object]]:
    return (
        [beat.tenant for beat in beats],
        [beat.agent_id for beat in beats],
        [beat.session_epoch for beat in beats],
    )


def _without(beats: Sequence[Beat], outcomes: Mapping[Beat, Outcome]) -> Sequence[Beat]:
    return [] if len(outcomes) == len(beats) else [beat for beat in beats if beat not in outcomes]


def _kept(row: Record) -> Kept:
    return Kept(row["lease_duration"], row["draining"], row["card_stale"])


def _refusal(beat: Beat, session_epoch: int | None) -> RookeryError | None:
    if session_epoch is None:
        return AgentNotFound(str(beat.agent_id))
    return None if session_epoch == beat.session_epoch else SessionSuperseded(str(beat.agent_id))
