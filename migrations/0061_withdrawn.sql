-- A compensation that nobody has collected can be withdrawn: its HIT leaves the list first, and the money is free once
-- nobody can hand it in any more.
ALTER TABLE compensation
    ADD COLUMN withdrawn_at timestamptz,        -- when a person wanted it back
    ADD COLUMN withdrawn_by uuid REFERENCES account ON DELETE SET NULL;
