-- Rules that review by themselves: what a study's owner wants looked at, and what the rules say of each person.

CREATE TABLE review_rules (
    study_id uuid PRIMARY KEY REFERENCES study ON DELETE CASCADE,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    active boolean NOT NULL,
    rules jsonb NOT NULL,                       -- crate::review::rules::RuleSet
    undo_s integer NOT NULL CHECK (undo_s BETWEEN 0 AND 2592000),       -- between a verdict and its order
    digest_s integer NOT NULL CHECK (digest_s BETWEEN 0 AND 2592000),   -- least time between two mails; 0: none
    version integer NOT NULL,                   -- rises with every change; older verdicts are made again
    next_look_at timestamptz NOT NULL,
    digest_at timestamptz,                      -- when the latest digest was written
    updated_by uuid REFERENCES account ON DELETE SET NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX review_rules_due ON review_rules (next_look_at) WHERE active;

-- What the rules say of one person who is not decided about. Never a rejection.
CREATE TABLE review_verdict (
    participation_id uuid PRIMARY KEY REFERENCES participation ON DELETE CASCADE,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    study_id uuid NOT NULL REFERENCES study ON DELETE CASCADE,
    outcome text NOT NULL CHECK (outcome IN ('approve', 'review', 'wait')),
    state text NOT NULL CHECK (state IN ('standing', 'stopped', 'done')),
    reasons text[] NOT NULL,                    -- why a person must look, or what is waited for
    feedback text NOT NULL DEFAULT '',          -- proposed to whoever decides
    version integer NOT NULL,                   -- of the rules that said so
    first_at timestamptz NOT NULL,              -- when the rules first looked at this person
    due_at timestamptz,                         -- the end of the time in which a person can stop it
    problem text,                               -- why the order could not be placed, in words
    stopped_by uuid REFERENCES account ON DELETE SET NULL,
    stopped_at timestamptz,
    done_at timestamptz,
    told_at timestamptz,                        -- when a digest told of it
    CHECK ((outcome = 'approve') = (due_at IS NOT NULL)),
    CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX review_verdict_study ON review_verdict (study_id, outcome);

-- Variables that rules name: asked for by the session tracker, kept as oTree told them. A name that was asked
-- for and is not set is there with null.
ALTER TABLE study
    ADD COLUMN watched_participant_vars text[] NOT NULL DEFAULT '{}',
    ADD COLUMN watched_session_vars text[] NOT NULL DEFAULT '{}';
ALTER TABLE participation
    ADD COLUMN otree_vars jsonb,
    ADD COLUMN otree_read_at timestamptz;       -- when that was read; later reads that bring nothing new are not noted
ALTER TABLE otree_session ADD COLUMN read_vars jsonb;
