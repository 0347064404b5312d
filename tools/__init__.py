"""What builds and checks this repository. Nothing here is part of the wheel."""
