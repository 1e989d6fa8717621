"""Stage 7, training: a reference model on real rows and on the capped mix, scored by the vault."""
