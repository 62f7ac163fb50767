-- The schema's first version. Everything lives in the schema "dispatcher", so that it can share a database
-- with the provider's own tables and events can be published inside the provider's own transactions.
--
-- Rules that hold throughout:
--   * Every tenant table starts its primary key with organization_id: the same index lists a tenant's rows
--     newest first, and no tenant's row refers to another's: organizations can be divided among databases.
--   * Ids of events and deliveries are UUIDv7: the id is the time, so the primary key orders lists, bounds
--     partitions and lets expiry drop a partition. A delivery's id shares its first eight bytes with its event's,
--     so that the deliveries of an event are found by a range of the primary key, without an index of their own.
--   * What is kept equally long lies together: days are partitioned again by retention class (organization.retention_days,
--     0 for the server's own), so that short retentions, too, drop partitions.
--   * "queue" holds live deliveries only and is the one hot table. Finished ones move to "delivery" (append-only),
--     which holds the last attempt inline; the attempts before the last are in "attempt".

-- ── Nouns ────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE dispatcher.organization (
    id             text COLLATE "C" PRIMARY KEY,
    name           text NOT NULL,
    -- How long what is accepted from now on is kept; NULL: as long as the server keeps what has no rule of its own. Few values, because
    -- each one in use has partitions of its own.
    retention_days smallint CHECK (retention_days IN (1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650)),
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dispatcher.project (
    organization_id text COLLATE "C" NOT NULL REFERENCES dispatcher.organization ON DELETE CASCADE,
    id              text COLLATE "C" NOT NULL,
    name            text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, id)
);

INSERT INTO dispatcher.organization (id, name) VALUES ('default', 'Default');
INSERT INTO dispatcher.project (organization_id, id, name) VALUES ('default', 'default', 'Default');

CREATE TABLE dispatcher.api_key (
    id              uuid PRIMARY KEY,
    role            text NOT NULL CHECK (role IN ('operator', 'admin', 'member', 'emitter')),
    organization_id text COLLATE "C" REFERENCES dispatcher.organization ON DELETE CASCADE,
    project         text COLLATE "C",
    name            text,
    hash            bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    CONSTRAINT operator_has_no_tenant CHECK ((role = 'operator') = (organization_id IS NULL)),
    CONSTRAINT project_needs_organization CHECK (project IS NULL OR organization_id IS NOT NULL)
);

CREATE TABLE dispatcher.integration (
    organization_id       text COLLATE "C" NOT NULL REFERENCES dispatcher.organization,
    id                    uuid NOT NULL,
    type                  text NOT NULL CHECK (type = 'webhook'),
    name                  text,
    project               text COLLATE "C",
    inbox                 text COLLATE "C",
    events                text[] NOT NULL CHECK (cardinality(events) > 0),
    target                text NOT NULL,
    headers               jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object'),
    basic_username        text,
    basic_password        text,
    enabled               boolean NOT NULL DEFAULT true,
    disabled_reason       text,
    rate_limit_per_second integer CHECK (rate_limit_per_second > 0),
    max_concurrency       integer CHECK (max_concurrency > 0),
    timeout_seconds       double precision CHECK (timeout_seconds > 0),
    retry_base_seconds    double precision CHECK (retry_base_seconds > 0),
    retry_max_attempts    integer CHECK (retry_max_attempts BETWEEN 1 AND 10),
    ordering              text NOT NULL DEFAULT 'none' CHECK (ordering IN ('none', 'by_key')),
    metadata              json NOT NULL DEFAULT '{}' CHECK (json_typeof(metadata) = 'object'),   -- json, not jsonb: read back as it was given
    version               integer NOT NULL DEFAULT 1,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    deleted_at            timestamptz,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT reason_only_when_disabled CHECK (disabled_reason IS NULL OR NOT enabled)
);

-- Serves the fan-out: which of many integrations take events of a type.
CREATE INDEX integration_by_events ON dispatcher.integration USING gin (events) WHERE enabled AND deleted_at IS NULL;

-- Live secrets of an integration: all that have not expired sign. The newest is the one that is shown.
CREATE TABLE dispatcher.integration_secret (
    organization_id text COLLATE "C" NOT NULL,
    id              uuid NOT NULL,
    integration_id  uuid NOT NULL,
    secret          text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES dispatcher.integration ON DELETE CASCADE
);
CREATE INDEX integration_secret_by_integration ON dispatcher.integration_secret (organization_id, integration_id);

-- Any change of an integration, by whoever, gives it a new version and tells the nodes: senders hold settings per version.
CREATE FUNCTION dispatcher.integration_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    PERFORM pg_notify('dispatcher_changed', NEW.id::text);
    RETURN NEW;
END $$;
CREATE TRIGGER integration_changed BEFORE UPDATE ON dispatcher.integration
    FOR EACH ROW EXECUTE FUNCTION dispatcher.integration_changed();

CREATE FUNCTION dispatcher.api_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('dispatcher_changed', 'keys');
    RETURN NULL;
END $$;
CREATE TRIGGER api_key_changed AFTER UPDATE OR DELETE ON dispatcher.api_key
    FOR EACH STATEMENT EXECUTE FUNCTION dispatcher.api_key_changed();

-- The catalogue of the provider's event types. Seeded by the server from its configuration of job kinds.
CREATE TABLE dispatcher.event_type (
    name        text COLLATE "C" PRIMARY KEY,
    description text,
    example     json,   -- sent as it was given
    deprecated  boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dispatcher.job (
    organization_id text COLLATE "C" NOT NULL REFERENCES dispatcher.organization,
    id              text COLLATE "C" NOT NULL,
    kind            text NOT NULL,
    status          text NOT NULL CHECK (status IN ('pending', 'processing', 'successful', 'failure', 'cancelled')),
    project         text COLLATE "C",
    inbox           text COLLATE "C",
    workflow_name   text,
    usage           json,   -- these four, too, are read back as they were given
    error           text,
    fn_status       json,
    result          json,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT finished_in_end_states CHECK ((status IN ('successful', 'failure', 'cancelled')) = (finished_at IS NOT NULL))
);

-- Answers kept for 24 hours under their Idempotency-Key. The body is encrypted with a key that only the caller's own
-- credentials and Idempotency-Key give, because answers may carry a secret that is shown once.
CREATE TABLE dispatcher.idempotency (
    key_hash     bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    fingerprint  bytea NOT NULL CHECK (length(fingerprint) = 32),
    status       smallint,
    location     text,
    content_type text,
    body         bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    locked_until timestamptz NOT NULL
);
CREATE INDEX idempotency_by_age ON dispatcher.idempotency (created_at);

-- ── The engine ───────────────────────────────────────────────────────────────────────────────────────────────

-- A running server process. Rows of the queue are owned by a node; a node whose heartbeat stopped loses them all at once.
CREATE TABLE dispatcher.node (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    roles        text NOT NULL,
    version      text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE dispatcher.event (
    organization_id text COLLATE "C" NOT NULL,
    id              uuid NOT NULL,
    project         text COLLATE "C",
    inbox           text COLLATE "C",
    type            text COLLATE "C" NOT NULL,
    target          uuid,
    ordering_key    text COLLATE "C",
    dedupe_id       text COLLATE "C",
    retention       smallint NOT NULL,
    payload         bytea NOT NULL,
    PRIMARY KEY (organization_id, id, retention)
) PARTITION BY RANGE (id);
COMMENT ON COLUMN dispatcher.event.target IS 'the one integration that it was for (a test); NULL: it fanned out. What was for one is never replayed';

-- The caller's own ids, unique per organization across the partitions of "event".
CREATE TABLE dispatcher.event_dedupe (
    organization_id text COLLATE "C" NOT NULL,
    dedupe_id       text COLLATE "C" NOT NULL,
    event_id        uuid NOT NULL,
    retention       smallint NOT NULL,
    PRIMARY KEY (organization_id, dedupe_id)
);
CREATE INDEX event_dedupe_by_age ON dispatcher.event_dedupe (retention, event_id);

-- Live deliveries. "owner" is the node that holds the row in memory (NULL: waits to be claimed). It is in no index, and each page has
-- room for every row of it once more, so that a claim is a heap-only update. ordering_key and ordering_seq are set only where the integration asks for order.
CREATE TABLE dispatcher.queue (
    id              uuid NOT NULL,
    event_id        uuid NOT NULL,
    integration_id  uuid NOT NULL,
    due_at          timestamptz NOT NULL,
    ordering_seq    bigint,
    owner           integer,
    attempts        smallint NOT NULL DEFAULT 0,
    round_start     smallint NOT NULL DEFAULT 0,
    retention       smallint NOT NULL,
    organization_id text COLLATE "C" NOT NULL,
    ordering_key    text COLLATE "C",
    PRIMARY KEY (organization_id, id)
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON COLUMN dispatcher.queue.attempts IS 'failed attempts so far';
COMMENT ON COLUMN dispatcher.queue.round_start IS 'attempts made before the last manual retry: the schedule and its limit count from here';

-- Serves the claim: due rows of one integration in order, and the hop from one integration to the next.
CREATE INDEX queue_by_lane ON dispatcher.queue (integration_id, due_at);
CREATE SEQUENCE dispatcher.ordering_seq AS bigint;

-- Finished deliveries with their last attempt. The columns last_* are those of "attempt".
CREATE TABLE dispatcher.delivery (
    id                       uuid NOT NULL,
    event_id                 uuid NOT NULL,
    integration_id           uuid NOT NULL,
    finished_at              timestamptz NOT NULL,
    last_started_at          timestamptz,
    last_request_headers     bigint,
    last_latency_us          integer,
    attempts                 smallint NOT NULL,
    last_status_code         smallint,
    retention                smallint NOT NULL,
    organization_id          text COLLATE "C" NOT NULL,
    project                  text COLLATE "C",
    event_type               text COLLATE "C" NOT NULL,
    status                   text COLLATE "C" NOT NULL CHECK (status IN ('succeeded', 'exhausted', 'cancelled')),
    last_outcome             text COLLATE "C",
    last_address             text,
    last_signature           text,
    last_error               text,
    last_response_headers    text,
    last_response_body       bytea,
    PRIMARY KEY (organization_id, id, retention)
) PARTITION BY RANGE (id);
-- Serves the list of one integration's deliveries, newest first.
CREATE INDEX delivery_by_integration ON dispatcher.delivery (integration_id, id);
-- Serves lists of what went wrong, and recover.
CREATE INDEX delivery_unsuccessful ON dispatcher.delivery (organization_id, status, id) WHERE status <> 'succeeded';

-- The attempts before the last one of a delivery (all of them while it is live). Partitioned by its delivery's id, so that
-- a delivery and its attempts expire together.
CREATE TABLE dispatcher.attempt (
    delivery_id      uuid NOT NULL,
    started_at       timestamptz NOT NULL,
    request_headers  bigint,
    latency_us       integer NOT NULL,
    number           smallint NOT NULL,
    status_code      smallint,
    retention        smallint NOT NULL,
    organization_id  text COLLATE "C" NOT NULL,
    outcome          text COLLATE "C" NOT NULL,
    address          text,
    signature        text,
    error            text,
    response_headers text,
    response_body    bytea,
    PRIMARY KEY (organization_id, delivery_id, number, retention)
) PARTITION BY RANGE (delivery_id);

-- The part of the request headers that is the same for every attempt of an integration's version, secret values masked.
-- An attempt refers to it and adds what differs: id, timestamp, signature, event type and number.
CREATE TABLE dispatcher.request_headers (
    id      bigint PRIMARY KEY,
    headers jsonb NOT NULL
);

-- ── Time and ids ─────────────────────────────────────────────────────────────────────────────────────────────

-- The smallest UUID of an instant: bounds for partitions and for lists by time.
CREATE FUNCTION dispatcher.uuid_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

CREATE FUNCTION dispatcher.uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
        52, 1), 53, 1), 'hex')::uuid
$$;

-- A new delivery id for an event: the event's first eight bytes (its time and version), random after them.
CREATE FUNCTION dispatcher.delivery_id(event_id uuid) RETURNS uuid LANGUAGE sql VOLATILE STRICT PARALLEL SAFE AS $$
    SELECT encode(overlay(uuid_send(gen_random_uuid()) PLACING substring(uuid_send(event_id) FROM 1 FOR 8) FROM 1 FOR 8), 'hex')::uuid
$$;

-- ── Partitions ───────────────────────────────────────────────────────────────────────────────────────────────

-- Makes the daily partitions of event, delivery and attempt for the days given, with a leaf per retention class in use. Attaching
-- (rather than CREATE … PARTITION OF) takes a lock that lets readers and writers go on. Safe to call from several nodes at once.
CREATE FUNCTION dispatcher.ensure_partitions(first_day date, last_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    day    date;
    daily  text;
    class  smallint;
    leaf   text;
    fresh  boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.partitions', 0));
    FOREACH parent IN ARRAY ARRAY['event', 'delivery', 'attempt'] LOOP
        FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
            daily := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
            fresh := to_regclass(format('dispatcher.%I', daily)) IS NULL;
            IF fresh THEN
                EXECUTE format('CREATE TABLE dispatcher.%I (LIKE dispatcher.%I INCLUDING ALL) PARTITION BY LIST (retention)', daily, parent);
            END IF;
            FOR class IN SELECT 0 UNION SELECT o.retention_days FROM dispatcher.organization o WHERE o.retention_days IS NOT NULL LOOP
                leaf := format('%s_r%s', daily, class);
                CONTINUE WHEN to_regclass(format('dispatcher.%I', leaf)) IS NOT NULL;
                EXECUTE format('CREATE TABLE dispatcher.%I (LIKE dispatcher.%I INCLUDING ALL)', leaf, parent);
                EXECUTE format('ALTER TABLE dispatcher.%I ATTACH PARTITION dispatcher.%I FOR VALUES IN (%s)', daily, leaf, class);
            END LOOP;
            IF fresh THEN
                EXECUTE format('ALTER TABLE dispatcher.%I ATTACH PARTITION dispatcher.%I FOR VALUES FROM (%L) TO (%L)',
                    parent, daily, dispatcher.uuid_floor(day::timestamp AT TIME ZONE 'UTC'),
                    dispatcher.uuid_floor((day + 1)::timestamp AT TIME ZONE 'UTC'));
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- A retention class has its partitions before the first row that needs them: they come in the transaction that brings the class.
CREATE FUNCTION dispatcher.retention_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dispatcher.ensure_partitions(to_date(right(c.relname, 8), 'YYYYMMDD'), to_date(right(c.relname, 8), 'YYYYMMDD'))
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'dispatcher.event'::regclass
      AND to_date(right(c.relname, 8), 'YYYYMMDD') >= (now() AT TIME ZONE 'UTC')::date - 1;
    RETURN NULL;
END $$;
CREATE TRIGGER retention_made AFTER INSERT ON dispatcher.organization
    FOR EACH ROW WHEN (NEW.retention_days IS NOT NULL) EXECUTE FUNCTION dispatcher.retention_changed();
CREATE TRIGGER retention_changed AFTER UPDATE OF retention_days ON dispatcher.organization
    FOR EACH ROW WHEN (NEW.retention_days IS NOT NULL AND NEW.retention_days IS DISTINCT FROM OLD.retention_days)
    EXECUTE FUNCTION dispatcher.retention_changed();

-- Drops one partition that has expired, if there is one: of each class, those of days that ended longer ago than its retention. With
-- the last of an event's partitions goes what refers to it. default_days: the retention of class 0. To be called until it returns 0.
--
-- One at a time and without patience: a drop that waits for a backup or for a long transaction has everybody else wait behind it.
CREATE FUNCTION dispatcher.drop_partitions(today date, default_days integer) RETURNS integer LANGUAGE plpgsql
SET lock_timeout = '200ms'
AS $$
DECLARE
    leaf  record;
    bound uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.partitions', 0));

    -- Those of deliveries and attempts first: what is left of a day is then found by its events.
    SELECT p.name, p.parent, p.class, p.before INTO leaf
    FROM (
        SELECT l.relname AS name, days.inhparent AS parent, to_date(right(d.relname, 8), 'YYYYMMDD') AS day, c.class,
               today - coalesce(nullif(c.class, 0), default_days) AS before
        FROM pg_inherits days
        JOIN pg_class d ON d.oid = days.inhrelid
        JOIN pg_inherits leaves ON leaves.inhparent = d.oid
        JOIN pg_class l ON l.oid = leaves.inhrelid
        CROSS JOIN LATERAL (SELECT right(l.relname, -position('_r' IN l.relname) - 1)::integer AS class) c
        WHERE days.inhparent IN ('dispatcher.event'::regclass, 'dispatcher.delivery'::regclass, 'dispatcher.attempt'::regclass)
    ) p
    WHERE p.day < p.before
    ORDER BY p.parent = 'dispatcher.event'::regclass, p.name LIMIT 1;
    IF FOUND THEN
        EXECUTE format('DROP TABLE dispatcher.%I', leaf.name);
        IF leaf.parent = 'dispatcher.event'::regclass THEN
            bound := dispatcher.uuid_floor(leaf.before::timestamp AT TIME ZONE 'UTC');
            DELETE FROM dispatcher.queue WHERE retention = leaf.class AND id < bound;
            DELETE FROM dispatcher.event_dedupe WHERE retention = leaf.class AND event_id < bound;
        END IF;
        RETURN 1;
    END IF;

    -- A day of which no class is left.
    SELECT d.relname AS name INTO leaf
    FROM pg_inherits days JOIN pg_class d ON d.oid = days.inhrelid
    WHERE days.inhparent IN ('dispatcher.event'::regclass, 'dispatcher.delivery'::regclass, 'dispatcher.attempt'::regclass)
      AND NOT EXISTS (SELECT FROM pg_inherits leaves WHERE leaves.inhparent = d.oid)
    LIMIT 1;
    IF FOUND THEN
        EXECUTE format('DROP TABLE dispatcher.%I', leaf.name);
        RETURN 1;
    END IF;
    RETURN 0;
END $$;

-- ── Accepting ────────────────────────────────────────────────────────────────────────────────────────────────

-- What an integration's "events" may hold for it to get an event of this type: the name, '*', and 'a.*' for each leading part.
CREATE FUNCTION dispatcher.event_patterns(type text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ARRAY[type, '*'] || ARRAY(
        SELECT array_to_string(parts[1:n], '.') || '.*'
        FROM (SELECT string_to_array(type, '.') AS parts) AS split, generate_series(1, cardinality(parts) - 1) AS n)
$$;

-- Whether an integration of this scope, with these "events", gets an event: the rule of accept and of replay. patterns: what
-- event_patterns says of the event's type.
CREATE FUNCTION dispatcher.subscribes(
    integration_project text, integration_inbox text, integration_events text[], project text, inbox text, patterns text[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (integration_project IS NULL OR integration_project = coalesce(project, 'default'))
       AND (integration_inbox IS NULL OR integration_inbox = inbox)
       AND integration_events && patterns
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
CREATE FUNCTION dispatcher.accept(
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
        SELECT r.*, coalesce(o.retention_days, 0::smallint) AS retention, dispatcher.event_patterns(r.type) AS patterns
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
        SELECT t.route, t.integration_id, t.version, t.ordering,
               CASE WHEN t.integration_id <> ALL (coalesce(p_full, '{}')) THEN v_owner END AS owner
        FROM (
            SELECT r.n AS route, g.id AS integration_id, g.version, g.ordering
            FROM route r
            JOIN dispatcher.integration g ON g.organization_id = r.organization_id AND g.id = r.target AND g.enabled AND g.deleted_at IS NULL
            UNION ALL
            SELECT r.n, g.id, g.version, g.ordering
            FROM route r
            JOIN dispatcher.integration g
              ON g.organization_id = r.organization_id AND g.events && r.patterns AND g.enabled AND g.deleted_at IS NULL
            WHERE r.target IS NULL AND dispatcher.subscribes(g.project, g.inbox, g.events, r.project, r.inbox, r.patterns)
        ) t
    ), made AS MATERIALIZED (
        SELECT i.n, i.organization_id, i.retention, i.id AS event_id, dispatcher.delivery_id(i.id) AS id, s.integration_id, s.version,
               CASE WHEN s.ordering = 'by_key' THEN i.ordering_key END AS ordering_key,
               CASE WHEN s.ordering = 'by_key' AND i.ordering_key IS NOT NULL THEN nextval('dispatcher.ordering_seq') END AS ordering_seq,
               -- Rows that keep an order are always claimed: whose turn it is shows only after the commit.
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

-- ── Claiming ─────────────────────────────────────────────────────────────────────────────────────────────────

-- Integrations beyond p_after, in the order of their ids, that have a due row which nobody owns; p_full are passed over. A loose
-- index scan: one probe per integration that has live rows, however many wait behind each.
CREATE FUNCTION dispatcher.due_lanes(p_after uuid, p_full uuid[], p_limit integer) RETURNS TABLE (integration_id uuid)
LANGUAGE plpgsql
SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE hop AS (
        (SELECT q.organization_id, q.integration_id FROM dispatcher.queue q
         WHERE q.integration_id > p_after ORDER BY q.integration_id LIMIT 1)
        UNION ALL
        SELECT n.organization_id, n.integration_id FROM hop CROSS JOIN LATERAL (
            SELECT q.organization_id, q.integration_id FROM dispatcher.queue q
            WHERE q.integration_id > hop.integration_id ORDER BY q.integration_id LIMIT 1) n
    )
    SELECT hop.integration_id FROM hop
    WHERE hop.integration_id NOT IN (SELECT unnest(p_full))
      AND EXISTS (
          SELECT FROM dispatcher.integration g
          WHERE g.organization_id = hop.organization_id AND g.id = hop.integration_id AND g.enabled AND g.deleted_at IS NULL)
      AND EXISTS (
          SELECT FROM dispatcher.queue q
          WHERE q.integration_id = hop.integration_id AND q.due_at <= now() AND q.owner IS NULL)
    LIMIT p_limit;
END $$;

-- Takes due rows that nobody owns for a node, with what is needed to send them: up to p_wanted[n] of the integration p_lanes[n], and
-- about p_max_bytes of payload in all.
--
-- One claim at a time in the whole database: claims are short, and so no row is looked at in vain.
--
-- The settings keep the planner to the one plan that is right whatever the statistics say of a table that changes this fast:
-- walk queue_by_lane in its order and stop early. With outdated statistics it would sort the whole backlog instead.
CREATE FUNCTION dispatcher.take(p_owner integer, p_lanes uuid[], p_wanted integer[], p_max_bytes bigint)
RETURNS TABLE (
    organization_id text, id uuid, event_id uuid, integration_id uuid, integration_version integer, attempts smallint, round_start smallint,
    retention smallint, project text, type text, payload bytea)
LANGUAGE plpgsql
SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    -- As in accept: the node cannot be declared dead while it takes rows.
    PERFORM FROM dispatcher.node n WHERE n.id = p_owner FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    -- Until commit. The statement after it sees what the claim before has taken.
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.claim', 0));

    RETURN QUERY
    WITH picked AS (
        SELECT p.*, g.version
        FROM unnest(p_lanes, p_wanted) AS lane (id, wanted)
        CROSS JOIN LATERAL (
            SELECT q.organization_id FROM dispatcher.queue q WHERE q.integration_id = lane.id LIMIT 1) tenant
        JOIN dispatcher.integration g
          ON g.organization_id = tenant.organization_id AND g.id = lane.id AND g.enabled AND g.deleted_at IS NULL
        CROSS JOIN LATERAL (
            SELECT q.ctid AS tid, q.organization_id, q.id, q.event_id, q.integration_id, q.attempts, q.round_start, q.retention
            FROM dispatcher.queue q
            WHERE q.integration_id = lane.id AND q.due_at <= now() AND q.owner IS NULL
            ORDER BY q.due_at
            LIMIT lane.wanted) p
    ), fitting AS (
        SELECT p.*, e.project, e.type, e.payload,
               sum(octet_length(e.payload)) OVER (ROWS UNBOUNDED PRECEDING) - octet_length(e.payload) AS bytes_before
        FROM picked p
        JOIN dispatcher.event e ON e.organization_id = p.organization_id AND e.id = p.event_id AND e.retention = p.retention
    ), taken AS (
        -- Others may delete or hurry a row meanwhile, but only claims give it an owner.
        UPDATE dispatcher.queue q SET owner = p_owner FROM fitting f
        WHERE q.ctid = f.tid AND q.id = f.id AND q.owner IS NULL AND f.bytes_before < p_max_bytes
        RETURNING f.organization_id, f.id, f.event_id, f.integration_id, f.version, f.attempts, f.round_start, f.retention,
                  f.project, f.type, f.payload
    )
    SELECT * FROM taken;
END $$;

-- Takes rows, commits, and only then answers: a node that hangs while it should read its answer keeps no lock from the others.
-- An array per column, all of the same length.
CREATE PROCEDURE dispatcher.claim(
    p_owner integer, p_lanes uuid[], p_wanted integer[], p_max_bytes bigint,
    OUT organization_ids text[], OUT ids uuid[], OUT event_ids uuid[], OUT integration_ids uuid[], OUT integration_versions integer[],
    OUT attempts smallint[], OUT round_starts smallint[], OUT retentions smallint[], OUT projects text[], OUT types text[], OUT payloads bytea[])
LANGUAGE plpgsql AS $$
BEGIN
    SELECT array_agg(t.organization_id), array_agg(t.id), array_agg(t.event_id), array_agg(t.integration_id), array_agg(t.integration_version),
           array_agg(t.attempts), array_agg(t.round_start), array_agg(t.retention), array_agg(t.project), array_agg(t.type), array_agg(t.payload)
    INTO organization_ids, ids, event_ids, integration_ids, integration_versions, attempts, round_starts, retentions, projects, types, payloads
    FROM dispatcher.take(p_owner, p_lanes, p_wanted, p_max_bytes) AS t;
    COMMIT;
END $$;

-- ── Recording ────────────────────────────────────────────────────────────────────────────────────────────────

-- Takes finished deliveries out of the queue; the caller archives them in the same transaction. Only rows still owned by the node that
-- made the attempt go: what was cancelled or taken over meanwhile is not that node's to finish. The count of attempts tells a row that the
-- node has claimed again, because an earlier try at recording went through after all.
--
-- Returns the ids of the rows that did not go. The settings are for the same reason as those of claim.
CREATE FUNCTION dispatcher.finish(p_organizations text[], p_ids uuid[], p_owners integer[], p_attempts smallint[]) RETURNS uuid[]
LANGUAGE plpgsql
SET enable_bitmapscan = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    v_gone uuid[];
BEGIN
    WITH gone AS (
        DELETE FROM dispatcher.queue q
        USING unnest(p_organizations, p_ids, p_owners, p_attempts) AS r (organization_id, id, owner, attempts)
        WHERE q.organization_id = r.organization_id AND q.id = r.id AND q.owner = r.owner AND q.attempts = r.attempts - 1
        RETURNING q.id
    )
    SELECT array_agg(g.id) INTO v_gone FROM gone g;

    IF cardinality(v_gone) = cardinality(p_ids) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT unnest(p_ids) EXCEPT SELECT unnest(v_gone));
END $$;

-- ── Publishing in SQL ────────────────────────────────────────────────────────────────────────────────────────

-- Publishes one event inside the caller's own transaction: it is sent when that commits, and never was when it rolls back.
-- Returns the event's id; refuses what POST /events refuses. The payload is delivered as the text given, byte for byte (jsonb: in PostgreSQL's own spelling).
CREATE FUNCTION dispatcher.publish(
    type text, payload text, organization text DEFAULT 'default', project text DEFAULT NULL, inbox text DEFAULT NULL,
    ordering_key text DEFAULT NULL, id text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    v_id    uuid := dispatcher.uuid_v7();
    v_first uuid;
    v_woken text;
    v_name  text;
    v_value text;
BEGIN
    IF type IS NULL OR type !~ '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$' OR length(type) > 128 THEN
        RAISE EXCEPTION 'type: an event type is dot-separated words of letters, digits, "_" and "-", at most 128 characters'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF payload IS NULL OR json_typeof(payload::json) <> 'object' THEN
        RAISE EXCEPTION 'payload: must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- What each server takes over HTTP is its configuration; this is the most that it can be configured to.
    IF octet_length(payload) > 16777216 THEN
        RAISE EXCEPTION 'payload: has % bytes, more than 16777216', octet_length(payload) USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR v_name, v_value IN VALUES ('project', project), ('inbox', inbox), ('id', id) LOOP
        IF v_value !~ '^[A-Za-z0-9_.:@-]{1,128}$' THEN
            RAISE EXCEPTION '%: must have 1 to 128 characters, each a letter, a digit or one of _ - . : @', v_name
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END LOOP;
    IF length(ordering_key) NOT BETWEEN 1 AND 256 THEN
        RAISE EXCEPTION 'ordering_key: must have 1 to 256 characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT FROM dispatcher.organization o WHERE o.id = organization) THEN
        RAISE EXCEPTION 'organization: there is no organization "%"', organization USING ERRCODE = 'invalid_parameter_value';
    END IF;

    SELECT string_agg(a.integration_id::text, ','), min(a.event_id::text) FILTER (WHERE a.delivery_id IS NULL)::uuid
    INTO v_woken, v_first
    FROM dispatcher.accept(
        ARRAY[organization], ARRAY[project], ARRAY[inbox], ARRAY[type], ARRAY[NULL::uuid],
        ARRAY[v_id], ARRAY[1], ARRAY[convert_to(payload, 'UTF8')], ARRAY[ordering_key],
        CASE WHEN id IS NOT NULL THEN ARRAY[id] END, NULL, 0, NULL) AS a;

    IF v_woken IS NOT NULL THEN
        -- Nodes take a notification without ids for all integrations.
        PERFORM pg_notify('dispatcher_wake', CASE WHEN length(v_woken) < 7500 THEN v_woken ELSE '' END);
    END IF;
    RETURN 'evt_' || replace(coalesce(v_first, v_id)::text, '-', '');
END $$;

CREATE FUNCTION dispatcher.publish(
    type text, payload jsonb, organization text DEFAULT 'default', project text DEFAULT NULL, inbox text DEFAULT NULL,
    ordering_key text DEFAULT NULL, id text DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$ SELECT dispatcher.publish(type, payload::text, organization, project, inbox, ordering_key, id) $$;

CREATE FUNCTION dispatcher.publish(
    type text, payload json, organization text DEFAULT 'default', project text DEFAULT NULL, inbox text DEFAULT NULL,
    ordering_key text DEFAULT NULL, id text DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$ SELECT dispatcher.publish(type, payload::text, organization, project, inbox, ordering_key, id) $$;
