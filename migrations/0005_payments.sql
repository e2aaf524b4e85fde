-- Intents to make a recruiter do something that moves money or decides about it.
-- The row is committed before the call; its id is the retry token; unknown is a state.

CREATE TABLE payment_order (
    id uuid PRIMARY KEY,                        -- also the UniqueRequestToken
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    study_id uuid NOT NULL REFERENCES study,
    participation_id uuid NOT NULL REFERENCES participation,
    connection_id uuid NOT NULL REFERENCES connection,
    kind text NOT NULL CHECK (kind IN ('approve', 'reject', 'bonus')),
    source text NOT NULL,                       -- what the order answers to: 'review' or 'payoff'; once each
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    fee_cents bigint NOT NULL CHECK (fee_cents >= 0),   -- the upper bound that counts against the budget
    currency text NOT NULL,
    words text NOT NULL DEFAULT '',             -- feedback or the bonus's reason, as the worker reads it
    state text NOT NULL CHECK (state IN ('planned', 'authorised', 'sending', 'done', 'refused', 'unknown')),
    attempt integer NOT NULL DEFAULT 0,
    first_sent_at timestamptz,                  -- the token's age counts from here
    sent_at timestamptz,
    next_step_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,                           -- fencing: who overslept changes nothing
    problem text,                               -- why refused or unknown, in words
    created_by uuid REFERENCES account ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    settled_at timestamptz
);
-- At most one live decision and one live bonus per source and participation.
CREATE UNIQUE INDEX order_one_decision ON payment_order (participation_id)
    WHERE kind IN ('approve', 'reject') AND state <> 'refused';
CREATE UNIQUE INDEX order_one_bonus ON payment_order (participation_id, source)
    WHERE kind = 'bonus' AND state <> 'refused';
CREATE INDEX order_due ON payment_order (next_step_at)
    WHERE state IN ('planned', 'authorised', 'sending', 'unknown');
CREATE INDEX order_study ON payment_order (study_id, id);
