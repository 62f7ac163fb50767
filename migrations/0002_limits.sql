-- Limits per integration that hold across all nodes, and circuit breakers that all nodes share. See docs/decisions/0004.

-- One row per integration that has a limit. It is what nodes lock, in the order of the primary key, while one of them works out
-- its share, and it says until when the rate's tokens are given away. Unlogged: it changes ten times a second and what a crash
-- loses of it is a quarter of a second.
CREATE UNLOGGED TABLE dispatcher.integration_limit (
    organization_id text COLLATE "C" NOT NULL,
    integration_id  uuid NOT NULL,
    rate            integer,
    granted         integer NOT NULL DEFAULT 0,
    next_at         timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (organization_id, integration_id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES dispatcher.integration ON DELETE CASCADE
) WITH (fillfactor = 25, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500);
COMMENT ON COLUMN dispatcher.integration_limit.rate IS 'the rate that next_at was worked out with';
COMMENT ON COLUMN dispatcher.integration_limit.granted IS 'how many tokens were given away last';
COMMENT ON COLUMN dispatcher.integration_limit.next_at IS 'the theoretical arrival time: when the first token that is not given away yet is valid';

-- How many POSTs at once a node may have under way to an integration. What a node had comes back when it is declared dead.
CREATE TABLE dispatcher.concurrency_lease (
    organization_id text COLLATE "C" NOT NULL,
    integration_id  uuid NOT NULL,
    node            integer NOT NULL REFERENCES dispatcher.node ON DELETE CASCADE,
    granted         integer NOT NULL,
    wanted          integer NOT NULL,
    PRIMARY KEY (organization_id, integration_id, node),
    FOREIGN KEY (organization_id, integration_id) REFERENCES dispatcher.integration ON DELETE CASCADE
) WITH (fillfactor = 50);
-- Serves the deletion of a node.
CREATE INDEX concurrency_lease_by_node ON dispatcher.concurrency_lease (node);

-- Integrations to which nothing is sent for a while, because everything sent to them has been failing.
CREATE TABLE dispatcher.open_breaker (
    organization_id text COLLATE "C" NOT NULL,
    integration_id  uuid NOT NULL,
    open_until      timestamptz NOT NULL,
    breaks          integer NOT NULL,
    probing         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organization_id, integration_id),
    FOREIGN KEY (organization_id, integration_id) REFERENCES dispatcher.integration ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN dispatcher.open_breaker.open_until IS 'when the next probe may be made; while one is under way, when another may be made in its place';
COMMENT ON COLUMN dispatcher.open_breaker.breaks IS 'how many breaks in a row, this one included';

-- As before; and what was changed may be what was wrong, so its breaker closes.
CREATE OR REPLACE FUNCTION dispatcher.integration_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    DELETE FROM dispatcher.open_breaker b WHERE b.organization_id = NEW.organization_id AND b.integration_id = NEW.id;
    PERFORM pg_notify('dispatcher_changed', NEW.id::text);
    RETURN NEW;
END $$;

-- Gives tokens away: for each integration as many as wanted, each valid from a moment of its own, one period of the rate after
-- the one before it, whichever node that went to. Tokens of the past are worth something for a tenth of a second.
-- p_ahead: seconds that the answer will probably take; tokens of that time would come too late.
-- first_at: the first token's moment, clock: that of the answer, both in seconds since 1970. Integrations without a rate limit are
-- left out.
CREATE FUNCTION dispatcher.lease_tokens(p_organizations text[], p_integrations uuid[], p_wanted integer[], p_ahead double precision)
RETURNS TABLE (integration_id uuid, granted integer, rate integer, first_at double precision, clock double precision)
LANGUAGE sql AS $$
    INSERT INTO dispatcher.integration_limit AS l (organization_id, integration_id, rate, granted, next_at)
    SELECT g.organization_id, g.id, g.rate_limit_per_second, a.wanted,
           clock_timestamp() + make_interval(secs => p_ahead + a.wanted::double precision / g.rate_limit_per_second)
    FROM unnest(p_organizations, p_integrations, p_wanted) AS a (organization_id, integration_id, wanted)
    JOIN dispatcher.integration g ON g.organization_id = a.organization_id AND g.id = a.integration_id
    WHERE g.rate_limit_per_second IS NOT NULL AND g.enabled AND g.deleted_at IS NULL
    ORDER BY g.organization_id, g.id
    ON CONFLICT ON CONSTRAINT integration_limit_pkey DO UPDATE SET
        rate = excluded.rate, granted = excluded.granted,
        -- With another rate than before, what was given away was worth something else: it begins anew.
        next_at = CASE WHEN l.rate = excluded.rate
                THEN greatest(l.next_at, clock_timestamp() + make_interval(secs => p_ahead - 0.1))
                ELSE clock_timestamp() + make_interval(secs => p_ahead) END
            + make_interval(secs => excluded.granted::double precision / excluded.rate)
    RETURNING l.integration_id, l.granted, l.rate,
        extract(epoch FROM l.next_at)::double precision - l.granted::double precision / l.rate,
        extract(epoch FROM clock_timestamp())::double precision
$$;

-- Gives a node its shares of the integrations' max_concurrency. A node says how much it wants and how much it holds: what it may
-- have under way until it hears otherwise. The sum of what all hold never exceeds the limit: nobody is given what another has
-- not said that it no longer holds. A node that is answered less than it holds lets the rest run out and then says so.
-- p_former: ids under which this node held before. Returns what the node may have from now on; integrations without a limit, and
-- all where the node was declared dead, are left out.
CREATE FUNCTION dispatcher.lease_permits(
    p_node integer, p_former integer[], p_organizations text[], p_integrations uuid[], p_wanted integer[], p_held integer[])
RETURNS TABLE (integration_id uuid, permits integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_ask    record;
    v_lease  record;
    v_left   integer;
    v_nodes  integer;
    v_share  integer;
    v_mine   integer;
    v_held   integer;
    v_spoken integer;
    v_grant  integer;
BEGIN
    PERFORM FROM dispatcher.node n WHERE n.id = p_node FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    INSERT INTO dispatcher.integration_limit AS l (organization_id, integration_id)
    SELECT g.organization_id, g.id
    FROM unnest(p_organizations, p_integrations) AS a (organization_id, integration_id)
    JOIN dispatcher.integration g ON g.organization_id = a.organization_id AND g.id = a.integration_id
    ORDER BY g.organization_id, g.id
    ON CONFLICT DO NOTHING;
    PERFORM FROM dispatcher.integration_limit l
    JOIN unnest(p_organizations, p_integrations) AS a (organization_id, integration_id)
      ON l.organization_id = a.organization_id AND l.integration_id = a.integration_id
    ORDER BY l.organization_id, l.integration_id
    FOR UPDATE OF l;

    DELETE FROM dispatcher.concurrency_lease c
    USING unnest(p_organizations, p_integrations) AS a (organization_id, integration_id)
    WHERE c.organization_id = a.organization_id AND c.integration_id = a.integration_id AND c.node = ANY (p_former);

    FOR v_ask IN
        SELECT a.*, CASE WHEN g.enabled AND g.deleted_at IS NULL THEN g.max_concurrency END AS most
        FROM unnest(p_organizations, p_integrations, p_wanted, p_held) AS a (organization_id, integration_id, wanted, held)
        JOIN dispatcher.integration g ON g.organization_id = a.organization_id AND g.id = a.integration_id
    LOOP
        IF v_ask.most IS NULL OR (v_ask.wanted = 0 AND v_ask.held = 0) THEN
            DELETE FROM dispatcher.concurrency_lease c
            WHERE c.organization_id = v_ask.organization_id AND c.integration_id = v_ask.integration_id AND c.node = p_node;
            IF v_ask.most IS NOT NULL THEN
                integration_id := v_ask.integration_id;
                permits := 0;
                RETURN NEXT;
            END IF;
            CONTINUE;
        END IF;

        INSERT INTO dispatcher.concurrency_lease AS c (organization_id, integration_id, node, granted, wanted)
        VALUES (v_ask.organization_id, v_ask.integration_id, p_node, v_ask.held, v_ask.wanted)
        ON CONFLICT ON CONSTRAINT concurrency_lease_pkey DO UPDATE SET granted = excluded.granted, wanted = excluded.wanted
        WHERE (c.granted, c.wanted) IS DISTINCT FROM (excluded.granted, excluded.wanted);

        -- Equal shares, less for those who want less. Where it does not come out even, those who hold keep.
        v_left := v_ask.most;
        v_mine := 0;
        v_held := 0;
        v_spoken := 0;
        FOR v_lease IN
            SELECT c.node, c.granted, c.wanted, count(*) OVER () AS nodes
            FROM dispatcher.concurrency_lease c
            WHERE c.organization_id = v_ask.organization_id AND c.integration_id = v_ask.integration_id
            ORDER BY least(c.wanted, (v_ask.most + count(*) OVER () - 1) / count(*) OVER ()), c.granted, c.node
        LOOP
            v_nodes := coalesce(v_nodes, v_lease.nodes);
            v_share := least(v_lease.wanted, v_left / v_nodes);
            v_left := v_left - v_share;
            v_nodes := v_nodes - 1;
            IF v_lease.node = p_node THEN
                v_mine := v_share;
            ELSE
                v_held := v_held + v_lease.granted;
                v_spoken := v_spoken + greatest(v_lease.granted, v_share);
            END IF;
        END LOOP;
        v_nodes := NULL;
        v_mine := least(v_ask.wanted, v_mine + v_left);

        -- More only as far as others have let go; and what nobody else has a right to may be kept for later.
        v_grant := greatest(v_ask.held, least(v_mine, v_ask.most - v_held));
        IF v_grant <> v_ask.held THEN
            UPDATE dispatcher.concurrency_lease c SET granted = v_grant
            WHERE c.organization_id = v_ask.organization_id AND c.integration_id = v_ask.integration_id AND c.node = p_node;
        END IF;
        integration_id := v_ask.integration_id;
        permits := least(v_grant, greatest(v_mine, least(v_ask.held, v_ask.most - v_spoken)));
        RETURN NEXT;
    END LOOP;
END $$;
