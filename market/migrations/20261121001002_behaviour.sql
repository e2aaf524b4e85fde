-- What a requester set differently from the operator's quirks: names of switches and their values.
create table market.behaviour (
    requester_id text primary key references market.requester,
    overrides jsonb not null check (jsonb_typeof(overrides) = 'object'),
    changed_at timestamptz not null              -- machine time
);

-- Whether the requester rehearses with play money: only then may they turn their clock, order faults, change
-- behaviours and mint money themselves.
alter table market.requester add column rehearsal boolean not null default true;
