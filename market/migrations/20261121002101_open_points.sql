-- When a HIT got more places, so that counters can be told as they were a while ago.
create table market.hit_extension (
    hit_id text not null references market.hit,
    at timestamptz not null,
    places bigint not null check (places > 0)    -- added then
);
create index hit_extension_of_hit on market.hit_extension (hit_id);

-- Review policies that a requester sent with a HIT; nothing acts on them.
alter table market.hit add column assignment_review_policy jsonb, add column hit_review_policy jsonb;

-- HITs that are old enough to be looked at for automatic disposal.
create index hit_to_dispose on market.hit (requester_id, created_at)
    where disposed_at is null and pending = 0 and submitted = 0;
