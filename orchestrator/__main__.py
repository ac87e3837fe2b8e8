"""`python -m orchestrator`."""

from orchestrator.cli.app import main

main()
