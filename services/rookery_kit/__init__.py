"""What every Rookery service shares. The kit knows no service."""
