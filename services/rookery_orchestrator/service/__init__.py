"""The use cases of those who want work done."""
