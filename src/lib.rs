//! oTree HR: between oTree and the places where participants come from.
//!
//! # The map of the code
//!
//! Arrows point one way: `cli, web → domains → adapters → kernel`.
//!
//! | place | one idea |
//! | --- | --- |
//! | [`app`], [`config`] | settings read once; all parts built once |
//! | [`web`] | the only home of HTTP for people: routes, guards, forms, pages, the worker's door |
//! | [`accounts`], [`labs`] | people, their sessions, the tenants they belong to |
//! | [`sites`] | registered oTree servers and their checks |
//! | [`connections`] | a lab's credentials at a recruiter, sealed |
//! | [`ledger`] | append-only double entry: what is set aside, owed, paid |
//! | [`studies`] | what is published: plan (pure), batches, publisher |
//! | [`participation`] | who arrives, which seat they get, how far they are |
//! | [`review`] | approve, reject, bonus: decisions of people, and rules that approve by themselves |
//! | [`payments`] | orders and the only sender of money |
//! | [`scores`] | a number for each worker that follows from decisions, kept at the recruiter |
//! | [`mail`] | letters to people of a lab |
//! | [`audit`] | who did what |
//! | [`jobs`] | the mechanism behind everything that runs by itself |
//! | [`otree`], [`recruiters`] | adapters: the outside world's ways, without SQL and without axum |
//! | [`cli`] | subcommands: serve, migrate, demo, market |
//!
//! Three rivers run through it. A *worker* enters at [`web::door`], is admitted by
//! [`participation::admit`], plays in oTree and comes back to submit. A *researcher's* form becomes
//! a study in [`studies`], which the publisher turns into oTree sessions and batches. *Money* flows
//! from a decision in [`review`] through an order in [`payments`] to the recruiter.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod cli;
pub mod config;
pub mod connections;
pub mod crash;
pub mod jobs;
pub mod labs;
pub mod ledger;
pub mod mail;
pub mod otree;
pub mod participation;
pub mod payments;
pub mod recruiters;
pub mod review;
pub mod scores;
pub mod sites;
pub mod studies;
pub mod web;

/// The product's own tables; the marketplace brings its own.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();
