-- Money at the recruiter that no order accounts for counts as written off once a person has acknowledged the difference,
-- and no more when the figures agree again or have become others.
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_kind_check, ADD CONSTRAINT ledger_entry_kind_check CHECK (kind IN
    ('reserve', 'release', 'hand_in', 'reject', 'order', 'refuse', 'pay', 'write_off', 'write_back'));

-- Bonuses that no order accounts for are; second submissions have orders, decisions are taken over, and the differences
-- of an account as a whole contain those of its studies.
CREATE FUNCTION ledger_write_off(d difference) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s study; gone bigint;
BEGIN
    IF d.study_id IS NULL OR d.kind NOT IN ('bonus_elsewhere', 'bonus_other', 'bonus_unexpected', 'bonus_twice')
        OR coalesce(d.cents, 0) = 0 OR d.acknowledged_at IS NULL THEN RETURN; END IF;
    SELECT * INTO s FROM study WHERE id = d.study_id;
    IF d.resolved_at IS NULL THEN
        PERFORM ledger_post(s, 'write_off', d.id, NULL, d.acknowledged_at,
            ARRAY['wallet', 'written_off'], ARRAY[NULL, NULL]::uuid[], ARRAY[-d.cents, d.cents]);
        RETURN;
    END IF;
    SELECT sum(p.cents) INTO gone FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry
    WHERE e.cause = d.id AND e.kind = 'write_off' AND p.account = 'written_off';
    IF gone IS NOT NULL THEN
        PERFORM ledger_post(s, 'write_back', d.id, NULL, d.resolved_at,
            ARRAY['written_off', 'wallet'], ARRAY[NULL, NULL]::uuid[], ARRAY[-gone, gone]);
    END IF;
END $$;

CREATE FUNCTION ledger_keep_difference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.acknowledged_at, NEW.resolved_at) IS DISTINCT FROM (OLD.acknowledged_at, OLD.resolved_at) THEN
        PERFORM ledger_write_off(NEW);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger AFTER UPDATE OF acknowledged_at, resolved_at ON difference
    FOR EACH ROW EXECUTE FUNCTION ledger_keep_difference();

SELECT ledger_write_off(d) FROM difference d;
