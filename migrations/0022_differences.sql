-- The recruiter's own figures beside ours, and every difference between them.

CREATE TABLE comparison (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    study_id uuid REFERENCES study ON DELETE CASCADE,   -- null: the account as a whole
    figures jsonb NOT NULL DEFAULT '{}',        -- a study: what the recruiter last said of each batch, in numbers
    cursor integer NOT NULL DEFAULT 0,          -- a study: the batch where the round goes on; 0 begins one
    balance_cents bigint,                       -- an account: what was available at the last look
    compared_at timestamptz,                    -- the last round that was answered from end to end
    problem text,                               -- why the last look was not
    failures integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    UNIQUE NULLS NOT DISTINCT (connection_id, study_id)
);
CREATE INDEX comparison_due ON comparison (next_at);

CREATE TABLE difference (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    study_id uuid REFERENCES study ON DELETE CASCADE,
    batch_id uuid REFERENCES batch ON DELETE CASCADE,
    kind text NOT NULL,
    subject text NOT NULL,                      -- what it is about at the recruiter: an assignment, a HIT, a moment
    ours text NOT NULL,                         -- what our books say, in words
    theirs text NOT NULL,                       -- what the recruiter says, in words
    cents bigint,                               -- money at the recruiter that our books do not have; null: none
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    acknowledged_at timestamptz,                -- a person has looked at it
    acknowledged_by uuid REFERENCES account ON DELETE SET NULL,
    note text,                                  -- what that person wrote
    resolved_at timestamptz                     -- the figures agree again, or have become others
);
CREATE UNIQUE INDEX difference_open ON difference (connection_id, study_id, kind, subject)
    NULLS NOT DISTINCT WHERE resolved_at IS NULL;
CREATE INDEX difference_lab ON difference (lab_id, first_seen_at DESC);

ALTER TABLE batch
    ADD COLUMN missing_since timestamptz,       -- the recruiter does not know the HIT since
    ADD COLUMN gone_at timestamptz,             -- it was deleted there, not by us
    ADD COLUMN cut_short_at timestamptz;        -- it was taken off the list there, not by us

-- Somebody whom the recruiter lists as having submitted, but who never came to our door.
ALTER TABLE participation ADD COLUMN uninvited boolean NOT NULL DEFAULT false;
