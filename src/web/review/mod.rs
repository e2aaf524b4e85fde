//! The pages of review: everybody of a study, decisions about them, the orders that follow, a file.
//!
//! | part | one idea |
//! | --- | --- |
//! | [`table`] | everybody, with what is known and what waits for a decision |
//! | [`decide`] | ticked rows become a plan on a confirmation page, and the plan becomes orders |
//! | [`bulk`] | tasks for many people: a form, what it comes to, then the orders |
//! | [`texts`] | the lab's saved texts |
//! | [`orders`] | every order and its state in words |
//! | [`rules`] | what is approved without a person, and stopping it |
//! | [`statistics`] | times, pay by the hour, where people stop |
//! | [`settle`] | one order, both sides' facts, and a person's word when nobody knows |
//! | [`differences`] | our books beside the recruiter's figures |
//! | [`compensations`] | people who worked or came for nothing |
//! | [`file`] | everybody as CSV |
//! | `person`, `filter`, `by_rule` | pure: one row in words; which rows are shown; what the rules say |

pub mod bulk;
mod by_rule;
pub mod compensations;
pub mod decide;
pub mod differences;
pub mod file;
mod filter;
pub mod orders;
mod person;
pub mod rules;
pub mod settle;
pub mod statistics;
pub mod table;
pub mod texts;
