-- The two kinds of places a lab registers: oTree sites, and connections to recruiters.

CREATE TABLE site (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    name text NOT NULL,
    base_url text NOT NULL,                     -- scheme, host and port; no path
    rest_key_sealed bytea,                      -- null: the site has no key
    state text NOT NULL DEFAULT 'unchecked'     -- what the last check found
        CHECK (state IN ('unchecked', 'ok', 'links_only', 'failed')),
    version text,                               -- as the server says, such as 6.0.15
    problem text,                               -- the failed check in words
    warnings jsonb NOT NULL DEFAULT '[]',       -- sentences for the researcher
    session_configs jsonb NOT NULL DEFAULT '[]',-- as of the last good check
    checked_at timestamptz,
    good_at timestamptz,                        -- the last check that did not fail
    next_check_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    created_at timestamptz NOT NULL,
    UNIQUE (lab_id, base_url)
);
CREATE INDEX site_due ON site (next_check_at);

CREATE TABLE connection (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    name text NOT NULL,
    recruiter text NOT NULL CHECK (recruiter IN ('mturk')),
    environment text NOT NULL CHECK (environment IN ('production', 'sandbox', 'rehearsal', 'custom')),
    endpoint text,                              -- custom only: the requester API
    worker_site text,                           -- custom only: where workers see and submit HITs
    access_key_id text NOT NULL,
    secret_sealed bytea NOT NULL,
    checked_at timestamptz,
    problem text,                               -- the failed test in words; null after a good one
    balance_cents bigint,                       -- as of the last good test
    created_at timestamptz NOT NULL,
    CHECK ((environment = 'custom') = (endpoint IS NOT NULL)),
    CHECK ((environment = 'custom') = (worker_site IS NOT NULL)),
    UNIQUE (lab_id, name)
);
