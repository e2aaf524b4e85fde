-- Feedback and reasons that a lab uses again.
CREATE TABLE saved_text (
    id uuid PRIMARY KEY,
    lab_id uuid NOT NULL REFERENCES lab ON DELETE CASCADE,
    name text NOT NULL,
    body text NOT NULL,                         -- with placeholders; checked when it was saved
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX saved_text_name ON saved_text (lab_id, lower(name));
