-- The marketplace: its own schema, its own time (market time, UTC), whole cents of US dollars.
create schema if not exists market;

-- The market's clock while somebody turns it; no row means that it follows the machine.
create table market.clock (
    only_row boolean primary key default true check (only_row),
    anchor_real timestamptz not null,            -- machine time at which ...
    anchor_market timestamptz not null,          -- ... the market's time was this,
    rate double precision not null check (rate >= 0)  -- and since then runs this many times as fast; 0 stands still
);

-- Who publishes work and pays for it.
create table market.requester (
    requester_id text primary key,
    name text not null,
    available bigint not null default 0 check (available >= 0),  -- cents free to spend
    on_hold bigint not null default 0 check (on_hold >= 0),      -- cents promised to work not yet reviewed
    created_at timestamptz not null
);

-- Key pairs that sign requests; the secret is sealed with the access key's id as its place.
create table market.access_key (
    access_key_id text primary key,
    requester_id text not null references market.requester,
    secret bytea not null,
    created_at timestamptz not null
);

-- Every movement of a requester's money; the columns add up to the balance on the requester's row.
create table market.statement (
    seq bigint generated always as identity primary key,
    requester_id text not null references market.requester,
    at timestamptz not null,
    kind text not null check (kind in ('deposit', 'hold', 'release', 'reward', 'fee', 'bonus', 'bonus_fee')),
    available bigint not null,    -- change of cents free to spend
    on_hold bigint not null,      -- change of cents promised
    hit_id text,
    assignment_id text
);
create index statement_of_requester on market.statement (requester_id, seq);

-- What workers see as one group: the tuple that decides it, once per requester.
create table market.hit_type (
    hit_type_id text primary key,
    hit_group_id text not null unique,
    requester_id text not null references market.requester,
    title text not null,
    description text not null,
    keywords text,
    reward bigint not null check (reward >= 0),          -- cents per assignment
    assignment_duration bigint not null,                 -- seconds from accept to deadline
    auto_approval_delay bigint not null,                 -- seconds from submit to automatic approval
    qualification_requirements jsonb not null default '[]',  -- as the requester sent them
    fingerprint bytea not null,                          -- SHA-256 of the tuple
    created_at timestamptz not null,
    unique (requester_id, fingerprint)
);

-- One unit of published work with places for several workers.
create table market.hit (
    seq bigint generated always as identity unique,
    hit_id text primary key,
    requester_id text not null references market.requester,
    hit_type_id text not null references market.hit_type,
    question text not null,
    requester_annotation text,
    max_assignments bigint not null check (max_assignments >= 1),
    created_with bigint not null,          -- places at creation: under ten can never become ten or more
    reward bigint not null,                -- cents per assignment, as booked at creation
    fee bigint not null,                   -- cents of fee per assignment
    created_at timestamptz not null,
    expiration timestamptz not null,       -- nobody accepts from here on
    closed_at timestamptz,                 -- when expiry was booked and free places stopped holding money
    reviewing boolean not null default false,
    disposed_at timestamptz,
    pending bigint not null default 0 check (pending >= 0),      -- accepted, not finished
    submitted bigint not null default 0 check (submitted >= 0),  -- handed in, not reviewed
    approved bigint not null default 0 check (approved >= 0),
    rejected bigint not null default 0 check (rejected >= 0),
    constraint hit_has_a_place_for_each check (pending + submitted + approved + rejected <= max_assignments)
);
create index hit_of_requester on market.hit (requester_id, seq) where disposed_at is null;
create index hit_of_type on market.hit (hit_type_id, seq) where disposed_at is null;
create index hit_to_close on market.hit (expiration) where closed_at is null and disposed_at is null;

-- People who take work.
create table market.worker (
    worker_id text primary key check (worker_id ~ '^A[A-Z0-9]{1,63}$'),
    name text not null,
    password_hash text not null,           -- argon2 in PHC form
    created_at timestamptz not null
);
create unique index worker_name on market.worker (lower(name));

-- One worker's hold on one place of a HIT. An id may come back with another worker once it was given up,
-- so the row's own key is seq and the id is unique among the rows that still count.
create table market.assignment (
    seq bigint generated always as identity primary key,
    assignment_id text not null,
    hit_id text not null references market.hit,
    worker_id text not null references market.worker,
    state text not null default 'accepted'
        check (state in ('accepted', 'returned', 'abandoned', 'submitted', 'approved', 'rejected')),
    accepted_at timestamptz not null,
    deadline timestamptz not null,
    given_up_at timestamptz,               -- returned or abandoned
    submitted_at timestamptz,
    auto_approval_at timestamptz,
    approved_at timestamptz,
    rejected_at timestamptz,
    answer text,                           -- QuestionFormAnswers document
    feedback text                          -- the requester's last words to the worker
);
create unique index assignment_id_in_use on market.assignment (assignment_id)
    where state not in ('returned', 'abandoned');
create unique index one_assignment_per_worker_and_hit on market.assignment (hit_id, worker_id)
    where state not in ('returned', 'abandoned');
create index assignment_by_id on market.assignment (assignment_id, seq);
create index assignment_of_worker on market.assignment (worker_id, seq);
create index assignment_of_hit on market.assignment (hit_id, submitted_at, seq);
create index assignment_to_abandon on market.assignment (deadline) where state = 'accepted';
create index assignment_to_approve on market.assignment (auto_approval_at) where state = 'submitted';

-- Money sent to a worker beside the reward.
create table market.bonus (
    seq bigint generated always as identity primary key,
    requester_id text not null references market.requester,
    hit_id text not null references market.hit,
    assignment_id text not null,
    worker_id text not null references market.worker,
    amount bigint not null check (amount > 0),   -- cents to the worker
    fee bigint not null check (fee >= 0),        -- cents to the market
    reason text not null,
    paid_at timestamptz not null
);
create index bonus_of_assignment on market.bonus (assignment_id, seq);
create index bonus_of_hit on market.bonus (hit_id, seq);
create index bonus_of_worker on market.bonus (worker_id, seq);

-- Tokens that let a requester repeat a call; each is good for 24 hours of market time.
create table market.request_token (
    requester_id text not null references market.requester,
    operation text not null,
    token text not null,
    parameters bytea not null,             -- SHA-256 of the call it was used with
    result text not null,                  -- the id the call made, told to those who repeat it
    used_at timestamptz not null,
    primary key (requester_id, operation, token)
);

-- What happened, in order, never changed: the truth that others are compared with.
create table market.journal (
    seq bigint generated always as identity primary key,
    at timestamptz not null,
    effect text not null,
    requester_id text not null,
    hit_type_id text,
    hit_id text,
    assignment_id text,
    worker_id text,
    amount bigint,                         -- cents to the worker, or of the deposit
    fee bigint,                            -- cents to the market
    token text                             -- UniqueRequestToken of the call that did it
);
create index journal_of_requester on market.journal (requester_id, seq);

create function market.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end $$;
create trigger journal_is_append_only before update or delete on market.journal
    for each row execute function market.refuse_change();
create trigger statement_is_append_only before update or delete on market.statement
    for each row execute function market.refuse_change();

-- Trouble ordered by a test or a rehearsal; each row strikes `remaining` calls.
create table market.fault (
    seq bigint generated always as identity primary key,
    requester_id text,                     -- null: anybody's calls
    operation text,                        -- null: every operation
    kind text not null,
    remaining bigint not null check (remaining >= 0)
);
