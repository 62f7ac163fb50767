-- Secrets at rest, and signatures with ed25519.
--
-- Signing secrets, header values and passwords are encrypted by the server, with a key that is not in the database. They are stored as
-- enc:1:<key id>:<base64 of nonce, tag and ciphertext>. The server encrypts at its start what is there in the clear.

-- The id of the key that has encrypted a stored secret; empty for one in the clear. Finds at a server's start what is to be encrypted,
-- and which keys that takes. It reads two tables of settings once, without an index.
CREATE FUNCTION dispatcher.key_of(stored text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN stored ~ '^enc:[0-9]+:' THEN split_part(stored, ':', 3) ELSE '' END
$$;

COMMENT ON COLUMN dispatcher.integration.headers IS 'names in the clear, values encrypted';
COMMENT ON COLUMN dispatcher.integration.basic_password IS 'encrypted';
COMMENT ON COLUMN dispatcher.integration_secret.secret IS 'encrypted: whsec_… (hmac), whsk_… (ed25519)';

-- How its deliveries are signed. For good: a receiver verifies in one way.
ALTER TABLE dispatcher.integration ADD COLUMN signing text NOT NULL DEFAULT 'hmac' CHECK (signing IN ('hmac', 'ed25519'));
