"""The checks of this repository, in the order in which `make test` runs them."""
