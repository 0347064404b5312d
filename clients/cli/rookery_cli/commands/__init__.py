"""What the command line looks like. Each command imports what it does when it runs, so that `--help` is fast."""
