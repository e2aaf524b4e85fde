-- Two more orders of people (override a rejection, compensate somebody), and one line that only the books know
-- (extra: the recruiter approved a further submission of the same person).

ALTER TABLE payment_order
    DROP CONSTRAINT payment_order_kind_check,
    ADD CONSTRAINT payment_order_kind_check
        CHECK (kind IN ('approve', 'reject', 'bonus', 'override', 'compensate', 'extra')),
    ADD COLUMN assignment_id text,              -- null: the participation's; a compensation has one of its own
    ADD COLUMN token text;                      -- null: the id; a person may order a fresh attempt under another

CREATE UNIQUE INDEX order_one_override ON payment_order (participation_id)
    WHERE kind = 'override' AND state <> 'refused';
CREATE UNIQUE INDEX order_one_compensation ON payment_order (participation_id)
    WHERE kind = 'compensate' AND state <> 'refused';
CREATE UNIQUE INDEX order_one_extra ON payment_order (participation_id, assignment_id)
    WHERE kind = 'extra' AND state <> 'refused';
