"""What agents report of their health: the latest and the history."""
