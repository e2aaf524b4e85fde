-- How a compensation reaches its worker: a qualification for one person, a HIT with one place, a message.
-- The money is the order; these are the facts of the way there. Facts are only ever added.

CREATE TABLE compensation (
    order_id uuid PRIMARY KEY REFERENCES payment_order ON DELETE CASCADE,  -- also the HIT's RequesterAnnotation
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    code text NOT NULL UNIQUE,                  -- in the address of the short page that the HIT shows
    qualification_id text,                      -- the qualification that only this worker has
    granted_at timestamptz,
    offer_id text,
    first_sent_at timestamptz,                  -- when the HIT was first sent: the token's age counts from here
    hit_id text,
    hit_group_id text,
    expires_at timestamptz,                     -- when the HIT leaves the list
    telling_at timestamptz,                     -- committed before the message is sent: it has no token, so it goes once
    told_at timestamptz,
    tell_problem text,                          -- why the worker may not have the message
    submitted_at timestamptz,
    ended_at timestamptz,                       -- nothing more to do: the qualification is deleted again
    problem text,                               -- why it does not move on, in words
    failures integer NOT NULL DEFAULT 0,        -- in a row, for the back-off
    next_step_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid
);
CREATE INDEX compensation_due ON compensation (next_step_at) WHERE ended_at IS NULL;

-- Who came when the study was full, so that they can be compensated.
ALTER TABLE arrival ADD COLUMN worker_id uuid REFERENCES worker ON DELETE CASCADE;
CREATE INDEX arrival_turned_away ON arrival (study_id, worker_id) WHERE outcome = 'full';
