"""What tests share: real servers with fresh state for each test, and waiting with a bound."""
