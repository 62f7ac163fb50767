-- Keys with a rate limit of their own.

ALTER TABLE dispatcher.api_key ADD COLUMN rate_limit_per_second integer CHECK (rate_limit_per_second BETWEEN 1 AND 1000000);
COMMENT ON COLUMN dispatcher.api_key.rate_limit_per_second IS 'requests a second on each node; NULL: what the settings say of the role';
