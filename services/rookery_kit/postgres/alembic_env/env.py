"""Alembic's environment for every service: runs revisions as the schema's owner, on the connection it is given."""

from alembic import context
from sqlalchemy import Connection, text

schema: str = context.config.attributes["schema"]
connection: Connection = context.config.attributes["connection"]
owner: str = context.config.attributes["owner"]

connection.execute(text(f'SET ROLE "{owner}"'))
connection.execute(text(f'SET search_path TO "{schema}"'))
context.configure(connection=connection, version_table_schema=schema, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
connection.execute(text("RESET ROLE"))
