-- Simulated workers that a requester sent, and how far each came. Machine time, UTC: a run lives in a process.
create table market.bot_run (
    run_id text primary key,
    requester_id text not null references market.requester,
    plan jsonb not null,                   -- as it was asked for
    state text not null default 'running' check (state in ('running', 'stopping', 'stopped', 'finished')),
    started_at timestamptz not null,
    seen_at timestamptz not null,          -- its process says every few seconds that it still runs
    ended_at timestamptz
);
create index bot_run_of_requester on market.bot_run (requester_id, started_at desc);

create table market.bot (
    run_id text not null references market.bot_run on delete cascade,
    number integer not null,               -- counts from 1
    behaviour text not null,
    stage text not null default 'waiting' check (stage in
        ('waiting', 'signed_in', 'accepted', 'opened', 'finished', 'submitted', 'returned', 'left', 'failed')),
    worker_ids text[] not null default '{}',      -- two for one person on two accounts
    assignment_ids text[] not null default '{}',  -- two for somebody who took two HITs
    participant_codes text[] not null default '{}',
    pages integer,                         -- pages of oTree answered
    problem text,                          -- why it could not go on
    problem_page text,                     -- the page that it could not fill or that broke
    changed_at timestamptz not null,
    primary key (run_id, number)
);
