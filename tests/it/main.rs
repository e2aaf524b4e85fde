//! The one integration binary: real Postgres, real oTree, the marketplace, a real browser.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod admission;
#[cfg(test)]
mod arrows;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod labs;
#[cfg(test)]
mod market_alone;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod money;
#[cfg(test)]
mod otree_real;
#[cfg(test)]
mod recruiter;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod river;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod scores;
#[cfg(test)]
mod sites;
#[cfg(test)]
mod statistics;
#[cfg(test)]
mod studies_pages;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tenancy;
#[cfg(test)]
mod walls;
#[cfg(test)]
mod web;
