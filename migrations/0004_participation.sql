-- Who took part, and what is known of it. Facts are only ever added; the stage follows from them.

CREATE TABLE worker (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    realm text NOT NULL,                        -- recruiter and environment: the same id elsewhere is another person
    external_id text NOT NULL,                  -- the recruiter's own id; never logged
    pseudonym text NOT NULL,                    -- what oTree sees as the participant label
    created_at timestamptz NOT NULL,
    UNIQUE (lab_id, realm, external_id),
    UNIQUE (lab_id, pseudonym)
);

CREATE TABLE participation (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    study_id uuid NOT NULL REFERENCES study ON DELETE CASCADE,
    batch_id uuid NOT NULL REFERENCES batch,
    worker_id uuid NOT NULL REFERENCES worker,
    seat_number integer,                        -- null: given back unused
    code text NOT NULL UNIQUE,                  -- shown to the worker, posted with the submission
    assignment_id text NOT NULL,                -- the latest that this worker showed, then the recruiter's word
    submit_to text,                             -- turkSubmitTo, checked against the connection's worker site
    variables jsonb NOT NULL DEFAULT '{}',      -- participant variables from the link
    variables_set_at timestamptz,               -- when oTree took them

    admitted_at timestamptz NOT NULL,
    opened_at timestamptz,                      -- first sent on to oTree
    page text,                                  -- where oTree last said they were
    page_index integer,
    seen_at timestamptz,                        -- when that was
    exited_at timestamptz,                      -- came through the exit door; oTree is asked before it counts
    finished_at timestamptz,
    finished_by text CHECK (finished_by IN ('reported', 'exit_door', 'last_page', 'no_more_pages')),
    payoff_cents bigint,                        -- snapshot of oTree's payoff, in the study's currency
    payoff_problem text,                        -- why oTree's payoff cannot be a bonus
    payoff_at timestamptz,
    submitted_at timestamptz,                   -- as the recruiter says
    auto_approve_at timestamptz,                -- as the recruiter says
    answers jsonb,                              -- what the worker submitted
    returned_at timestamptz,                    -- given back, or the deadline passed
    approved_at timestamptz,
    rejected_at timestamptz,
    feedback text,
    bonus_cents bigint,                         -- what was decided; 0 is a decision too
    bonus_paid_at timestamptz,

    stage text NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN rejected_at IS NOT NULL THEN 'rejected'
            WHEN approved_at IS NOT NULL AND (bonus_cents = 0 OR bonus_paid_at IS NOT NULL) THEN 'paid'
            WHEN approved_at IS NOT NULL THEN 'approved'
            WHEN submitted_at IS NOT NULL AND finished_at IS NULL THEN 'submitted_unfinished'
            WHEN submitted_at IS NOT NULL THEN 'submitted'
            WHEN returned_at IS NOT NULL AND finished_at IS NOT NULL THEN 'finished_unsubmitted'
            WHEN returned_at IS NOT NULL AND opened_at IS NOT NULL THEN 'worked_then_returned'
            WHEN returned_at IS NOT NULL THEN 'returned'
            WHEN finished_at IS NOT NULL THEN 'finished'
            WHEN opened_at IS NOT NULL THEN 'working'
            ELSE 'admitted'
        END) STORED,
    UNIQUE (study_id, worker_id),               -- one person, one seat
    UNIQUE (study_id, seat_number)
);
CREATE INDEX participation_stage ON participation (study_id, stage);
CREATE INDEX participation_batch ON participation (batch_id);
CREATE INDEX participation_worker ON participation (worker_id);

ALTER TABLE seat ADD FOREIGN KEY (participation_id) REFERENCES participation ON DELETE SET NULL;

-- Every accepted arrival at the door, admitted or not: the chart, and the record of every assignment seen.
CREATE TABLE arrival (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    study_id uuid NOT NULL REFERENCES study ON DELETE CASCADE,
    participation_id uuid REFERENCES participation ON DELETE CASCADE,
    batch_id uuid REFERENCES batch ON DELETE CASCADE,
    assignment_id text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('admitted', 'again', 'full', 'other_batch')),
    at timestamptz NOT NULL
);
CREATE INDEX arrival_study ON arrival (study_id, at);
CREATE INDEX arrival_assignment ON arrival (assignment_id);
