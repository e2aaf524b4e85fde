-- A database that was restored, copied or failed over does not know what happened since: until the recruiter's figures
-- were compared with ours, no money leaves it.

-- Where this database lives: the cluster and its timeline (another after every recovery), the database and its tables
-- (others after every restore from a dump). Where a provider does not tell one of these, the others have to do.
CREATE FUNCTION database_home() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE cluster text := 'unknown'; timeline text := 'unknown';
BEGIN
    BEGIN
        SELECT system_identifier::text INTO cluster FROM pg_control_system();
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
        timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    RETURN concat_ws(' ', cluster, timeline, (SELECT oid FROM pg_database WHERE datname = current_database()),
        'payment_order'::regclass::oid);
END
$$;

CREATE TABLE whereabouts (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    home text NOT NULL,                         -- database_home(), as it was noticed last
    moved_at timestamptz                        -- when it was noticed that the database lives elsewhere than before
);

-- Whether it moved and nobody has noticed yet. Asked once in a statement, `(SELECT database_moved())`.
CREATE FUNCTION database_moved() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM whereabouts WHERE home <> database_home())
$$;

-- Whether it was compared from end to end since the database moved.
ALTER TABLE comparison ADD COLUMN caught_up boolean NOT NULL DEFAULT true;
CREATE INDEX comparison_behind ON comparison (lab_id) WHERE NOT caught_up;

-- Whether a study's money waits: for the end of a pause, or for the comparisons after the database moved. One that the
-- recruiter did not answer holds up only what it is about; without a study, only those that may still be answered count.
CREATE FUNCTION money_waits(lab uuid, study uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM money_pause WHERE lab_id = lab OR lab_id IS NULL)
        OR EXISTS (SELECT FROM comparison c WHERE c.lab_id = lab AND NOT c.caught_up
            AND (c.failures = 0 OR c.study_id = study
                OR c.study_id IS NULL AND c.connection_id = (SELECT connection_id FROM study s WHERE s.id = study)))
$$;
