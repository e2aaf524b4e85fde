//! The settings, read from the environment once at start and checked as a whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use kernel::{env, secret::Keyring};
use secrecy::SecretString;
use url::Url;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignUp {
    /// Anybody.
    #[default]
    Open,
    /// Whoever has an invitation link.
    Invite,
    /// Nobody new.
    Closed,
}

impl std::str::FromStr for SignUp {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "invite" => Ok(Self::Invite),
            "closed" => Ok(Self::Closed),
            _ => Err("write open, invite or closed"),
        }
    }
}

/// Where requesters' own pages (HTMLQuestion) are served from, so that they are strangers to the worker site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameOrigin {
    /// From the worker site's own address, with their origin taken away by a sandbox.
    Sandboxed,
    /// From another host name that leads to the same listener.
    Host(Url),
    /// From a listener of their own. Without an address it is this machine's other loopback name and the listener's
    /// port, known once it listens.
    Listener {
        /// Address and port; port 0 takes a free one.
        listen: SocketAddr,
        /// How browsers reach it.
        url: Option<Url>,
    },
}

impl FrameOrigin {
    /// A free port of this machine.
    pub const LOCAL: Self = Self::Listener {
        listen: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0),
        url: None,
    };

    /// How browsers reach it, once that is known.
    pub fn url(&self) -> Option<&Url> {
        match self {
            Self::Sandboxed => None,
            Self::Host(url) => Some(url),
            Self::Listener { url, .. } => url.as_ref(),
        }
    }
}

/// How mail goes out; checked when the parts are built.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The server, with the password: `smtps://user:password@mail.example.org`.
    pub url: SecretString,
    /// The sender: `oTree HR <hr@example.org>`.
    pub from: String,
}

/// Everything an operator can set. Documented for people in the README's table.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DATABASE_URL`; none starts a private cluster in the data folder.
    pub database_url: Option<String>,
    /// `DATABASE_CONNECTIONS`, default 10.
    pub database_connections: u32,
    /// `OTREE_HR_DATA`, default `./data`.
    pub data: PathBuf,
    /// `LISTEN` (address and port), or `PORT` on all addresses; default 127.0.0.1:8000.
    pub listen: SocketAddr,
    /// `PUBLIC_URL`: how browsers reach us. Its scheme decides about secure cookies.
    pub public_url: Url,
    /// `MARKET_LISTEN`: a listener of its own for the built-in marketplace; none mounts it under `/market`.
    pub market_listen: Option<SocketAddr>,
    /// `MARKET_URL`: how browsers reach the marketplace.
    pub market_url: Url,
    /// `MARKET_FRAME_URL` and `MARKET_FRAME_LISTEN`: where requesters' own pages are served from.
    pub market_frame: FrameOrigin,
    /// `MARKET_ROUNDING`, `MARKET_FEES`, `MARKET_APPROVAL_RATE` and `MARKET_QUIRKS`, by name; the marketplace reads them.
    pub market_words: BTreeMap<&'static str, String>,
    /// `SECRET_KEY` and the former ones in `SECRET_KEY_OLD`.
    pub keyring: Keyring,
    /// `SIGNUP`: open, invite or closed.
    pub sign_up: SignUp,
    /// `ALLOW_PRIVATE_NETWORKS`: networks (CIDR) that oTree sites may live in although they are private.
    pub allow_private: Vec<ipnet::IpNet>,
    /// `SMTP_URL` and `MAIL_FROM`: how mail goes out; none sends none.
    pub mail: Option<Mail>,
    /// `TRUST_PROXY`: whether the last X-Forwarded-For address is the visitor's (behind one trusted proxy).
    pub trust_proxy: bool,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::read("DATABASE_URL", data_folder(), market_listen()?)
    }

    /// Reads it for a marketplace that runs alone: with a database of its own (`MARKET_DATABASE_URL`, else a private
    /// cluster in `market` of the data folder), and no site beside it.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn of_market_alone() -> anyhow::Result<Self> {
        let listen = market_listen()?.map_or_else(listen, Ok)?;
        Self::read("MARKET_DATABASE_URL", data_folder().join("market"), Some(listen))
    }

    fn read(database: &str, data: PathBuf, market_listen: Option<SocketAddr>) -> anyhow::Result<Self> {
        let database_url = env::text(database);
        let listen = listen()?;
        let public_url = url("PUBLIC_URL", &format!("http://localhost:{}", listen.port()))?;
        let market_url = url("MARKET_URL", &default_market(&public_url, market_listen))?;
        Ok(Self {
            keyring: keyring(database_url.is_none(), &data)?,
            database_url,
            database_connections: env::parsed("DATABASE_CONNECTIONS", 10)?,
            data,
            listen,
            public_url,
            market_listen,
            market_frame: market_frame(&market_url, market_listen.unwrap_or(listen))?,
            market_url,
            market_words: market_words(),
            sign_up: env::parsed("SIGNUP", SignUp::default())?,
            allow_private: env::list("ALLOW_PRIVATE_NETWORKS")?,
            mail: mail()?,
            trust_proxy: env::parsed("TRUST_PROXY", false)?,
        })
    }

    /// Whether browsers reach us over TLS, so that cookies may demand it.
    pub fn secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// An absolute address of ours; `path` starts with a slash.
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

fn data_folder() -> PathBuf {
    env::text("OTREE_HR_DATA").unwrap_or_else(|| "data".into()).into()
}

fn market_listen() -> anyhow::Result<Option<SocketAddr>> {
    let address = env::text("MARKET_LISTEN").map(|text| text.parse());
    address.transpose().context("MARKET_LISTEN must be an address and a port, such as 0.0.0.0:8000")
}

/// What is said of them; the settings know nothing of the marketplace.
fn market_words() -> BTreeMap<&'static str, String> {
    let names = ["MARKET_ROUNDING", "MARKET_FEES", "MARKET_APPROVAL_RATE", "MARKET_QUIRKS"];
    names.into_iter().filter_map(|name| Some((name, env::text(name)?))).collect()
}

fn listen() -> anyhow::Result<SocketAddr> {
    if let Some(text) = env::text("LISTEN") {
        return text.parse().context("LISTEN must be an address and a port, such as 0.0.0.0:8000");
    }
    match env::text("PORT") {
        Some(port) => format!("0.0.0.0:{port}").parse().context("PORT must be a port number"),
        None => Ok(SocketAddr::from(([127, 0, 0, 1], 8000))),
    }
}

fn url(name: &str, default: &str) -> anyhow::Result<Url> {
    let text = env::text(name).unwrap_or_else(|| default.to_owned());
    let url: Url =
        text.parse().with_context(|| format!("{name} must be an address like https://hr.example.org"))?;
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https") && url.host().is_some(),
        "{name} must start with https:// (or http:// on your own machine)"
    );
    Ok(url)
}

fn mail() -> anyhow::Result<Option<Mail>> {
    let Some(url) = env::text("SMTP_URL") else { return Ok(None) };
    let from = env::text("MAIL_FROM").context("MAIL_FROM is needed beside SMTP_URL")?;
    Ok(Some(Mail { url: url.into(), from }))
}

fn default_market(public: &Url, listen: Option<SocketAddr>) -> String {
    match listen {
        Some(address) => format!("http://localhost:{}", address.port()),
        None => format!("{}/market", public.as_str().trim_end_matches('/')),
    }
}

/// Where everything happens on one machine, requesters' pages get a listener of their own by default; elsewhere nobody
/// but the operator knows another address that leads here.
fn market_frame(market: &Url, listen: SocketAddr) -> anyhow::Result<FrameOrigin> {
    let own = env::text("MARKET_FRAME_LISTEN")
        .map(|text| text.parse().context("MARKET_FRAME_LISTEN must be an address and a port"))
        .transpose()?;
    let url = match env::text("MARKET_FRAME_URL").as_deref() {
        Some("none") => return Ok(FrameOrigin::Sandboxed),
        Some(_) => Some(url("MARKET_FRAME_URL", "")?),
        None => None,
    };
    frame_origin(market, listen, own, url)
}

fn frame_origin(
    market: &Url,
    listen: SocketAddr,
    own: Option<SocketAddr>,
    url: Option<Url>,
) -> anyhow::Result<FrameOrigin> {
    if let Some(url) = &url {
        anyhow::ensure!(
            url.origin() != market.origin(),
            "MARKET_FRAME_URL must have another host or port than the worker site, or it protects nobody"
        );
    }
    let on_this_machine = kernel::outbound::is_local(market);
    Ok(match (own, url) {
        (Some(listen), url) => {
            anyhow::ensure!(
                url.is_some() || on_this_machine,
                "MARKET_FRAME_LISTEN needs MARKET_FRAME_URL: how browsers reach that listener"
            );
            FrameOrigin::Listener { listen, url }
        }
        (None, Some(url)) => FrameOrigin::Host(url),
        (None, None) if on_this_machine && listen.ip().is_loopback() => FrameOrigin::LOCAL,
        (None, None) => FrameOrigin::Sandboxed,
    })
}

/// The master secret: from the environment, or, beside a private cluster only, from a file made at first start.
fn keyring(private_cluster: bool, data: &std::path::Path) -> anyhow::Result<Keyring> {
    let current = match env::text("SECRET_KEY") {
        Some(text) => text,
        None if private_cluster => secret_file(&data.join("secret_key"))?,
        None => return Err(env::SettingError::Missing("SECRET_KEY".into()).into()),
    };
    let former: Vec<String> = env::list("SECRET_KEY_OLD")?;
    let former: Vec<SecretString> = former.into_iter().map(SecretString::from).collect();
    Keyring::new(&SecretString::from(current), &former).context("SECRET_KEY")
}

fn secret_file(path: &std::path::Path) -> anyhow::Result<String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if let Ok(text) = std::fs::read_to_string(path) {
        return Ok(text.trim().to_owned());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let secret = format!("{}{}", kernel::secret::token(), kernel::secret::token());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(secret.as_bytes())?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(
        market: &str,
        listen: &str,
        own: Option<&str>,
        url: Option<&str>,
    ) -> Result<FrameOrigin, String> {
        let (own, url) = (own.map(|own| own.parse().unwrap()), url.map(|url| url.parse().unwrap()));
        frame_origin(&market.parse().unwrap(), listen.parse().unwrap(), own, url)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn requesters_pages_get_an_origin_of_their_own_wherever_that_is_known_to_work() {
        let local = "http://localhost:8000/market";
        let frames: Url = "https://frames.example.org/".parse().unwrap();
        assert_eq!(origin(local, "127.0.0.1:8000", None, None), Ok(FrameOrigin::LOCAL));
        // A container's port is not reached by the same number, and a platform gives one port only.
        assert_eq!(origin(local, "0.0.0.0:8000", None, None), Ok(FrameOrigin::Sandboxed));
        let public = "https://hr.example.org/market";
        assert_eq!(origin(public, "0.0.0.0:8000", None, None), Ok(FrameOrigin::Sandboxed));
        assert_eq!(
            origin(public, "0.0.0.0:8000", None, Some(frames.as_str())),
            Ok(FrameOrigin::Host(frames.clone()))
        );
        let listen = "0.0.0.0:8003".parse().unwrap();
        assert_eq!(
            origin(public, "0.0.0.0:8000", Some("0.0.0.0:8003"), Some(frames.as_str())),
            Ok(FrameOrigin::Listener { listen, url: Some(frames) })
        );
    }

    #[test]
    fn an_origin_that_protects_nobody_is_refused() {
        let same =
            origin("https://hr.example.org/market", "0.0.0.0:1", None, Some("https://hr.example.org/frames"));
        assert!(same.unwrap_err().contains("another host or port"));
        let unknown = origin("https://hr.example.org/market", "0.0.0.0:1", Some("0.0.0.0:8003"), None);
        assert!(unknown.unwrap_err().contains("needs MARKET_FRAME_URL"));
    }
}
