"""Run by Alembic: migrates over the connection, and in the transaction, that it is given."""

from alembic import context

if __name__ == "env_py":  # the name under which Alembic runs this file
    context.configure(connection=context.config.attributes["connection"])
    context.run_migrations()
