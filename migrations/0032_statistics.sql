-- What the statistics of a study need: which pages people were seen on, and marks by which the same network or
-- browser is known again within one study. A mark is a keyed hash, another one in every study: neither the
-- address nor the browser's name can be read from it, and nobody can be followed from study to study.
CREATE TABLE page_visit (
    participation_id uuid NOT NULL REFERENCES participation ON DELETE CASCADE,
    page_index integer NOT NULL,                -- over all apps and rounds, from 1
    page text NOT NULL,                         -- the page's class name
    seen_at timestamptz NOT NULL,               -- when they were first seen there; short visits are missed
    PRIMARY KEY (participation_id, page_index)
);
ALTER TABLE arrival
    ADD COLUMN network_mark text,
    ADD COLUMN browser_mark text;
