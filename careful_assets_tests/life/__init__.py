"""Whole lives: real runs over the demo's anchors, and what damage, repetition and kills make of them."""
