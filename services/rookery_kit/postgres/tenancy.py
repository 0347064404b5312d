"""Row-level security: a transaction sees the rows of the tenant it names, whatever its WHERE says."""


def tenant_isolation(*tables: str) -> str:
    """The statements that bind tables with a `tenant` column to `rookery.tenant`, which each transaction sets."""
    return "\n".join(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;\n"
        f"CREATE POLICY tenant_isolation ON {table} "
        f"USING (current_setting('rookery.tenant', true) IN (tenant, '*'));"
        for table in tables
    )
