-- What requesters wrote to workers, in the worker's inbox.
create table market.message (
    seq bigint generated always as identity primary key,
    worker_id text not null references market.worker,
    requester_id text not null references market.requester,
    subject text not null,
    body text not null,
    sent_at timestamptz not null
);
create index message_of_worker on market.message (worker_id, seq);

-- Whom a requester lets take nothing.
create table market.worker_block (
    seq bigint generated always as identity unique,
    requester_id text not null references market.requester,
    worker_id text not null references market.worker,
    reason text not null,                  -- for the requester; the worker does not read it
    created_at timestamptz not null,
    primary key (requester_id, worker_id)
);
