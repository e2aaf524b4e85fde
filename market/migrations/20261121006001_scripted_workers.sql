-- Workers whom a rehearsing requester made and speaks for over the controls. Nobody signs in as one of them.
alter table market.worker add column made_by text references market.requester;
create index worker_made_by on market.worker (made_by, worker_id) where made_by is not null;
