"""DuckDB files: connections, tables, SQL models, migrations, and the vault."""
