-- People, their labs and what they did. Times are UTC; every e-mail is stored in lower case.

CREATE TABLE account (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE CHECK (email = lower(email)),
    name text NOT NULL,
    password_hash text NOT NULL,                -- argon2id in PHC form; parameters are raised at login
    operator boolean NOT NULL DEFAULT false,    -- may see the server's own pages
    created_at timestamptz NOT NULL,
    password_changed_at timestamptz NOT NULL
);

-- Browser sessions. Only a hash of the cookie is kept: a stolen table opens nothing.
CREATE TABLE web_session (
    id_hash bytea PRIMARY KEY,
    account_id uuid REFERENCES account ON DELETE CASCADE,   -- filled once logged in, so that all can be ended
    data jsonb NOT NULL,
    expires_at timestamptz NOT NULL,            -- moves on with use
    ends_at timestamptz NOT NULL                -- does not: nobody stays logged in for ever
);
CREATE INDEX web_session_account ON web_session (account_id);
CREATE INDEX web_session_expiry ON web_session (expires_at);

-- The tenant. Every row below belongs to one.
CREATE TABLE lab (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE membership (
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (lab_id, account_id)
);
CREATE INDEX membership_account ON membership (account_id);

-- A link that lets one person join a lab, or (without a lab) sign up where sign-up is by invitation.
CREATE TABLE invitation (
    id uuid PRIMARY KEY,
    lab_id uuid REFERENCES lab ON DELETE CASCADE,
    role text CHECK (role IN ('owner', 'editor', 'viewer')),
    makes_operator boolean NOT NULL DEFAULT false,          -- the first run's link
    token_hash bytea NOT NULL UNIQUE,
    created_by uuid REFERENCES account ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by uuid REFERENCES account ON DELETE SET NULL,
    CHECK ((lab_id IS NULL) = (role IS NULL))
);
CREATE INDEX invitation_lab ON invitation (lab_id);

-- Failed attempts per account and per address, for limits that hold across processes.
CREATE TABLE attempt (
    key text PRIMARY KEY,                       -- purpose and a hash of account or address
    window_start timestamptz NOT NULL,
    hits integer NOT NULL
);

-- Who did what, append-only.
CREATE TABLE audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id uuid REFERENCES lab ON DELETE CASCADE,
    account_id uuid REFERENCES account ON DELETE SET NULL,  -- null: the server itself
    action text NOT NULL,                       -- such as study.publish
    subject uuid,                               -- the row it was done to
    detail jsonb NOT NULL DEFAULT '{}',         -- never a secret, never a WorkerId
    at timestamptz NOT NULL
);
CREATE INDEX audit_event_lab ON audit_event (lab_id, id DESC);
