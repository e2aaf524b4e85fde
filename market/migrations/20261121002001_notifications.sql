-- What a requester wants to be told about HITs of a type, and where; one setting per HIT type.
create table market.notification (
    hit_type_id text primary key references market.hit_type,
    transport text not null check (transport in ('SNS', 'SQS')),
    destination text not null,             -- http(s) address (SNS), or the URL of a queue here (SQS)
    version text not null,                 -- EventDocVersion
    event_types text[] not null,
    active boolean not null
);

-- What is to be told. A row is written in the transaction of the event itself; whatever is told is told from here.
create table market.notice (
    seq bigint generated always as identity primary key,
    requester_id text not null references market.requester,
    event_type text not null,
    at timestamptz not null,               -- market time of the event
    hit_type_id text not null,
    hit_group_id text,
    hit_id text,
    assignment_id text,
    worker_id text,
    after_expiry boolean not null,         -- whether the HIT's lifetime was over when it happened
    transport text not null check (transport in ('SNS', 'SQS')),
    destination text not null,
    version text not null,
    doc_id text not null,                  -- EventDocId; a duplicate has the same one
    state text not null default 'fresh'
        check (state in ('fresh', 'waiting', 'sent', 'lost', 'failed')),
    -- fresh: switches not applied yet; lost: dropped by a switch; failed: given up after the last attempt
    due_at timestamptz,                    -- market time before which it is held back
    attempts bigint not null default 0,
    try_at timestamptz not null,           -- machine time of the next attempt; a running attempt puts it ahead
    settled_at timestamptz,                -- machine time of sent, lost or failed
    error text                             -- why the last attempt failed
);
create index notice_to_send on market.notice (state, try_at) where state in ('fresh', 'waiting');
create index notice_settled on market.notice (settled_at) where settled_at is not null;
create index notice_of_requester on market.notice (requester_id, seq);

-- How many of a requester's next notices are lost, on demand.
alter table market.requester
    add column lose_notices bigint not null default 0 check (lose_notices >= 0);

-- Queues that answer the SQS calls. Machine time: whoever reads them lives in it.
create table market.queue (
    queue_id bigint generated always as identity primary key,
    requester_id text not null references market.requester,
    name text not null check (name ~ '^[A-Za-z0-9_-]{1,80}$'),
    visibility_timeout bigint not null,    -- seconds a received message stays hidden
    created_at timestamptz not null,
    unique (requester_id, name)
);
create table market.queue_message (
    seq bigint generated always as identity primary key,
    queue_id bigint not null references market.queue on delete cascade,
    message_id text not null,
    body text not null,
    sent_at timestamptz not null,
    visible_at timestamptz not null,       -- hidden until then
    receipt text,                          -- handle of the last receive
    receives bigint not null default 0,
    first_received_at timestamptz
);
create index queue_message_to_receive on market.queue_message (queue_id, visible_at, seq);
create unique index queue_message_receipt on market.queue_message (receipt) where receipt is not null;
