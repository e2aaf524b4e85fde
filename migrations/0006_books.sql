-- Approved without a decision of ours: the books are told of what that cost.
CREATE INDEX participation_approved_elsewhere ON participation (study_id)
    WHERE approved_at IS NOT NULL AND bonus_cents IS NULL;
