"""`rookery up`: the whole suite on one machine, with Postgres and NATS embedded and every process supervised."""
