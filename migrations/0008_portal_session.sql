-- Portal sessions: links into the portal that an API key made, each good for one organization, or one project of it, until it expires.
--
-- The token of a link is a credential with 256 random bits and is stored as a hash only. What the server's configured operator key has
-- made (created_by NULL) is hashed together with that key's hash, so that it ends with the key, of which nothing is stored here.

CREATE TABLE dispatcher.portal_session (
    organization_id text COLLATE "C" NOT NULL REFERENCES dispatcher.organization ON DELETE CASCADE,
    id              uuid NOT NULL,
    project         text COLLATE "C",
    role            text NOT NULL CHECK (role IN ('admin', 'member')),
    created_by      uuid REFERENCES dispatcher.api_key ON DELETE CASCADE,
    hash            bytea NOT NULL CHECK (length(hash) = 32),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    PRIMARY KEY (organization_id, id)
);
COMMENT ON COLUMN dispatcher.portal_session.created_by IS 'the key that made it, and with which it ends; NULL: the operator key of the configuration';

-- Serves the look-up of a token, which does not say whose it is. Not unique: an index of a tenant's table can be that only with its
-- organization, and hashes of random tokens do not meet.
CREATE INDEX portal_session_by_hash ON dispatcher.portal_session (hash);

-- Serves the cascade from a key that goes.
CREATE INDEX portal_session_by_maker ON dispatcher.portal_session (created_by) WHERE created_by IS NOT NULL;
