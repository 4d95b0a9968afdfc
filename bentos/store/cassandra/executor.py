"""Executes statements, the prepared ones without the driver's general machinery.

`Session.execute_async` makes ready for retries, pages, traces and metrics before it sends anything, which takes longer
than writing and reading the messages. A prepared statement goes straight to the connection of a node that the
load-balancing policy names. What fails there, for whatever reason, is executed once more by the driver, which prepares
it anew, tries other nodes or has the words for the error: no statement of the store does harm when executed twice.
"""

from collections.abc import Callable, Sequence
from typing import Any

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Session
from cassandra.connection import Connection
from cassandra.pool import HostConnection
from cassandra.protocol import ExecuteMessage, ResultMessage
from cassandra.query import BoundStatement, Statement

Rows = Sequence[tuple[Any, ...]]
Done = Callable[[Rows | None, Exception | None], None]  # takes the rows, None from a statement without any, or an error


class Executor:
    """Of one session, whose row factory is `tuple_factory`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        profile = session.get_execution_profile(EXEC_PROFILE_DEFAULT)
        self._policy = profile.load_balancing_policy
        self._consistency = profile.consistency_level

    def execute(self, statement: Statement, done: Done) -> None:
        """Send the statement. `done` is called in the thread that reads the connections, or in the one that finds out
        that a connection is lost.
        """
        if not (isinstance(statement, BoundStatement) and self._send(statement, done)):
            self._execute_by_driver(statement, done)

    def _execute_by_driver(self, statement: Statement, done: Done) -> None:
        try:
            future = self._session.execute_async(statement)
        except Exception as error:
            return done(None, error)
        future.add_callbacks(lambda rows: done(rows, None), lambda error: done(None, error))

    def _send(self, statement: BoundStatement, done: Done) -> bool:
        """Whether the statement could be sent."""
        if (pool := self._pool(statement)) is None:
            return False
        connection = None
        try:
            connection, request_id = pool.borrow_connection(timeout=0)
            self._send_on(connection, request_id, pool, statement, done)
        except Exception:  # the pool is shut down, all its numbers for requests are in use, the connection is lost, ...
            if connection:
                pool.return_connection(connection)
            return False
        return True

    def _send_on(
        self, connection: Connection, request_id: int, pool: HostConnection, statement: BoundStatement, done: Done
    ) -> None:
        prepared = statement.prepared_statement
        metadata = prepared.result_metadata

        def answered(response: Any) -> None:
            try:
                pool.return_connection(connection)
            finally:
                if isinstance(response, ResultMessage):
                    done(response.parsed_rows, None)
                else:
                    self._execute_by_driver(statement, done)

        message = ExecuteMessage(
            prepared.query_id,
            statement.values,
            self._consistency,
            timestamp=self._session.cluster.timestamp_generator(),
            skip_meta=bool(metadata),
            result_metadata_id=prepared.result_metadata_id,
        )
        connection.send_msg(message, request_id, answered, result_metadata=metadata)

    def _pool(self, statement: BoundStatement) -> HostConnection | None:
        """The connections to the node that the policy names first, or to the only one; None where there are none."""
        pools = list(self._session.get_pools())
        if len(pools) <= 1:
            return pools[0] if pools else None
        host = next(iter(self._policy.make_query_plan(None, statement)), None)
        return next((pool for pool in pools if pool.host == host), None)
