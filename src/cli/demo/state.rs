//! What a second run must find again: addresses are in published HITs, so they stay.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::config::{Config, FrameOrigin};

/// The file in the data folder.
pub(super) const FILE: &str = "demo.json";

/// Made at the first run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub port: u16,
    pub market_port: u16,
    pub otree_port: u16,
    pub email: String,
    pub password: String,
    pub otree_key: String,
    pub otree_password: String,
    /// The next seed for simulated workers, so that every run brings other people.
    pub seed: u64,
}

impl State {
    /// The earlier run's, or a new one with free ports and random secrets.
    pub fn load_or_make(data: &Path) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        if let Ok(text) = std::fs::read_to_string(&path) {
            return serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged; try --fresh", path.display()));
        }
        let mut taken = Vec::new();
        let mut port = |wanted| free_port(wanted, &mut taken);
        let state = Self {
            port: port(8000)?,
            market_port: port(8001)?,
            otree_port: port(8002)?,
            email: "demo@example.org".into(),
            password: kernel::secret::code(16),
            otree_key: kernel::secret::token(),
            otree_password: kernel::secret::code(16),
            seed: 1,
        };
        state.save(data)?;
        Ok(state)
    }

    /// Keeps it, for this user's eyes only.
    pub fn save(&self, data: &Path) -> anyhow::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(data.join(FILE))?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        Ok(())
    }

    /// Everything on this machine: our addresses, and leave to call an oTree on it.
    pub fn configure(&self, config: &mut Config) -> anyhow::Result<()> {
        config.listen = SocketAddr::from(([127, 0, 0, 1], self.port));
        config.public_url = format!("http://127.0.0.1:{}", self.port).parse()?;
        config.market_listen = Some(SocketAddr::from(([127, 0, 0, 1], self.market_port)));
        config.market_url = format!("http://127.0.0.1:{}", self.market_port).parse()?;
        config.market_frame = FrameOrigin::LOCAL;
        config.allow_private.push("127.0.0.0/8".parse()?);
        Ok(())
    }

    /// Where the demo's oTree listens.
    pub fn otree_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.otree_port)
    }
}

/// The wanted port, or any free one when somebody else has it.
fn free_port(wanted: u16, taken: &mut Vec<u16>) -> anyhow::Result<u16> {
    for port in (wanted..wanted + 20).chain([0]) {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            let port = listener.local_addr()?.port();
            if !taken.contains(&port) {
                taken.push(port);
                return Ok(port);
            }
        }
    }
    anyhow::bail!("no free port on this machine")
}
