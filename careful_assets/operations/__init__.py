"""What spans stages: one command of `careful` a module."""
