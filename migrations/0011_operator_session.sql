-- Operator sessions: what an operator key is exchanged for when somebody signs in to the dashboard.
--
-- As with portal sessions, only a hash of the token is stored, and what the configured operator key has opened (created_by NULL) is
-- hashed together with that key's hash, so that it ends with the key. There are few of them, and they belong to no tenant.

CREATE TABLE dispatcher.operator_session (
    id         uuid PRIMARY KEY,
    created_by uuid REFERENCES dispatcher.api_key ON DELETE CASCADE,
    hash       bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN dispatcher.operator_session.created_by IS 'the key that signed in, and with which the session ends; NULL: the operator key of the configuration';
COMMENT ON INDEX dispatcher.operator_session_hash_key IS 'serves the look-up of a token';
