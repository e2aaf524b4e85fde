-- Whether a requester's money never runs out, as in the sandbox: the switch as it was at their last call. What is short
-- is then put into the account by a line of its own, so that the books still add up.
alter table market.requester add column boundless boolean not null default false;
alter table market.statement drop constraint statement_kind_check;
alter table market.statement add constraint statement_kind_check
    check (kind in ('deposit', 'credit', 'hold', 'release', 'reward', 'fee', 'bonus', 'bonus_fee'));
