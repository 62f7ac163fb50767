-- What the name of a partition says, read without tripping over the names of other tables.
--
-- The functions below ask pg_class for partitions by a join, and read the day out of a name. In which order is the planner's choice: it
-- may well read a day out of every name in the database first, and "sHistory" is none. Whether that failed changed with statistics.

-- The day of a partition such as event_20260131; NULL for a name that ends otherwise.
CREATE FUNCTION dispatcher.partition_day(name name) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN name ~ '_[0-9]{8}$' THEN to_date(right(name, 8), 'YYYYMMDD') END
$$;

-- The retention class of a leaf such as event_20260131_r7; NULL for a name that ends otherwise.
CREATE FUNCTION dispatcher.partition_class(name name) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT substring(name FROM '_[0-9]{8}_r([0-9]{1,5})$')::integer
$$;

CREATE OR REPLACE FUNCTION dispatcher.retention_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM dispatcher.ensure_partitions(dispatcher.partition_day(c.relname), dispatcher.partition_day(c.relname))
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'dispatcher.event'::regclass
      AND dispatcher.partition_day(c.relname) >= (now() AT TIME ZONE 'UTC')::date - 1;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION dispatcher.drop_partitions(today date, default_days integer) RETURNS integer LANGUAGE plpgsql
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
        SELECT l.relname AS name, days.inhparent AS parent, dispatcher.partition_day(d.relname) AS day, c.class,
               today - coalesce(nullif(c.class, 0), default_days) AS before
        FROM pg_inherits days
        JOIN pg_class d ON d.oid = days.inhrelid
        JOIN pg_inherits leaves ON leaves.inhparent = d.oid
        JOIN pg_class l ON l.oid = leaves.inhrelid
        CROSS JOIN LATERAL (SELECT dispatcher.partition_class(l.relname) AS class) c
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

CREATE OR REPLACE FUNCTION dispatcher.drop_stats_partitions(minutes_before date, hours_before date) RETURNS integer LANGUAGE plpgsql AS $$
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
        CROSS JOIN LATERAL (SELECT dispatcher.partition_day(c.relname) AS day) d
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
