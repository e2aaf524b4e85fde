//! The one integration binary: real Postgres, real oTree, the marketplace, a real browser.

#[cfg(test)]
mod otree_real;
#[cfg(test)]
mod support;
