-- Whose turn it is in ordered lanes. Of each ordering key that has live rows, at most one row has the turn: that row alone has a
-- finite due_at and can be claimed. All others wait at due_at = 'infinity', where no claim comes past them however many they are.
--
--   * A row is born waiting, and leaves a note in turn_change: a key to look at. So does the row whose turn it was, when it leaves.
--     Both in their own transactions: a note is seen exactly when there is something to see.
--   * dispatcher.pass_turns reads the notes, and gives the turn to the oldest waiting row of each key where nobody has it.
--   * A unique index holds whatever anybody does: two rows of a key cannot have the turn at once.
--
-- Triggers do the first, because that is where nobody can forget it: rows come in by accept and by retries, and leave by
-- the recorder, by cancellation and by expiry.

COMMENT ON COLUMN dispatcher.queue.due_at IS 'when the next attempt is due; infinity: waits for its turn behind another row of its ordering key';

-- Guards the rule, and finds who has a key's turn.
CREATE UNIQUE INDEX queue_turn ON dispatcher.queue (organization_id, integration_id, ordering_key)
    WHERE ordering_key IS NOT NULL AND due_at < 'infinity';
-- Finds who is next. Without those that have the turn: then only the index above can answer who has, whatever the statistics say.
CREATE INDEX queue_waiting ON dispatcher.queue (organization_id, integration_id, ordering_key, ordering_seq)
    WHERE ordering_key IS NOT NULL AND due_at = 'infinity';

-- Keys to look at, read in the order of arrival, a share per integration.
CREATE TABLE dispatcher.turn_change (
    organization_id text COLLATE "C" NOT NULL,
    integration_id  uuid NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    ordering_key    text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, integration_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE FUNCTION dispatcher.turn_awaited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.due_at := 'infinity';
    NEW.ordering_seq := coalesce(NEW.ordering_seq, nextval('dispatcher.ordering_seq'));
    INSERT INTO dispatcher.turn_change (organization_id, integration_id, ordering_key)
    VALUES (NEW.organization_id, NEW.integration_id, NEW.ordering_key);
    RETURN NEW;
END $$;
CREATE TRIGGER turn_awaited BEFORE INSERT ON dispatcher.queue
    FOR EACH ROW WHEN (NEW.ordering_key IS NOT NULL) EXECUTE FUNCTION dispatcher.turn_awaited();

CREATE FUNCTION dispatcher.turn_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dispatcher.turn_change (organization_id, integration_id, ordering_key)
    VALUES (OLD.organization_id, OLD.integration_id, OLD.ordering_key);
    RETURN NULL;
END $$;
CREATE TRIGGER turn_ended AFTER DELETE ON dispatcher.queue
    FOR EACH ROW WHEN (OLD.ordering_key IS NOT NULL AND OLD.due_at < 'infinity') EXECUTE FUNCTION dispatcher.turn_ended();

-- Gives the turn to those whose turn it is now. Reads at most p_per_integration notes of each integration, and returns whether
-- that left some unread. Its cost is that of the notes, not of what waits: two probes of an index per key.
--
-- To be called as a transaction of its own, before a claim: it makes the turns one after the other (the lock), and a transaction
-- that then has megabytes to send to a node that has frozen would keep all others from it.
--
-- Why no turn is lost: a note of a row that came in is read by a statement that sees the row. If that sees another with the turn,
-- the other's leaving is still to come, and will leave a note of its own. Why no two get it: the lock is taken before the
-- statements that look, each of which sees what was committed before it began. Rows are never waited for: a waiting row that
-- somebody has locked (to cancel it) is looked at again next time.
CREATE FUNCTION dispatcher.pass_turns(p_per_integration integer) RETURNS boolean
LANGUAGE plpgsql
SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    v_organizations text[];
    v_integrations  uuid[];
    v_keys          text[];
    v_more          boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM dispatcher.turn_change) THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.turns', 0));

    WITH RECURSIVE hop AS (
        (SELECT c.organization_id, c.integration_id FROM dispatcher.turn_change c ORDER BY c.organization_id, c.integration_id LIMIT 1)
        UNION ALL
        SELECT n.organization_id, n.integration_id FROM hop CROSS JOIN LATERAL (
            SELECT c.organization_id, c.integration_id FROM dispatcher.turn_change c
            WHERE (c.organization_id, c.integration_id) > (hop.organization_id, hop.integration_id)
            ORDER BY c.organization_id, c.integration_id LIMIT 1) n
    ), picked AS (
        SELECT p.tid, p.id FROM hop CROSS JOIN LATERAL (
            SELECT c.ctid AS tid, c.id FROM dispatcher.turn_change c
            WHERE c.organization_id = hop.organization_id AND c.integration_id = hop.integration_id
            ORDER BY c.id LIMIT p_per_integration) p
    ), read AS (
        -- Nobody else deletes notes, and nobody updates them: they are still where they were found.
        DELETE FROM dispatcher.turn_change c USING picked p WHERE c.ctid = p.tid AND c.id = p.id
        RETURNING c.organization_id, c.integration_id, c.ordering_key
    )
    SELECT array_agg(k.organization_id), array_agg(k.integration_id), array_agg(k.ordering_key),
           (SELECT bool_or(n.notes >= p_per_integration) FROM (SELECT count(*) AS notes FROM read r GROUP BY r.integration_id) n)
    INTO v_organizations, v_integrations, v_keys, v_more
    FROM (SELECT DISTINCT r.organization_id, r.integration_id, r.ordering_key FROM read r) k;

    WITH next AS MATERIALIZED (
        SELECT n.tid, n.id, k.organization_id, k.integration_id, k.ordering_key
        FROM unnest(v_organizations, v_integrations, v_keys) AS k (organization_id, integration_id, ordering_key)
        CROSS JOIN LATERAL (
            SELECT q.ctid AS tid, q.id FROM dispatcher.queue q
            WHERE q.organization_id = k.organization_id AND q.integration_id = k.integration_id AND q.ordering_key = k.ordering_key
              AND q.due_at = 'infinity'
            ORDER BY q.ordering_seq LIMIT 1) n
        -- The OFFSET keeps this a probe per key: as a join, it would walk all who have a turn.
        WHERE NOT EXISTS (
            SELECT FROM dispatcher.queue q
            WHERE q.organization_id = k.organization_id AND q.integration_id = k.integration_id AND q.ordering_key = k.ordering_key
              AND q.due_at < 'infinity' OFFSET 0)
    ), held AS MATERIALIZED (
        SELECT q.ctid AS tid, q.id FROM next n JOIN dispatcher.queue q ON q.ctid = n.tid AND q.id = n.id FOR UPDATE OF q SKIP LOCKED
    ), later AS (
        INSERT INTO dispatcher.turn_change (organization_id, integration_id, ordering_key)
        SELECT n.organization_id, n.integration_id, n.ordering_key FROM next n WHERE n.id NOT IN (SELECT h.id FROM held h)
    )
    UPDATE dispatcher.queue q SET due_at = now() FROM held h WHERE q.ctid = h.tid AND q.id = h.id;
    RETURN coalesce(v_more, false);
END $$;

-- What waits already lines up as well.
INSERT INTO dispatcher.turn_change (organization_id, integration_id, ordering_key)
SELECT DISTINCT q.organization_id, q.integration_id, q.ordering_key FROM dispatcher.queue q WHERE q.ordering_key IS NOT NULL;
