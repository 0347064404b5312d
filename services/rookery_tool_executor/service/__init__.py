"""What the tool-executor does."""
