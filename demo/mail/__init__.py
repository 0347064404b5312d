"""Who sent what and who got it: each agent keeps a record, and the demo compares them."""
