-- Previews that workers opened, written only for requesters whose switch counts them as pending. No foreign keys: checking
-- one waits for whoever has the HIT locked, and looking at a HIT must wait for nobody.
create table market.preview (
    hit_id text not null,
    at timestamptz not null,               -- the requester's time
    worker_id text not null,
    requester_id text not null,
    primary key (hit_id, at, worker_id)
);
create index preview_of_requester on market.preview (requester_id, at);
