"""The log of changes, and those who follow it."""
