-- Signed-in workers. The cookie holds a random token; its SHA-256 stands here. Machine time, UTC.
create table market.worker_session (
    token_hash bytea primary key,
    worker_id text not null references market.worker on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index worker_session_of_worker on market.worker_session (worker_id);
create index worker_session_expiry on market.worker_session (expires_at);

-- Failed sign-ins of the last minutes, by SHA-256 of the name that was typed, known or not.
create table market.worker_sign_in_failure (
    name_hash bytea not null,
    at timestamptz not null
);
create index worker_sign_in_failure_of_name on market.worker_sign_in_failure (name_hash, at);
