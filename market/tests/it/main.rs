//! The marketplace over loopback, driven by AWS's own client.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends here")]

mod assignments;
mod behaviour;
mod clocks;
mod conformance;
mod controls;
mod extremes;
mod fairness;
mod faults;
mod faults_standing;
mod harness;
mod hit_updates;
mod hits;
mod load;
mod money;
mod notifications;
mod open_points;
mod plans;
mod premium;
mod previews;
mod processes;
mod qualifications;
mod question_forms;
mod queues;
mod quirks;
mod registry;
mod requirements;
mod sandbox;
mod schedules;
mod scripted;
mod signatures;
mod tests_of_qualifications;
mod tokens;
mod validation;
mod workers;
mod workers_side;
