-- Payments of a connection that wait until somebody mends something: money, or keys.
CREATE TABLE standstill (
    connection_id uuid PRIMARY KEY REFERENCES connection ON DELETE CASCADE,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    words text NOT NULL,                        -- what the recruiter said last, for the researcher
    since timestamptz NOT NULL,
    over_at timestamptz,                        -- a payment came through
    told_at timestamptz                         -- the owners were written to last
);
CREATE INDEX standstill_lab ON standstill (lab_id) WHERE over_at IS NULL;
