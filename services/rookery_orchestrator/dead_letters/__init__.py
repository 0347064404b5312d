"""Dead letters, as people and programs look after them."""
