-- Whether an assignment is of a HIT that pays with play money, so that a worker's history is counted without the HITs.
alter table market.assignment add column practice boolean not null default false;
update market.assignment a set practice = true from market.hit h where h.hit_id = a.hit_id and h.practice;
