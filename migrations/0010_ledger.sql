-- The ledger: append-only double entry in cents, kept by triggers, so that every posting is made in the transaction
-- that changes the state which it records, whoever changes it. Nothing here refers by foreign key to rows of a lab:
-- the books outlive the lab, and hold no name of anybody.
--
-- The accounts of a book, each with the sign of what is in it:
--   wallet       the recruiter's account, as far as oTree HR has drawn on it: minus everything below
--   reserved     set aside for the open places of a batch (subject: the batch)
--   due          owed to workers: handed in and not decided, or ordered and not confirmed
--                (subject: the participation, or the order)
--   paid         confirmed to workers
--   fees         the recruiter's fees on what is paid
--   written_off  given up by a person

ALTER TABLE batch ADD COLUMN over_at timestamptz;   -- nobody works on it or can accept it any more

-- How the recruiter rounds its fees is not published: half up of the sum, half up of each part, or up.
ALTER TABLE lab ADD COLUMN fee_rounding text NOT NULL DEFAULT 'half_up'
    CHECK (fee_rounding IN ('half_up', 'half_up_each', 'up'));

-- One for each connection and currency.
CREATE TABLE ledger_book (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    lab uuid NOT NULL,
    connection uuid NOT NULL,
    environment text NOT NULL,                  -- play money and real money are never added up
    currency text NOT NULL,
    UNIQUE (connection, currency)
);
CREATE INDEX ledger_book_lab ON ledger_book (lab);

-- Something that happened, once.
CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book uuid NOT NULL REFERENCES ledger_book,
    kind text NOT NULL CHECK (kind IN
        ('reserve', 'release', 'hand_in', 'reject', 'order', 'refuse', 'pay', 'write_off')),
    cause uuid NOT NULL,                        -- the batch, participation or order whose state changed
    study uuid NOT NULL,
    participation uuid,
    at timestamptz NOT NULL,                    -- when it happened
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (cause, kind)                        -- nothing is posted twice
);
CREATE INDEX ledger_entry_book ON ledger_entry (book, at);
CREATE INDEX ledger_entry_study ON ledger_entry (study, at);

CREATE TABLE ledger_posting (
    entry bigint NOT NULL REFERENCES ledger_entry,
    line smallint NOT NULL,
    account text NOT NULL CHECK (account IN ('wallet', 'reserved', 'due', 'paid', 'fees', 'written_off')),
    subject uuid CHECK ((subject IS NOT NULL) = (account IN ('reserved', 'due'))),
    cents bigint NOT NULL CHECK (cents <> 0),
    PRIMARY KEY (entry, line)
);
CREATE INDEX ledger_posting_subject ON ledger_posting (subject, account) WHERE subject IS NOT NULL;

-- What the database refuses.

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger only grows: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_book
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- At commit: the postings of an entry sum to zero, and no entry of an earlier transaction has got any more.
CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(cents) FROM ledger_posting WHERE entry = NEW.entry) <> 0 THEN
        RAISE EXCEPTION 'the postings of ledger entry % do not sum to zero', NEW.entry
            USING ERRCODE = 'check_violation';
    END IF;
    IF (SELECT xact FROM ledger_entry WHERE id = NEW.entry) <> pg_current_xact_id() THEN
        RAISE EXCEPTION 'ledger entry % is closed', NEW.entry USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balanced();

-- Fees. The most that a fee can be is what is set aside (recruiters/mturk/fees.rs says the same); what is charged
-- is posted. Rates in per cent.

CREATE FUNCTION mturk_rates(study study, places bigint) RETURNS int[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[20]
        || CASE WHEN places >= 10 THEN ARRAY[20] ELSE '{}' END
        || CASE WHEN jsonb_path_exists(study.qualifications,
            '$[*] ? (@.QualificationTypeId == "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH"
                  || @.QualificationTypeId == "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6")') THEN ARRAY[5] ELSE '{}' END
$$;
CREATE FUNCTION mturk_fee_at_most(amount bigint, rates int[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(1, sum((amount * rate + 99) / 100))::bigint FROM unnest(rates) rate
$$;
CREATE FUNCTION mturk_fee(amount bigint, rates int[], rounding text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(1, CASE rounding
        WHEN 'half_up' THEN (amount * sum(rate) + 50) / 100
        WHEN 'up' THEN (amount * sum(rate) + 99) / 100
        ELSE sum((amount * rate + 50) / 100) END)::bigint FROM unnest(rates) rate
$$;

-- Posting.

CREATE FUNCTION ledger_book_of(study study) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE found uuid;
BEGIN
    SELECT id INTO found FROM ledger_book WHERE connection = study.connection_id AND currency = study.currency;
    IF found IS NULL THEN
        INSERT INTO ledger_book (lab, connection, environment, currency)
        VALUES (study.lab_id, study.connection_id, study.environment, study.currency) ON CONFLICT DO NOTHING;
        SELECT id INTO found FROM ledger_book
        WHERE connection = study.connection_id AND currency = study.currency;
    END IF;
    RETURN found;
END $$;

-- What is set aside for a subject.
CREATE FUNCTION ledger_balance(of_account text, of_subject uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(cents), 0)::bigint FROM ledger_posting WHERE subject = of_subject AND account = of_account
$$;

-- Posts an entry unless it has been posted; lines of nothing are left out.
CREATE FUNCTION ledger_post(study study, kind text, cause uuid, participation uuid, at timestamptz,
    accounts text[], subjects uuid[], cents bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE entry bigint;
BEGIN
    INSERT INTO ledger_entry (book, kind, cause, study, participation, at)
    VALUES (ledger_book_of(study), kind, cause, study.id, participation, coalesce(at, clock_timestamp()))
    ON CONFLICT DO NOTHING RETURNING id INTO entry;
    IF entry IS NOT NULL THEN
        INSERT INTO ledger_posting (entry, line, account, subject, cents)
        SELECT entry, l.line, l.account, l.subject, l.cents
        FROM unnest(accounts, subjects, cents) WITH ORDINALITY l (account, subject, cents, line)
        WHERE l.cents <> 0;
    END IF;
END $$;

-- A batch that may exist at the recruiter: its places are set aside.
CREATE FUNCTION ledger_reserve(b batch) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s study; held bigint;
BEGIN
    SELECT * INTO s FROM study WHERE id = b.study_id;
    held := b.places * (s.reward_cents + mturk_fee_at_most(s.reward_cents, mturk_rates(s, b.places)));
    PERFORM ledger_post(s, 'reserve', b.id, NULL, b.first_sent_at,
        ARRAY['wallet', 'reserved'], ARRAY[NULL, b.id], ARRAY[-held, held]);
END $$;

-- A batch that brings nobody any more: the places that nobody used go back.
CREATE FUNCTION ledger_release(b batch) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s study; held bigint := ledger_balance('reserved', b.id);
BEGIN
    SELECT * INTO s FROM study WHERE id = b.study_id;
    PERFORM ledger_post(s, 'release', b.id, NULL, b.over_at,
        ARRAY['reserved', 'wallet'], ARRAY[b.id, NULL], ARRAY[-held, held]);
END $$;

CREATE FUNCTION ledger_keep_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.state, NEW.over_at) IS NOT DISTINCT FROM (OLD.state, OLD.over_at) THEN
        RETURN NULL;
    END IF;
    IF NEW.state IN ('sending', 'open', 'done') THEN PERFORM ledger_reserve(NEW); END IF;
    IF (NEW.state IN ('refused', 'done') OR NEW.over_at IS NOT NULL)
        AND EXISTS (SELECT FROM ledger_entry WHERE cause = NEW.id AND kind = 'reserve')
    THEN PERFORM ledger_release(NEW); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger AFTER INSERT OR UPDATE OF state, over_at ON batch
    FOR EACH ROW EXECUTE FUNCTION ledger_keep_batch();

-- Handed in: the place's money is due, whether or not it is still set aside. The batch is locked, so that its
-- places are not released at the same moment.
CREATE FUNCTION ledger_hand_in(p participation) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s study; b batch; due bigint; held bigint;
BEGIN
    IF EXISTS (SELECT FROM ledger_entry WHERE cause = p.id AND kind = 'hand_in') THEN RETURN; END IF;
    SELECT * INTO s FROM study WHERE id = p.study_id;
    SELECT * INTO b FROM batch WHERE id = p.batch_id FOR NO KEY UPDATE;
    due := s.reward_cents + mturk_fee_at_most(s.reward_cents, mturk_rates(s, b.places));
    held := greatest(0, least(due, ledger_balance('reserved', b.id)));
    PERFORM ledger_post(s, 'hand_in', p.id, p.id, p.submitted_at,
        ARRAY['reserved', 'wallet', 'due'], ARRAY[b.id, NULL, p.id], ARRAY[-held, held - due, due]);
END $$;

-- Rejected: nothing is due for it.
CREATE FUNCTION ledger_reject(p participation) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s study; due bigint := ledger_balance('due', p.id);
BEGIN
    SELECT * INTO s FROM study WHERE id = p.study_id;
    PERFORM ledger_post(s, 'reject', p.id, p.id, p.rejected_at,
        ARRAY['due', 'wallet'], ARRAY[p.id, NULL], ARRAY[-due, due]);
END $$;

CREATE FUNCTION ledger_keep_participation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.submitted_at, NEW.rejected_at) IS NOT DISTINCT FROM (OLD.submitted_at, OLD.rejected_at)
    THEN RETURN NULL; END IF;
    IF NEW.submitted_at IS NOT NULL THEN PERFORM ledger_hand_in(NEW); END IF;
    IF NEW.rejected_at IS NOT NULL THEN PERFORM ledger_reject(NEW); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger AFTER INSERT OR UPDATE OF submitted_at, rejected_at ON participation
    FOR EACH ROW EXECUTE FUNCTION ledger_keep_participation();

-- An order. An approval pays what is due since the work was handed in, a rejection is told by the participation;
-- every other order is due from the moment it is placed.
CREATE FUNCTION ledger_order(o payment_order) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s study; about uuid; held bigint; rates int[]; fee bigint;
BEGIN
    IF o.kind = 'reject' THEN RETURN; END IF;
    SELECT * INTO s FROM study WHERE id = o.study_id;
    about := CASE WHEN o.kind = 'approve' THEN o.participation_id ELSE o.id END;
    IF o.kind <> 'approve' THEN
        held := o.amount_cents + o.fee_cents;
        PERFORM ledger_post(s, 'order', o.id, o.participation_id, o.created_at,
            ARRAY['wallet', 'due'], ARRAY[NULL, o.id], ARRAY[-held, held]);
    END IF;
    held := ledger_balance('due', about);
    IF o.state = 'refused' AND o.kind <> 'approve' THEN
        PERFORM ledger_post(s, 'refuse', o.id, o.participation_id, o.next_step_at,
            ARRAY['due', 'wallet'], ARRAY[about, NULL], ARRAY[-held, held]);
    ELSIF o.state = 'done' THEN
        rates := CASE WHEN o.kind IN ('bonus', 'compensate') THEN ARRAY[20] ELSE mturk_rates(s,
            (SELECT b.places FROM participation p JOIN batch b ON b.id = p.batch_id WHERE p.id = o.participation_id)) END;
        fee := mturk_fee(o.amount_cents, rates, (SELECT fee_rounding FROM lab WHERE id = o.lab_id));
        PERFORM ledger_post(s, 'pay', o.id, o.participation_id, o.settled_at,
            ARRAY['due', 'wallet', 'paid', 'fees'], ARRAY[about, NULL, NULL, NULL],
            ARRAY[-held, held - o.amount_cents - fee, o.amount_cents, fee]);
    END IF;
END $$;

CREATE FUNCTION ledger_keep_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.state = OLD.state THEN RETURN NULL; END IF;
    PERFORM ledger_order(NEW);
    RETURN NULL;
END $$;
CREATE TRIGGER ledger AFTER INSERT OR UPDATE OF state ON payment_order
    FOR EACH ROW EXECUTE FUNCTION ledger_keep_order();

-- What happened before there was a ledger, in the order in which it happened to each.
SELECT ledger_reserve(b) FROM batch b WHERE state IN ('sending', 'open', 'done') ORDER BY id;
SELECT ledger_hand_in(p) FROM participation p WHERE submitted_at IS NOT NULL ORDER BY id;
SELECT ledger_reject(p) FROM participation p WHERE rejected_at IS NOT NULL ORDER BY id;
SELECT ledger_order(o) FROM payment_order o ORDER BY id;
SELECT ledger_release(b) FROM batch b WHERE state = 'done' ORDER BY id;
