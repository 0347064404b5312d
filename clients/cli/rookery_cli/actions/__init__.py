"""What the commands do: call the suite and show what it answers."""
