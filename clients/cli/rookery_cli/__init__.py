"""The `rookery` command: everything an operator does, from a terminal or a script."""
