"""What was wanted, submitted and decided, on disk before it happens. SQLAlchemy Core."""

from orchestrator.journal.journal import Journal

__all__ = ["Journal"]
