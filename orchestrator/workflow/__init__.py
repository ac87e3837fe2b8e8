"""Workflows as text and graphs: load, find the roles, edit, weigh phrases. Pure."""
