"""What the system tests share: the servers under test, the real peers, and how to wait."""
