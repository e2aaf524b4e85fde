-- Notices on their way out, looked up by requester and lane, however many have left before them.
create index notice_fresh on market.notice (requester_id, seq) where state = 'fresh';
create index notice_waiting on market.notice (requester_id, destination, seq) where state = 'waiting';

-- Messages: the oldest of a queue first, and those that were kept long enough.
create index queue_message_in_order on market.queue_message (queue_id, seq);
create index queue_message_sent on market.queue_message (sent_at);

-- What workers are at, however much they did before.
create index assignment_held on market.assignment (worker_id, seq) where state = 'accepted';
