-- What operators look at: which integrations fail most, what each node is doing, and actions on all deliveries that a filter matches.

-- ── Who fails ────────────────────────────────────────────────────────────────────────────────────────────────

-- A column, because a condition of the index on "outcomes" itself would make each update of a row one of the index too. It changes at
-- most once in an hour's life. Adding it rewrites the hours: a second for each million rows.
ALTER TABLE dispatcher.stats_hour ADD COLUMN failing boolean NOT NULL GENERATED ALWAYS AS (cardinality(outcomes) > 1) STORED;
COMMENT ON COLUMN dispatcher.stats_hour.failing IS 'whether any attempt failed: outcomes has no zeros at its end, and the first one is success';
-- Serves the ranking of integrations by failures over a span (Statistics/FailureRanking.cs), across all organizations.
CREATE INDEX stats_hour_failing ON dispatcher.stats_hour (at) WHERE failing AND integration_id <> '00000000-0000-0000-0000-000000000000';

-- ── Nodes ────────────────────────────────────────────────────────────────────────────────────────────────────

-- Written with each heartbeat.
ALTER TABLE dispatcher.node ADD COLUMN in_memory integer NOT NULL DEFAULT 0, ADD COLUMN in_flight integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN dispatcher.node.in_memory IS 'deliveries that it holds: in flight, or to be sent next';
COMMENT ON COLUMN dispatcher.node.in_flight IS 'deliveries that it is working on';

-- ── Bulk actions ─────────────────────────────────────────────────────────────────────────────────────────────

-- Tasks may be about all deliveries of an organization that a filter matches: of one integration, or (integration_id NULL) of all. See
-- docs/decisions/0013.
ALTER TABLE dispatcher.task
    ALTER COLUMN integration_id DROP NOT NULL,
    ALTER COLUMN since DROP NOT NULL,
    ADD COLUMN project    text COLLATE "C",
    ADD COLUMN event_type text COLLATE "C",
    ADD COLUMN statuses   text[],
    DROP CONSTRAINT task_kind_check,
    ADD CONSTRAINT task_kind_check CHECK (kind IN ('recover', 'replay', 'bulk_retry', 'bulk_cancel', 'bulk_replay')),
    ADD CONSTRAINT task_filter_of_bulk CHECK ((kind LIKE 'bulk%') = (statuses IS NOT NULL)),
    ADD CONSTRAINT task_span_of_integration CHECK (kind LIKE 'bulk%' OR integration_id IS NOT NULL AND since IS NOT NULL),
    -- Those of no integration go with their organization.
    ADD FOREIGN KEY (organization_id) REFERENCES dispatcher.organization ON DELETE CASCADE;
COMMENT ON COLUMN dispatcher.task.integration_id IS 'NULL: a bulk action on those of all integrations';
COMMENT ON COLUMN dispatcher.task.since IS 'NULL: a bulk action from the oldest delivery on';
COMMENT ON COLUMN dispatcher.task.project IS 'of a bulk action: the project of the key that asked, whose deliveries alone it is about; NULL: all';
COMMENT ON COLUMN dispatcher.task.event_type IS 'of a bulk action: only deliveries of events of this type; NULL: of all';
COMMENT ON COLUMN dispatcher.task.statuses IS 'of a bulk action: only deliveries that stand at one of these';
