"""Topics: what is published goes into the mailbox of every member, once."""
