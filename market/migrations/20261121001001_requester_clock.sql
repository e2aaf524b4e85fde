-- A requester's own clock, once it was turned; without a row the requester follows market.clock.
create table market.requester_clock (
    requester_id text primary key references market.requester,
    anchor_real timestamptz not null,            -- machine time at which ...
    anchor_market timestamptz not null,          -- ... this requester's time was this,
    rate double precision not null check (rate >= 0)  -- and since then runs this many times as fast; 0 stands still
);

-- Every requester's time when the machine's is `machine`: their own clock's, else the market's, else the machine's.
-- The same sum as clock::Timing::at, to the microsecond; one plain select, so that the planner sees through it.
create function market.times(machine timestamptz) returns table (requester_id text, now timestamptz)
language sql stable as $$
    select r.requester_id,
           case when coalesce(own.anchor_real, usual.anchor_real) is null then machine
                else coalesce(own.anchor_market, usual.anchor_market)
                     + interval '1 microsecond'
                       * trunc(least(greatest(extract(epoch from machine - coalesce(own.anchor_real, usual.anchor_real)), 0)
                                     ::double precision * 1000000 * coalesce(own.rate, usual.rate), 2.5e17))
           end
      from market.requester r
      left join market.requester_clock own using (requester_id)
      left join market.clock usual on true
$$;

-- Whose HIT it is, on the assignment itself: what is due is looked for requester by requester.
alter table market.assignment add column requester_id text references market.requester;
update market.assignment a set requester_id = h.requester_id from market.hit h where h.hit_id = a.hit_id;
alter table market.assignment alter column requester_id set not null;

drop index market.assignment_to_abandon;
create index assignment_to_abandon on market.assignment (requester_id, deadline) where state = 'accepted';
drop index market.assignment_to_approve;
create index assignment_to_approve on market.assignment (requester_id, auto_approval_at) where state = 'submitted';
drop index market.hit_to_close;
create index hit_to_close on market.hit (requester_id, expiration) where closed_at is null and disposed_at is null;
