-- The same function as before, written so that the planner expects the one row there is of each clock. Without
-- statistics it expected a thousand of each, thought the tick a matter of minutes, and spent seconds compiling it.
create or replace function market.times(machine timestamptz) returns table (requester_id text, now timestamptz)
language sql stable as $$
    select r.requester_id,
           case when coalesce(own.anchor_real, usual.anchor_real) is null then machine
                else coalesce(own.anchor_market, usual.anchor_market)
                     + interval '1 microsecond'
                       * trunc(least(greatest(extract(epoch from machine - coalesce(own.anchor_real, usual.anchor_real)), 0)
                                     ::double precision * 1000000 * coalesce(own.rate, usual.rate), 2.5e17))
           end
      from market.requester r
      left join lateral (select c.anchor_real, c.anchor_market, c.rate from market.requester_clock c
                          where c.requester_id = r.requester_id limit 1) own on true
      left join lateral (select anchor_real, anchor_market, rate from market.clock limit 1) usual on true
$$;

-- What is left of a group to take from: HITs whose end was not booked, oldest first.
create index hit_open on market.hit (hit_type_id, seq) where disposed_at is null and closed_at is null;
