-- What stops money: limits, a second person, a pause, and the look before each bonus.

-- The most that a lab may have set aside, owed and spent together, for each environment: a rehearsal's limit is
-- play money.
CREATE TABLE lab_cap (
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    environment text NOT NULL,
    currency text NOT NULL,
    limit_cents bigint NOT NULL CHECK (limit_cents >= 0),
    PRIMARY KEY (lab_id, environment, currency)
);

-- Decisions above this need another person; null: never.
ALTER TABLE lab ADD COLUMN second_person_cents bigint CHECK (second_person_cents >= 0);

-- Orders that wait for another person, together as they were decided.
CREATE TABLE confirmation (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    study_id uuid NOT NULL REFERENCES study ON DELETE CASCADE,
    orders integer NOT NULL CHECK (orders > 0),
    total_cents bigint NOT NULL,                -- with fees, at most
    asked_by uuid REFERENCES account ON DELETE SET NULL,    -- null: a rule
    asked_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'confirmed', 'declined')),
    decided_by uuid REFERENCES account ON DELETE SET NULL,
    decided_at timestamptz CHECK ((decided_at IS NULL) = (state = 'waiting')),
    CHECK (state <> 'confirmed' OR asked_by <> decided_by)  -- never the same account
);
CREATE INDEX confirmation_waiting ON confirmation (lab_id, asked_at) WHERE state = 'waiting';
ALTER TABLE payment_order
    ADD COLUMN confirmation_id uuid REFERENCES confirmation,
    -- Bonuses that the recruiter lists beside this one and that no order here accounts for.
    ADD COLUMN others_found integer NOT NULL DEFAULT 0,     -- at the last look
    ADD COLUMN others_seen integer NOT NULL DEFAULT 0;      -- by a person, who wants this one paid nevertheless
CREATE INDEX payment_order_confirmation ON payment_order (confirmation_id) WHERE confirmation_id IS NOT NULL;

-- While there is a row, nothing is sent that moves money.
CREATE TABLE money_pause (
    id uuid PRIMARY KEY,
    lab_id uuid REFERENCES lab ON DELETE CASCADE,           -- null: the whole server
    since timestamptz NOT NULL,
    by_account uuid REFERENCES account ON DELETE SET NULL,
    words text NOT NULL DEFAULT '',             -- why, for the others
    UNIQUE NULLS NOT DISTINCT (lab_id)
);
CREATE FUNCTION money_paused(lab uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM money_pause WHERE lab_id = lab OR lab_id IS NULL)
$$;

-- A unit at the recruiter with a mark like ours that no row here knows: from before a restored backup, or another
-- server's with the same keys.
CREATE TABLE stray (
    connection_id uuid NOT NULL REFERENCES connection ON DELETE CASCADE,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    unit_id text NOT NULL,
    offer_id text,                              -- the same offer gives the same id: title, reward, times
    title text NOT NULL,
    places integer NOT NULL,
    made_at timestamptz,
    found_at timestamptz NOT NULL,
    seen_by uuid REFERENCES account ON DELETE SET NULL,
    seen_at timestamptz,                        -- a person knows of it
    PRIMARY KEY (connection_id, unit_id)
);
ALTER TABLE connection ADD COLUMN looked_at timestamptz;    -- when its units were listed last
CREATE INDEX stray_lab ON stray (lab_id) WHERE seen_at IS NULL;
