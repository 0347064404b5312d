"""The demo: a real fleet does a real job while parts of the suite are killed."""
