-- Quality scores: a number for each worker of a lab that follows from every decision about their work. It is never
-- counted up or down in place: it is made again from the decisions, so each of them counts once and an overridden
-- rejection counts as the approval that it became. The recruiter keeps it as a qualification of the lab's own.

-- How decisions become a number; one for each lab.
CREATE TABLE score_scale (
    lab_id uuid PRIMARY KEY REFERENCES lab ON DELETE CASCADE,
    active boolean NOT NULL,
    start integer NOT NULL,                     -- before any decision
    up integer NOT NULL CHECK (up BETWEEN 0 AND 1000),          -- an approval raises it by this
    down integer NOT NULL CHECK (down BETWEEN 0 AND 1000),      -- a rejection lowers it by this
    lowest integer NOT NULL CHECK (lowest >= 0),
    highest integer NOT NULL CHECK (highest <= 1000),
    updated_by uuid REFERENCES account ON DELETE SET NULL,
    updated_at timestamptz NOT NULL,
    CHECK (lowest < highest AND start BETWEEN lowest AND highest)
);

-- Workers about whom something was decided since their score was made; written in the transaction that decides.
CREATE TABLE score_news (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    worker_id uuid NOT NULL REFERENCES worker ON DELETE CASCADE
);

CREATE FUNCTION score_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO score_news (lab_id, worker_id) VALUES (NEW.lab_id, NEW.worker_id);
    RETURN NULL;
END $$;
CREATE TRIGGER score_new AFTER INSERT ON participation FOR EACH ROW
    WHEN (NEW.approved_at IS NOT NULL OR NEW.rejected_at IS NOT NULL) EXECUTE FUNCTION score_note();
CREATE TRIGGER score AFTER UPDATE OF approved_at, rejected_at ON participation FOR EACH ROW
    WHEN ((NEW.approved_at, NEW.rejected_at) IS DISTINCT FROM (OLD.approved_at, OLD.rejected_at))
    EXECUTE FUNCTION score_note();

-- A worker's score as it was last made.
CREATE TABLE worker_score (
    worker_id uuid PRIMARY KEY REFERENCES worker ON DELETE CASCADE,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    score integer NOT NULL,
    approved integer NOT NULL,                  -- the decisions in it
    rejected integer NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX worker_score_lab ON worker_score (lab_id, score);

-- The lab's qualification in one account; workers see its name.
CREATE TABLE score_qualification (
    connection_id uuid PRIMARY KEY REFERENCES connection ON DELETE CASCADE,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    qualification_id text NOT NULL
);

-- What one account is to know of one worker, and what it has confirmed. Telling it again is harmless.
CREATE TABLE score_telling (
    worker_id uuid NOT NULL REFERENCES worker ON DELETE CASCADE,
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    score integer NOT NULL,
    told integer,                               -- null: nothing yet, or nobody knows what
    told_at timestamptz,
    problem text,                               -- why it could not be told, in words
    failures integer NOT NULL DEFAULT 0,        -- in a row, for the back-off
    next_step_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    PRIMARY KEY (worker_id, connection_id)
);
CREATE INDEX score_telling_due ON score_telling (next_step_at) WHERE told IS DISTINCT FROM score;
