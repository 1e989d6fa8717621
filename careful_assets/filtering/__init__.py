"""The room of filtering: gates decide which candidates are kept."""
