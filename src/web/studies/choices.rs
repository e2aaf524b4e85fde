//! What a study can be made of: the lab's sites with their session configs, and its connections.

use sqlx::PgConnection;

use crate::connections::{self, Connection};
use crate::labs::LabId;
use crate::otree::SessionConfig;
use crate::sites::{self, Site};

/// The lab's sites and connections.
#[derive(Debug)]
pub struct Choices {
    /// By name.
    pub sites: Vec<Site>,
    /// By name.
    pub connections: Vec<Connection>,
}

impl Choices {
    /// Reads them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load(conn: &mut PgConnection, lab: LabId) -> sqlx::Result<Self> {
        let sites = sites::list(conn, lab).await?;
        Ok(Self { sites, connections: connections::list(conn, lab).await? })
    }

    /// The site of a choice in the form, which reads `<site>:<config>`.
    pub fn site(&self, pick: &str) -> Option<&Site> {
        let (site, _) = split(pick);
        self.sites.iter().find(|one| one.id.to_string() == site)
    }

    /// The session config of a choice, if the site lists it.
    pub fn config(&self, pick: &str) -> Option<&SessionConfig> {
        let (_, name) = split(pick);
        self.site(pick)?.configs.iter().find(|config| config.name == name)
    }

    /// The connection with this id.
    pub fn connection(&self, id: &str) -> Option<&Connection> {
        self.connections.iter().find(|one| one.id.to_string() == id)
    }

    /// Whether the choice names a config that its site does not list: that of a session that is taken in, or
    /// one that is gone.
    pub fn is_unlisted(&self, pick: &str) -> bool {
        let (_, name) = split(pick);
        !name.is_empty() && self.site(pick).is_some() && self.config(pick).is_none()
    }
}

/// Site and config of a choice.
pub fn split(pick: &str) -> (&str, &str) {
    pick.split_once(':').unwrap_or((pick, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_apart_at_its_first_colon() {
        assert_eq!(split("123:solo"), ("123", "solo"));
        assert_eq!(split("123:a:b"), ("123", "a:b"));
        assert_eq!(split("123"), ("123", ""));
    }
}
