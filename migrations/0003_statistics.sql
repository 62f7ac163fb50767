-- Counters, and how long integrations have been failing.
--
-- Statistics are read from rows that hold the sums of a minute or of an hour, never by looking through deliveries and
-- attempts. Nodes count in memory and add what they counted here every few seconds, in one statement (Statistics/FlushStatement.cs).

-- ── Counters ─────────────────────────────────────────────────────────────────────────────────────────────────

-- What happened in the minute that begins at "at". Besides a row for each integration there is one for its organization
-- (integration_id all zeros) and one for the whole server (organization_id empty too): totals are read as cheaply as parts.
-- Minutes and hours are written together; minutes are kept for two days, hours for the server's retention.
CREATE TABLE dispatcher.stats_minute (
    organization_id text COLLATE "C" NOT NULL,
    integration_id  uuid NOT NULL,
    at              timestamptz NOT NULL,
    events          bigint NOT NULL,
    deliveries      bigint NOT NULL,
    succeeded       bigint NOT NULL,
    exhausted       bigint NOT NULL,
    cancelled       bigint NOT NULL,
    latency_us      bigint NOT NULL,
    latency_from    smallint NOT NULL,
    outcomes        bigint[] NOT NULL,
    latency         bigint[] NOT NULL,
    PRIMARY KEY (organization_id, integration_id, at)
) PARTITION BY RANGE (at);
COMMENT ON COLUMN dispatcher.stats_minute.events IS 'accepted events; 0 in the rows of integrations';
COMMENT ON COLUMN dispatcher.stats_minute.deliveries IS 'deliveries that those events made; 0 in the rows of integrations';
COMMENT ON COLUMN dispatcher.stats_minute.succeeded IS 'deliveries that ended so; exhausted and cancelled likewise';
COMMENT ON COLUMN dispatcher.stats_minute.latency_us IS 'the sum over all attempts, in microseconds';
COMMENT ON COLUMN dispatcher.stats_minute.outcomes IS 'attempts by outcome, in the order of Statistics/OutcomeOrder.cs, without the zeros at the end';
COMMENT ON COLUMN dispatcher.stats_minute.latency IS 'attempts by latency (Statistics/LatencyHistogram.cs), without the zeros at both ends; the first stands for bucket latency_from';

CREATE TABLE dispatcher.stats_hour (LIKE dispatcher.stats_minute INCLUDING ALL) PARTITION BY RANGE (at);

-- The last flush of each process. A flush whose outcome is unknown is tried again under the same number, and counts once.
CREATE TABLE dispatcher.stats_writer (
    id         uuid PRIMARY KEY,
    flush      bigint NOT NULL,
    flushed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Makes the partitions that hold the days given: of minutes one a day, of hours one a month. As dispatcher.ensure_partitions
-- does: attaching lets readers and writers go on, and several nodes may call at once.
CREATE FUNCTION dispatcher.ensure_stats_partitions(first_day date, last_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    day    date;
    span   interval;
    part   text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.stats_partitions', 0));
    FOR parent, day, span IN
        SELECT 'stats_minute', d::date, interval '1 day' FROM generate_series(first_day, last_day, interval '1 day') d
        UNION ALL
        SELECT 'stats_hour', m::date, interval '1 month' FROM generate_series(date_trunc('month', first_day), last_day, interval '1 month') m
    LOOP
        part := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
        CONTINUE WHEN to_regclass(format('dispatcher.%I', part)) IS NOT NULL;
        -- Rows are updated again and again while their time lasts: room on the page keeps these updates out of the index.
        EXECUTE format('CREATE TABLE dispatcher.%I (LIKE dispatcher.%I INCLUDING ALL) WITH (fillfactor = 60)', part, parent);
        EXECUTE format('ALTER TABLE dispatcher.%I ATTACH PARTITION dispatcher.%I FOR VALUES FROM (%L) TO (%L)',
            parent, part, day::timestamp AT TIME ZONE 'UTC', (day + span) AT TIME ZONE 'UTC');
    END LOOP;
END $$;

-- Drops the partitions that lie wholly before the day given for their kind. Returns how many were dropped.
CREATE FUNCTION dispatcher.drop_stats_partitions(minutes_before date, hours_before date) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    part    text;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.stats_partitions', 0));
    FOR part IN
        SELECT c.relname FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = p.relnamespace
        CROSS JOIN LATERAL (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS day) d
        WHERE n.nspname = 'dispatcher'
          AND (p.relname = 'stats_minute' AND d.day < minutes_before
            OR p.relname = 'stats_hour' AND d.day + interval '1 month' <= hours_before)
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE dispatcher.%I', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

-- ── Health ───────────────────────────────────────────────────────────────────────────────────────────────────

-- Integrations that have failed since their last success, and since when. Written when an integration begins to fail and when it
-- stops failing, not per attempt; a table of its own, because every update of "integration" makes a new version of it.
CREATE TABLE dispatcher.integration_health (
    organization_id text COLLATE "C" NOT NULL,
    integration_id  uuid NOT NULL,
    failing_since   timestamptz NOT NULL,
    PRIMARY KEY (organization_id, integration_id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES dispatcher.integration ON DELETE CASCADE
);

-- Whoever enables an integration again, or points it elsewhere, gives it a new start.
CREATE FUNCTION dispatcher.integration_starts_afresh() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM dispatcher.integration_health h WHERE h.organization_id = NEW.organization_id AND h.integration_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER integration_starts_afresh AFTER UPDATE ON dispatcher.integration
    FOR EACH ROW WHEN (NEW.target <> OLD.target OR NEW.enabled AND NOT OLD.enabled)
    EXECUTE FUNCTION dispatcher.integration_starts_afresh();
