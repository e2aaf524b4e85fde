//! Where a connection leads: which servers, which pages may frame ours, how dear a mistake is (pure).

use url::Url;

/// The four kinds of places that speak the requester protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Amazon Mechanical Turk, with real money.
    Production,
    /// Amazon's sandbox, with play money.
    Sandbox,
    /// This server's own marketplace.
    Rehearsal,
    /// Any other server that speaks the protocol.
    Custom,
}

impl Environment {
    /// All, the safest first.
    pub const ALL: [Self; 4] = [Self::Rehearsal, Self::Sandbox, Self::Production, Self::Custom];

    /// As it is stored, posted, and named in style sheets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Sandbox => "sandbox",
            Self::Rehearsal => "rehearsal",
            Self::Custom => "custom",
        }
    }

    /// As people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Production => "Mechanical Turk",
            Self::Sandbox => "Mechanical Turk sandbox",
            Self::Rehearsal => "Rehearsal marketplace",
            Self::Custom => "Other server",
        }
    }

    /// Whether Amazon runs it, and may have ended it.
    pub fn is_amazon(self) -> bool {
        matches!(self, Self::Production | Self::Sandbox)
    }

    /// Whether money that is spent there may be real.
    pub fn is_costly(self) -> bool {
        matches!(self, Self::Production | Self::Custom)
    }
}

impl std::fmt::Display for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Choose where the connection leads.")]
pub struct EnvironmentError;

impl std::str::FromStr for Environment {
    type Err = EnvironmentError;
    fn from_str(text: &str) -> Result<Self, EnvironmentError> {
        Self::ALL.into_iter().find(|environment| environment.as_str() == text).ok_or(EnvironmentError)
    }
}

/// The addresses of a custom server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// The requester API.
    pub endpoint: Url,
    /// Where workers see and submit HITs.
    pub worker_site: Url,
}

/// Every address that matters for one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The requester API.
    pub endpoint: Url,
    /// Where workers see HITs; a path prefix is part of it.
    pub worker_site: Url,
    /// The values of `turkSubmitTo` that a finished form may be posted to, without a trailing slash.
    pub submit_sites: Vec<String>,
    /// The origins whose pages may frame ours.
    pub frame_ancestors: Vec<String>,
}

impl Place {
    /// The place of an environment; `custom` are the addresses of a custom one, `market` that of the
    /// built-in marketplace.
    ///
    /// # Errors
    /// `None` for a custom environment without its addresses.
    pub fn of(environment: Environment, custom: Option<&Custom>, market: &Url) -> Option<Self> {
        match environment {
            Environment::Production => amazon(
                "https://mturk-requester.us-east-1.amazonaws.com",
                "https://www.mturk.com",
                &["https://worker.mturk.com", "https://www.mturk.com", "https://requester.mturk.com"],
            ),
            Environment::Sandbox => amazon(
                "https://mturk-requester-sandbox.us-east-1.amazonaws.com",
                "https://workersandbox.mturk.com",
                &["https://workersandbox.mturk.com", "https://requestersandbox.mturk.com"],
            ),
            Environment::Rehearsal => Some(Self::own(requester(market), market.clone())),
            Environment::Custom => {
                custom.map(|custom| Self::own(custom.endpoint.clone(), custom.worker_site.clone()))
            }
        }
    }

    fn own(endpoint: Url, worker_site: Url) -> Self {
        Self {
            endpoint,
            submit_sites: vec![bare(&worker_site)],
            frame_ancestors: vec![worker_site.origin().ascii_serialization()],
            worker_site,
        }
    }
}

fn amazon(endpoint: &str, worker_site: &str, frames: &[&str]) -> Option<Place> {
    Some(Place {
        endpoint: endpoint.parse().ok()?,
        worker_site: worker_site.parse().ok()?,
        submit_sites: vec![worker_site.to_owned()],
        frame_ancestors: frames.iter().map(|&origin| origin.to_owned()).collect(),
    })
}

/// The built-in marketplace's address for requests, beside its pages.
fn requester(market: &Url) -> Url {
    let mut endpoint = market.clone();
    endpoint.set_path(&format!("{}/requester", market.path().trim_end_matches('/')));
    endpoint
}

fn bare(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market() -> Url {
        "http://localhost:8000/market".parse().unwrap()
    }

    #[test]
    fn every_environment_reads_back_from_its_name() {
        for environment in Environment::ALL {
            assert_eq!(environment.as_str().parse(), Ok(environment));
        }
        assert_eq!("live".parse::<Environment>(), Err(EnvironmentError));
    }

    #[test]
    fn amazons_places_are_known() {
        for environment in [Environment::Production, Environment::Sandbox] {
            let place = Place::of(environment, None, &market()).unwrap();
            assert!(place.endpoint.host_str().unwrap().ends_with(".us-east-1.amazonaws.com"));
            assert!(place.frame_ancestors.contains(&place.submit_sites[0]));
        }
    }

    #[test]
    fn a_rehearsal_submits_below_the_markets_path_and_is_framed_by_its_origin() {
        let place = Place::of(Environment::Rehearsal, None, &market()).unwrap();
        assert_eq!(place.endpoint.as_str(), "http://localhost:8000/market/requester");
        assert_eq!(place.submit_sites, ["http://localhost:8000/market"]);
        assert_eq!(place.frame_ancestors, ["http://localhost:8000"]);
    }

    #[test]
    fn a_custom_place_needs_its_addresses() {
        assert_eq!(Place::of(Environment::Custom, None, &market()), None);
        let custom = Custom {
            endpoint: "https://api.example.org/".parse().unwrap(),
            worker_site: "https://work.example.org/".parse().unwrap(),
        };
        let place = Place::of(Environment::Custom, Some(&custom), &market()).unwrap();
        assert_eq!(place.submit_sites, ["https://work.example.org"]);
    }
}
