-- The audit trail: who changed what, and when. An entry is written in the transaction of the change that it tells of, and never changed.

-- organization_id is '' for what belongs to no organization (organizations themselves, operator keys, the catalogue): no organization
-- has that id, and the primary key lists these entries as it lists a tenant's. Nothing here refers to what it tells of: entries outlive it, but not the organization.
CREATE TABLE dispatcher.audit (
    organization_id text COLLATE "C" NOT NULL,
    id              uuid NOT NULL,
    action          text COLLATE "C" NOT NULL,
    actor_kind      text COLLATE "C" NOT NULL CHECK (actor_kind IN ('key', 'operator_key', 'portal', 'server')),
    actor_id        text COLLATE "C",
    actor_name      text,
    actor_role      text COLLATE "C",
    target_kind     text COLLATE "C" NOT NULL,
    target_id       text COLLATE "C" NOT NULL,
    project         text COLLATE "C",
    details         json CHECK (json_typeof(details) = 'object'),
    remote_address  inet,
    request_id      text,
    PRIMARY KEY (organization_id, id)
) PARTITION BY RANGE (id);
COMMENT ON COLUMN dispatcher.audit.actor_name IS 'as it was then: the name of a key, or which of its commands the server ran';
COMMENT ON COLUMN dispatcher.audit.project IS 'the project that it concerns, whose admins read it too';
COMMENT ON COLUMN dispatcher.audit.details IS 'never a secret: of members whose values are secret only the names';

-- Serves ?target=: the history of one integration among all that an organization has.
CREATE INDEX audit_by_target ON dispatcher.audit (organization_id, target_id, id);

-- Makes the partitions, one a month, that hold the days given. As dispatcher.ensure_partitions does: attaching lets readers and
-- writers go on, and several nodes may call at once.
CREATE FUNCTION dispatcher.ensure_audit_partitions(first_day date, last_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month date;
    part  text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.audit_partitions', 0));
    FOR month IN SELECT m::date FROM generate_series(date_trunc('month', first_day), last_day, interval '1 month') m LOOP
        part := format('audit_%s', to_char(month, 'YYYYMMDD'));
        CONTINUE WHEN to_regclass(format('dispatcher.%I', part)) IS NOT NULL;
        EXECUTE format('CREATE TABLE dispatcher.%I (LIKE dispatcher.audit INCLUDING ALL)', part);
        EXECUTE format('ALTER TABLE dispatcher.audit ATTACH PARTITION dispatcher.%I FOR VALUES FROM (%L) TO (%L)',
            part, dispatcher.uuid_floor(month::timestamp AT TIME ZONE 'UTC'),
            dispatcher.uuid_floor((month + interval '1 month') AT TIME ZONE 'UTC'));
    END LOOP;
END $$;

-- Drops the partitions that lie wholly before a day. Returns how many were dropped. Without patience, as dispatcher.drop_partitions:
-- what a backup reads right now is dropped the next time.
CREATE FUNCTION dispatcher.drop_audit_partitions(before date) RETURNS integer LANGUAGE plpgsql
SET lock_timeout = '200ms'
AS $$
DECLARE
    part    text;
    dropped integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('dispatcher.audit_partitions', 0));
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'dispatcher.audit'::regclass
          -- By CASE, because the planner may look at other names first.
          AND CASE WHEN c.relname ~ '_[0-9]{8}$' THEN to_date(right(c.relname, 8), 'YYYYMMDD') + interval '1 month' <= before END
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE dispatcher.%I', part);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
