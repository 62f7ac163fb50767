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

-- ── Siblings ─────────────────────────────────────────────────────────────────────────────────────────────────

-- The range of ids that share this one's first eight bytes: an event's id, and its deliveries' ids, lie in it.
CREATE FUNCTION dispatcher.first_sibling(id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (left(id::text, 18) || '-0000-000000000000')::uuid
$$;
CREATE FUNCTION dispatcher.last_sibling(id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (left(id::text, 18) || '-ffff-ffffffffffff')::uuid
$$;
