-- Faults: a number for those kinds that have one, and orders that hold until they are lifted.
alter table market.fault
    alter column remaining drop not null,                 -- null: until lifted
    add column number bigint check (number > 0),          -- milliseconds, calls a second or seconds, by kind
    add column struck bigint not null default 0,          -- calls it struck so far
    add column ordered_at timestamptz not null default now(),  -- machine time
    add column lifted_at timestamptz,                     -- machine time; from here on it strikes nothing
    add column tokens double precision,                   -- a throttle's calls that may pass at once ...
    add column filled_at timestamptz;                     -- ... when this was the machine's time
create index fault_that_strikes on market.fault (requester_id, seq)
    where lifted_at is null and (remaining is null or remaining > 0);

-- Each call that a fault struck, in order, never changed.
create table market.fault_strike (
    seq bigint generated always as identity primary key,
    fault bigint not null,                 -- the order's seq
    at timestamptz not null,               -- the requester's time
    requester_id text not null,
    operation text not null,
    kind text not null,
    invocation text,                       -- the client's name for one call of its caller, the same in every retry
    attempt integer                        -- the client's count of its attempts at that call
);
create index fault_strike_of_requester on market.fault_strike (requester_id, seq);
create trigger fault_strike_is_append_only before update or delete on market.fault_strike
    for each row execute function market.refuse_change();
