-- Keys with a rate limit of their own, and what becomes of the data of deleted organizations.

-- ── Limits of keys ───────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE dispatcher.api_key ADD COLUMN rate_limit_per_second integer CHECK (rate_limit_per_second BETWEEN 1 AND 1000000);
COMMENT ON COLUMN dispatcher.api_key.rate_limit_per_second IS 'requests a second on each node; NULL: what the settings say of the role';

-- Whose answers are kept, so that those of a deleted organization go too, and one of the same id is not answered with them.
ALTER TABLE dispatcher.idempotency ADD COLUMN organization_id text COLLATE "C";

-- ── Erasing organizations ────────────────────────────────────────────────────────────────────────────────────

-- Organizations that are deleted, and of which events, deliveries and attempts may still be there. Nobody can read them, for
-- the organization is gone; but one of the same id could, so it cannot be made before they are gone too.
CREATE TABLE dispatcher.erasure (
    organization_id text COLLATE "C" PRIMARY KEY,
    asked_at        timestamptz NOT NULL DEFAULT now()
);

-- Deletes up to p_limit rows of what a deleted organization has left, and returns how many; to be called until it returns 0. Rows
-- may come after that, of requests that were under way: the erasure is kept for a minute, and tried again until then.
--
-- One partition after the other and by place, so that no step reads or locks more than it deletes, however much is stored.
CREATE FUNCTION dispatcher.erase(p_organization text, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_done  integer := 0;
    v_step  integer;
    v_table text;
BEGIN
    -- Held until commit: whoever makes an organization of this id deletes the row first.
    PERFORM FROM dispatcher.erasure e WHERE e.organization_id = p_organization FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    -- No partition goes meanwhile, and no turns are passed on, which deletes notes too. Always in this order.
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.turns', 0));
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.partitions', 0));
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.stats_partitions', 0));
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.audit_partitions', 0));

    -- What is live first: nothing more is sent.
    FOR v_table IN
        SELECT 'queue' UNION ALL SELECT 'turn_change' UNION ALL SELECT 'event_dedupe' UNION ALL SELECT 'idempotency'
        UNION ALL
        SELECT l.relname
        FROM pg_inherits days
        JOIN pg_inherits leaves ON leaves.inhparent = days.inhrelid
        JOIN pg_class l ON l.oid = leaves.inhrelid
        WHERE days.inhparent IN ('dispatcher.event'::regclass, 'dispatcher.delivery'::regclass, 'dispatcher.attempt'::regclass)
        UNION ALL
        SELECT p.relname
        FROM pg_inherits parts JOIN pg_class p ON p.oid = parts.inhrelid
        WHERE parts.inhparent IN ('dispatcher.stats_minute'::regclass, 'dispatcher.stats_hour'::regclass, 'dispatcher.audit'::regclass)
    LOOP
        EXECUTE format(
            'DELETE FROM dispatcher.%1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM dispatcher.%1$I WHERE organization_id = $1 LIMIT $2))', v_table)
        USING p_organization, p_limit - v_done;
        GET DIAGNOSTICS v_step = ROW_COUNT;
        v_done := v_done + v_step;
        EXIT WHEN v_done >= p_limit;
    END LOOP;
    RETURN v_done;
END $$;
