-- Recover and replay: what is asked for becomes a task, which worker nodes work off in steps.

-- ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────────

-- One call of recover or replay. A step handles up to 1,000 rows and moves "position" on in the same transaction, under a lock
-- of this row: any node may take the next step, and what a killed node left undone was never done.
CREATE TABLE dispatcher.task (
    organization_id text COLLATE "C" NOT NULL,
    id              uuid NOT NULL,
    integration_id  uuid NOT NULL,
    kind            text COLLATE "C" NOT NULL CHECK (kind IN ('recover', 'replay')),
    status          text COLLATE "C" NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    since           timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    position        uuid NOT NULL,
    bound           uuid NOT NULL,
    counted_to      uuid,
    total           bigint NOT NULL,
    done            bigint NOT NULL DEFAULT 0,
    failures        smallint NOT NULL DEFAULT 0,
    error           text,
    created_at      timestamptz NOT NULL,
    moved_at        timestamptz NOT NULL DEFAULT now(),
    next_at         timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES dispatcher.integration ON DELETE CASCADE,
    CONSTRAINT task_finished_in_end_states CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL))
);
COMMENT ON COLUMN dispatcher.task.position IS 'the last id handled: of a delivery for recover, of an event for replay';
COMMENT ON COLUMN dispatcher.task.bound IS 'the id before which the span ends';
COMMENT ON COLUMN dispatcher.task.counted_to IS 'the last id counted, while total is not the whole count yet; NULL once it is';
COMMENT ON COLUMN dispatcher.task.failures IS 'steps that failed since the last one that did not';
COMMENT ON COLUMN dispatcher.task.moved_at IS 'when a step last moved the position';
COMMENT ON COLUMN dispatcher.task.next_at IS 'not before then is the next step: the order in which tasks take turns, and how they pause';

-- Holds the rule that one task of an integration runs at a time: two replays at once would both find an event undelivered.
CREATE UNIQUE INDEX task_running ON dispatcher.task (organization_id, integration_id) WHERE status = 'running';
-- Serves the search for the next step.
CREATE INDEX task_open ON dispatcher.task (next_at) WHERE finished_at IS NULL;
-- Serves the list of an integration's tasks, newest first, and the question whether an older one waits.
CREATE INDEX task_by_integration ON dispatcher.task (organization_id, integration_id, id);
-- Serves the removal of tasks that finished long ago.
CREATE INDEX task_finished ON dispatcher.task (finished_at) WHERE finished_at IS NOT NULL;

-- Serves recover: counts and walks one integration's exhausted deliveries without reading what succeeded, or the table at all.
CREATE INDEX delivery_exhausted ON dispatcher.delivery (organization_id, integration_id, id) INCLUDE (finished_at) WHERE status = 'exhausted';

-- ── What an event was for ────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE dispatcher.event ADD COLUMN target uuid;
COMMENT ON COLUMN dispatcher.event.target IS 'the one integration that it was for (a test); NULL: it fanned out. What was for one is never replayed';

-- Whether an integration of this scope, with these "events", gets an event: the rule of accept and of replay.
CREATE FUNCTION dispatcher.subscribes(
    integration_project text, integration_inbox text, integration_events text[], project text, inbox text, type text)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (integration_project IS NULL OR integration_project = coalesce(project, 'default'))
       AND (integration_inbox IS NULL OR integration_inbox = inbox)
       AND integration_events && dispatcher.event_patterns(type)
$$;

-- The range of ids that share this one's first eight bytes: an event's id, and its deliveries' ids, lie in it.
CREATE FUNCTION dispatcher.first_sibling(id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (left(id::text, 18) || '-0000-000000000000')::uuid
$$;
CREATE FUNCTION dispatcher.last_sibling(id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (left(id::text, 18) || '-ffff-ffffffffffff')::uuid
$$;

-- Accepts a batch of events: stores them and fans them out to the integrations that are committed and enabled now, in the
-- caller's transaction. The only place where deliveries come into being, but for replay.
--
-- Events share few distinct routes (organization, project, inbox, type), so these are passed once and referred to by number,
-- from 1. A route with a target goes to that integration alone, whatever it subscribes to, and its events say so.
-- p_owner: the node that will send (NULL: rows wait for a claim); ignored where that node was declared dead meanwhile.
-- p_room: how many deliveries that node has room for; p_full: integrations whose lane there has none. What does not fit waits
-- for a claim.
--
-- Returns one row per delivery made (event_number counts from 1), and one with delivery_id NULL for each event whose dedupe id
-- was known: event_id is then the first event's.
CREATE OR REPLACE FUNCTION dispatcher.accept(
    p_route_organizations text[], p_route_projects text[], p_route_inboxes text[], p_route_types text[], p_route_targets uuid[],
    p_ids uuid[], p_routes integer[], p_payloads bytea[], p_ordering_keys text[], p_dedupe_ids text[],
    p_owner integer, p_room integer, p_full uuid[])
RETURNS TABLE (event_number integer, event_id uuid, delivery_id uuid, integration_id uuid, integration_version integer, retention smallint, owned boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_owner  integer;
    v_repeat integer[] := '{}';
BEGIN
    IF p_owner IS NOT NULL THEN
        -- Held until commit: the node cannot be declared dead between here and there, so no row is left to a dead owner.
        SELECT n.id INTO v_owner FROM dispatcher.node n WHERE n.id = p_owner FOR KEY SHARE;
        -- A transaction that hangs would keep its dead node's rows from others. It is one of our own: publish names no owner.
        PERFORM set_config('idle_in_transaction_session_timeout', '5s', true);
    END IF;

    IF p_dedupe_ids IS NOT NULL THEN
        INSERT INTO dispatcher.event_dedupe (organization_id, dedupe_id, event_id, retention)
        SELECT p_route_organizations[i.route], i.dedupe_id, i.id, coalesce(o.retention_days, 0::smallint)
        FROM unnest(p_ids, p_routes, p_dedupe_ids) WITH ORDINALITY AS i (id, route, dedupe_id, n)
        LEFT JOIN dispatcher.organization o ON o.id = p_route_organizations[i.route]
        WHERE i.dedupe_id IS NOT NULL
        -- One order everywhere: concurrent batches wait for each other instead of deadlocking. Of the same ids within a batch the first wins.
        ORDER BY 1, 2, i.n
        ON CONFLICT DO NOTHING;

        RETURN QUERY
        SELECT i.n::integer, d.event_id, NULL::uuid, NULL::uuid, NULL::integer, NULL::smallint, false
        FROM unnest(p_ids, p_routes, p_dedupe_ids) WITH ORDINALITY AS i (id, route, dedupe_id, n)
        JOIN dispatcher.event_dedupe d ON d.organization_id = p_route_organizations[i.route] AND d.dedupe_id = i.dedupe_id
        WHERE d.event_id <> i.id;

        SELECT coalesce(array_agg(i.n::integer), '{}') INTO v_repeat
        FROM unnest(p_ids, p_routes, p_dedupe_ids) WITH ORDINALITY AS i (id, route, dedupe_id, n)
        JOIN dispatcher.event_dedupe d ON d.organization_id = p_route_organizations[i.route] AND d.dedupe_id = i.dedupe_id
        WHERE d.event_id <> i.id;
    END IF;

    RETURN QUERY
    WITH route AS (
        SELECT r.*, coalesce(o.retention_days, 0::smallint) AS retention
        FROM unnest(p_route_organizations, p_route_projects, p_route_inboxes, p_route_types, p_route_targets)
            WITH ORDINALITY AS r (organization_id, project, inbox, type, target, n)
        LEFT JOIN dispatcher.organization o ON o.id = r.organization_id
    ), item AS (
        SELECT i.n::integer AS n, i.id, r.n AS route, r.organization_id, r.project, r.inbox, r.type, r.target, r.retention,
               i.payload, i.ordering_key, i.dedupe_id
        FROM unnest(p_ids, p_routes, p_payloads, p_ordering_keys, p_dedupe_ids)
            WITH ORDINALITY AS i (id, route, payload, ordering_key, dedupe_id, n)
        JOIN route r ON r.n = i.route
        WHERE i.n <> ALL (v_repeat)
    ), stored AS (
        INSERT INTO dispatcher.event (organization_id, id, project, inbox, type, target, ordering_key, dedupe_id, retention, payload)
        SELECT i.organization_id, i.id, i.project, i.inbox, i.type, i.target, i.ordering_key, i.dedupe_id, i.retention, i.payload FROM item i
    ), subscribed AS (
        SELECT r.n AS route, g.id AS integration_id, g.version, g.ordering,
               CASE WHEN g.id <> ALL (coalesce(p_full, '{}')) THEN v_owner END AS owner
        FROM route r
        JOIN dispatcher.integration g ON g.organization_id = r.organization_id AND g.enabled AND g.deleted_at IS NULL
        WHERE CASE WHEN r.target IS NOT NULL THEN g.id = r.target
              ELSE dispatcher.subscribes(g.project, g.inbox, g.events, r.project, r.inbox, r.type) END
    ), made AS MATERIALIZED (
        SELECT i.n, i.organization_id, i.retention, i.id AS event_id, dispatcher.delivery_id(i.id) AS id, s.integration_id, s.version,
               CASE WHEN s.ordering = 'by_key' THEN i.ordering_key END AS ordering_key,
               CASE WHEN s.ordering = 'by_key' AND i.ordering_key IS NOT NULL THEN nextval('dispatcher.ordering_seq') END AS ordering_seq,
               -- Rows that keep an order are always claimed: only the claim knows which of a key is the oldest.
               CASE WHEN s.ordering = 'by_key' AND i.ordering_key IS NOT NULL THEN NULL
                    WHEN row_number() OVER (ORDER BY i.n) <= p_room THEN s.owner END AS owner
        FROM item i JOIN subscribed s ON s.route = i.route
        ORDER BY i.n
    ), queued AS (
        INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, ordering_seq, owner, retention, ordering_key)
        SELECT m.organization_id, m.id, m.event_id, m.integration_id, now(), m.ordering_seq, m.owner, m.retention, m.ordering_key FROM made m
    )
    SELECT m.n, m.event_id, m.id, m.integration_id, m.version, m.retention, m.owner IS NOT NULL FROM made m;
END $$;
