"""The room in which candidates are written: prompts, plans and rounds, and the generators a card can name."""
