"""Time from `rookery up` to all SERVING, and the memory that Rookery's own processes then hold."""
