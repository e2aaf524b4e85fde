-- Whether publishing the HIT set its cost aside; where it did not, approval takes the money from what is free.
alter table market.hit add column holds boolean not null default true;
