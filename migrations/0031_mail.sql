-- Mail to people of a lab. Written in the transaction that has something to tell; sent afterwards, at least once,
-- always under the same Message-ID.
CREATE TABLE mail (
    id uuid PRIMARY KEY,                        -- also in the Message-ID
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES account ON DELETE CASCADE,  -- the address is looked up when it is sent
    subject text NOT NULL,
    body text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up')),
    attempts integer NOT NULL DEFAULT 0,
    problem text,                               -- why the last attempt failed, in words
    next_step_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    created_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX mail_due ON mail (next_step_at) WHERE state = 'waiting';
CREATE INDEX mail_lab ON mail (lab_id, id DESC);
