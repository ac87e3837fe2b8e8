"""What Alembic runs to migrate: the connection, and its open transaction, are the caller's."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
