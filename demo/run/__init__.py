"""One run of the demo, from an empty folder to a verdict and back to nothing."""
