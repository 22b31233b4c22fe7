"""The command line: each command is a module with an options dataclass and one call."""
