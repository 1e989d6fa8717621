"""What holds for all ten stages: versions, the gate ledger, and the wrappers that make them Dagster assets."""
