"""The card: its models and rules, its reader, and the playbook's gate profiles."""
