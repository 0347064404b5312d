"""Mailboxes: sending messages to agents and delivering them, over a work queue on the bus."""
