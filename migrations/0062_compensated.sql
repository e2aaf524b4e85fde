-- Who is compensated for their work is not admitted to it again.
ALTER TABLE arrival
    DROP CONSTRAINT arrival_outcome_check,
    ADD CONSTRAINT arrival_outcome_check
        CHECK (outcome IN ('admitted', 'again', 'full', 'other_batch', 'compensated'));

-- Which connections keep the payer and the settler busy.
CREATE INDEX payment_order_busy ON payment_order (connection_id, state) WHERE state IN ('sending', 'unknown');
