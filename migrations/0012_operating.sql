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
