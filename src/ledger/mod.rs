//! The ledger: append-only double entry in cents for each connection and currency.
//!
//! Triggers post every entry in the transaction that changes the state which it records (migration
//! `0010_ledger.sql` says which and why); the database refuses entries that do not sum to zero and any change
//! to what is written. Here it is read. Like [`crate::audit`], this domain knows the ids of others as bare ids.

pub mod caps;
pub mod pause;
pub mod store;

use kernel::money::Cents;

/// What is in the accounts of a book, or of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balances {
    /// Set aside for open places, fees included.
    pub reserved: Cents,
    /// Owed to workers and not confirmed yet, fees included.
    pub due: Cents,
    /// Confirmed to workers.
    pub paid: Cents,
    /// The recruiter's fees on what is paid.
    pub fees: Cents,
    /// Given up by a person.
    pub written_off: Cents,
}

impl Balances {
    /// All that has left the recruiter's account or is promised to leave it.
    pub fn committed(&self) -> Cents {
        self.reserved + self.due + self.spent()
    }

    /// What has left it for good.
    pub fn spent(&self) -> Cents {
        self.paid + self.fees + self.written_off
    }
}
