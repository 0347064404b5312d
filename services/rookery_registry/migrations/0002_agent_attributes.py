"""Attributes that describe an agent, and the tables in which agents are looked up by capability and label."""

from alembic import op
from rookery_kit.postgres.tenancy import tenant_isolation

revision = "0002"
down_revision = "0001"

CREATE = """
ALTER TABLE agents ADD COLUMN type text NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN version text NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN endpoint text NOT NULL DEFAULT '';
ALTER TABLE agents ADD COLUMN skills jsonb NOT NULL DEFAULT '[]';
ALTER TABLE agents ADD COLUMN config jsonb NOT NULL DEFAULT '{}';
CREATE INDEX agents_online ON agents (tenant, name) WHERE online;
CREATE TABLE agent_capabilities (
    tenant text NOT NULL,
    capability text NOT NULL COLLATE "C",
    name text NOT NULL COLLATE "C",
    PRIMARY KEY (tenant, capability, name)
);
CREATE TABLE agent_labels (
    tenant text NOT NULL,
    name text NOT NULL COLLATE "C",
    key text NOT NULL COLLATE "C",
    value text NOT NULL COLLATE "C",
    PRIMARY KEY (tenant, name, key)
);
CREATE INDEX agent_labels_value ON agent_labels (tenant, key, value, name);
CREATE FUNCTION index_agent() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM agent_capabilities
        WHERE tenant = OLD.tenant AND capability = ANY (OLD.capabilities) AND name = OLD.name;
        DELETE FROM agent_labels WHERE tenant = OLD.tenant AND name = OLD.name;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO agent_capabilities
        SELECT DISTINCT NEW.tenant, capability, NEW.name FROM unnest(NEW.capabilities) AS capability;
        INSERT INTO agent_labels SELECT NEW.tenant, NEW.name, key, value FROM jsonb_each_text(NEW.labels);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER agents_indexed AFTER INSERT OR DELETE ON agents FOR EACH ROW EXECUTE FUNCTION index_agent();
CREATE TRIGGER agents_reindexed AFTER UPDATE OF capabilities, labels ON agents FOR EACH ROW
    WHEN (OLD.capabilities IS DISTINCT FROM NEW.capabilities OR OLD.labels IS DISTINCT FROM NEW.labels)
    EXECUTE FUNCTION index_agent();
INSERT INTO agent_capabilities
    SELECT DISTINCT tenant, capability, name FROM agents, unnest(capabilities) AS capability;
INSERT INTO agent_labels SELECT tenant, name, key, value FROM agents, jsonb_each_text(labels);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(CREATE)
    op.get_bind().exec_driver_sql(tenant_isolation("agent_capabilities", "agent_labels"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql("DROP TRIGGER agents_reindexed ON agents")
    op.get_bind().exec_driver_sql("DROP TRIGGER agents_indexed ON agents")
    op.get_bind().exec_driver_sql("DROP FUNCTION index_agent")
    op.get_bind().exec_driver_sql("DROP TABLE agent_labels, agent_capabilities")
    op.get_bind().exec_driver_sql("DROP INDEX agents_online")
    op.get_bind().exec_driver_sql(
        "ALTER TABLE agents DROP COLUMN config, DROP COLUMN skills, DROP COLUMN endpoint, DROP COLUMN version,"
        " DROP COLUMN type"
    )
