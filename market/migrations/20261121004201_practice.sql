-- Whether a HIT pays with play money: what its requester was when it was published.
alter table market.hit add column practice boolean not null default true;
update market.hit h set practice = r.rehearsal from market.requester r where r.requester_id = h.requester_id;
