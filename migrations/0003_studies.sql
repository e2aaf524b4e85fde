-- A study, the batches it is published in, the oTree sessions behind it and their seats.

CREATE TABLE study (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    code text NOT NULL UNIQUE,                  -- in the worker's link: /go/<code>
    name text NOT NULL,                         -- for the lab; workers see the title
    site_id uuid NOT NULL REFERENCES site,
    connection_id uuid NOT NULL REFERENCES connection,
    environment text NOT NULL,                  -- the connection's, for ever
    state text NOT NULL CHECK (state IN ('draft', 'publishing', 'open', 'closed')),

    config_name text NOT NULL,                  -- oTree's session config
    config_changes jsonb NOT NULL DEFAULT '{}', -- modified_session_config_fields
    adopt_code text,                            -- an existing session to take in instead of creating one
    places integer NOT NULL CHECK (places BETWEEN 1 AND 100000),
    spare_seats integer NOT NULL CHECK (spare_seats BETWEEN 0 AND 100000),
    group_size integer NOT NULL CHECK (group_size BETWEEN 1 AND 1000),
    batch_size integer NOT NULL CHECK (batch_size BETWEEN 1 AND 1000),

    currency text NOT NULL DEFAULT 'USD',
    reward_cents bigint NOT NULL CHECK (reward_cents >= 0),
    max_bonus_cents bigint NOT NULL CHECK (max_bonus_cents >= 0),   -- per worker; more is refused and shown
    budget_cents bigint NOT NULL CHECK (budget_cents >= 0),         -- rewards, bonuses and fees together

    title text NOT NULL,
    description text NOT NULL,
    keywords text NOT NULL,
    duration_s integer NOT NULL CHECK (duration_s BETWEEN 30 AND 31536000),
    lifetime_s integer NOT NULL CHECK (lifetime_s BETWEEN 30 AND 31536000),
    auto_approve_s integer NOT NULL CHECK (auto_approve_s BETWEEN 0 AND 2592000),
    frame_height integer NOT NULL CHECK (frame_height BETWEEN 0 AND 10000),
    qualifications jsonb NOT NULL DEFAULT '[]', -- QualificationRequirements as the recruiter spells them

    play text NOT NULL CHECK (play IN ('new_tab', 'in_frame', 'template')),
    template_html text,                         -- the researcher's own page, when play = template
    completion text NOT NULL CHECK (completion IN ('reported', 'exit_door', 'last_page', 'no_more_pages')),
    last_page text,                             -- page class name, when completion = last_page
    send_worker_id boolean NOT NULL DEFAULT false,
    variable_names text[] NOT NULL DEFAULT '{}',-- query parameters that become participant variables

    hit_type_id text,
    problem text,                               -- why publishing does not move on, in words
    attempts integer NOT NULL DEFAULT 0,        -- failed steps in a row, for the back-off
    next_step_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    created_by uuid REFERENCES account ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    published_at timestamptz,
    closed_at timestamptz
);
CREATE INDEX study_lab ON study (lab_id, id DESC);
CREATE INDEX study_due ON study (next_step_at) WHERE state IN ('publishing', 'closed');

-- One published unit: on MTurk one HIT. The row's token makes its publication safe to repeat.
CREATE TABLE batch (
    id uuid PRIMARY KEY,                        -- also the HIT's RequesterAnnotation
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    study_id uuid NOT NULL REFERENCES study ON DELETE CASCADE,
    position integer NOT NULL,
    places integer NOT NULL CHECK (places > 0),
    state text NOT NULL CHECK (state IN ('planned', 'sending', 'open', 'refused', 'done')),
    request_token text NOT NULL UNIQUE,
    first_sent_at timestamptz,                  -- the token's age counts from here
    hit_id text,
    hit_group_id text,
    expires_at timestamptz,
    problem text,
    opened_at timestamptz,
    expired_at timestamptz,                     -- when we took it off the list early
    polled_at timestamptz,
    next_poll_at timestamptz NOT NULL,
    quiet_polls integer NOT NULL DEFAULT 0,     -- polls in a row that brought nothing, for the back-off
    lease_until timestamptz,
    lease_token uuid,
    UNIQUE (study_id, position)
);
CREATE UNIQUE INDEX batch_hit ON batch (study_id, hit_id);
CREATE INDEX batch_due ON batch (next_poll_at) WHERE state = 'open';

-- One attempt to have an oTree session. An unclear outcome abandons the row and a fresh one follows.
CREATE TABLE otree_session (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    study_id uuid NOT NULL REFERENCES study ON DELETE CASCADE,
    label text NOT NULL UNIQUE,                 -- the attempt's id, sent to oTree as the session's label
    size integer NOT NULL CHECK (size > 0),
    state text NOT NULL CHECK (state IN ('planned', 'creating', 'ready', 'abandoned', 'lost')),
    code text,
    links_only boolean NOT NULL DEFAULT false,  -- an oTree before 5.1: the code is that of the session's link
    currency text,
    problem text,
    created_at timestamptz NOT NULL,
    ready_at timestamptz,
    vars_set_at timestamptz,                    -- when oTree took the session variables
    polled_at timestamptz,
    next_poll_at timestamptz NOT NULL,
    quiet_polls integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    lease_token uuid
);
CREATE UNIQUE INDEX otree_session_current ON otree_session (study_id)
    WHERE state IN ('planned', 'creating', 'ready');
CREATE INDEX otree_session_due ON otree_session (next_poll_at) WHERE state = 'ready';

-- One participant slot of an oTree session.
CREATE TABLE seat (
    study_id uuid NOT NULL REFERENCES study ON DELETE CASCADE,
    number integer NOT NULL CHECK (number > 0), -- the order in which seats are given
    session_id uuid NOT NULL REFERENCES otree_session ON DELETE CASCADE,
    participant_code text NOT NULL,             -- a bearer secret: who has it plays as that person
    exit_set_at timestamptz,                    -- when the exit door's address was stored in oTree
    participation_id uuid UNIQUE,               -- null: free
    PRIMARY KEY (study_id, number),
    UNIQUE (session_id, participant_code)
);
CREATE INDEX seat_free ON seat (study_id, number) WHERE participation_id IS NULL;
