"""How journals of earlier versions become today's. Alembic's scripts; `upgrade` runs them."""
