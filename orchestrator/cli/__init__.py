"""The command line: parse, build, run, print. One file a verb; what it builds with in `session`."""
