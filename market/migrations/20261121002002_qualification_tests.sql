-- Tests of qualifications: QuestionForm and AnswerKey as the requester wrote them.
alter table market.qualification_type
    add column test text,
    add column answer_key text,
    add column test_duration bigint check (test_duration > 0),   -- seconds from opening the test to handing it in
    add constraint a_key_needs_a_test check (answer_key is null or test is not null),
    add constraint a_test_has_a_duration check ((test is null) = (test_duration is null)),
    add constraint a_test_is_not_granted_at_once check (test is null or not auto_granted);

-- What a worker handed in with the request, a QuestionFormAnswers document.
alter table market.qualification_request add column answer text;

-- Tests that workers have open, or let run out. Market time, UTC.
create table market.qualification_test_run (
    qualification_type_id text not null references market.qualification_type,
    worker_id text not null references market.worker,
    started_at timestamptz not null,
    deadline timestamptz not null,
    primary key (qualification_type_id, worker_id)
);
