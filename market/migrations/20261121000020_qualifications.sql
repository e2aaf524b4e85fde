-- What workers can have: types that requesters made, and the market's own, which have no requester.
create table market.qualification_type (
    seq bigint generated always as identity unique,
    qualification_type_id text primary key,
    requester_id text references market.requester,   -- null: the market's own
    name text not null,
    description text not null,
    keywords text,
    active boolean not null default true,
    requestable boolean not null,                    -- whether workers may ask for it
    retry_delay bigint check (retry_delay >= 0),     -- seconds between requests; null: one request only
    auto_granted boolean not null default false,     -- whether a request is granted at once ...
    auto_granted_value bigint not null default 1,    -- ... with this value
    created_at timestamptz not null,
    deleted_at timestamptz
);
create unique index qualification_type_name on market.qualification_type (requester_id, name)
    where deleted_at is null;

insert into market.qualification_type (qualification_type_id, name, description, requestable, created_at) values
    ('00000000000000000040', 'Worker_NumberHITsApproved', 'Assignments of this worker that were approved', false, '2026-01-01Z'),
    ('00000000000000000071', 'Worker_Locale', 'Where this worker lives', false, '2026-01-01Z'),
    ('00000000000000000060', 'Worker_Adult', 'Whether this worker agreed to see adult content', false, '2026-01-01Z'),
    ('000000000000000000L0', 'Worker_PercentAssignmentsApproved', 'Percentage of this worker''s reviewed assignments that were approved', false, '2026-01-01Z'),
    ('2F1QJWKUDD8XADTFD2Q0G6UTO95ALH', 'Masters', 'Workers of proven quality', false, '2026-01-01Z'),
    ('2ARFPLSP75KLA8M8DH1HTEQVJT3SY6', 'Masters (sandbox)', 'Workers of proven quality, by the id the sandbox uses', false, '2026-01-01Z');

-- Which worker has which, and had.
create table market.qualification (
    seq bigint generated always as identity unique,
    qualification_type_id text not null references market.qualification_type,
    worker_id text not null references market.worker,
    value bigint not null,
    granted_at timestamptz not null,
    revoked_at timestamptz,
    primary key (qualification_type_id, worker_id)
);
create index qualification_of_type on market.qualification (qualification_type_id, seq);
create index qualification_of_worker on market.qualification (worker_id) where revoked_at is null;

-- What workers asked for.
create table market.qualification_request (
    seq bigint generated always as identity unique,
    request_id text primary key,
    qualification_type_id text not null references market.qualification_type,
    worker_id text not null references market.worker,
    state text not null default 'pending' check (state in ('pending', 'granted', 'rejected')),
    submitted_at timestamptz not null,
    decided_at timestamptz,
    reason text                                      -- the requester's words with a rejection
);
create unique index one_pending_qualification_request
    on market.qualification_request (qualification_type_id, worker_id) where state = 'pending';
create index qualification_request_of_worker on market.qualification_request (worker_id, seq);

-- What the market's own types are computed from, beside the worker's history.
alter table market.worker
    add column country text check (country ~ '^[A-Z]{2}$'),          -- ISO 3166; null: not told
    add column subdivision text check (subdivision ~ '^[A-Z]{2}$'),  -- state, where requesters ask for it
    add column adult boolean not null default false,
    add column masters boolean not null default false,
    add constraint subdivision_has_a_country check (subdivision is null or country is not null);

alter table market.journal add column qualification_type_id text;
create index hit_type_by_requirement on market.hit_type using gin (qualification_requirements jsonb_path_ops);
