//! A mail server of sixty lines: takes letters, or has a bad day.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with the next letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Takes,
    /// Says “later”.
    Defers,
    /// Says “never”.
    Refuses,
    /// Takes it and hangs up before it says so.
    TakesInSilence,
}

#[derive(Clone)]
pub struct MailServer {
    port: u16,
    state: Arc<Mutex<(Vec<Mood>, Vec<String>)>>,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), state: Arc::default() };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who hangs up has nothing more to say.
                let _ = own.talk(stream).await;
            }
        });
        server
    }

    pub fn settings(&self) -> otree_hr::config::Mail {
        let url = format!("smtp://127.0.0.1:{}", self.port).into();
        otree_hr::config::Mail { url, from: "oTree HR <hr@example.org>".into() }
    }

    /// How it treats the next letters; after them it takes everything.
    pub fn next(&self, moods: &[Mood]) {
        self.state.lock().unwrap().0 = moods.iter().rev().copied().collect();
    }

    /// What was taken, headers and all.
    pub fn letters(&self) -> Vec<String> {
        self.state.lock().unwrap().1.clone()
    }

    async fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 stand-in\r\n").await?;
        let (mut line, mut letter, mut in_letter) = (String::new(), String::new(), false);
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if in_letter && line != ".\r\n" {
                letter.push_str(&line);
                continue;
            }
            let answer = match line.trim_end() {
                "." => {
                    in_letter = false;
                    match self.take(std::mem::take(&mut letter)) {
                        Mood::TakesInSilence => return Ok(()),
                        Mood::Takes => "250 taken",
                        Mood::Defers => "451 later, please",
                        Mood::Refuses => "550 no such person",
                    }
                }
                "DATA" => {
                    in_letter = true;
                    "354 go on"
                }
                "QUIT" => "221 good bye",
                _ => "250 fine",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
    }

    fn take(&self, letter: String) -> Mood {
        let mut state = self.state.lock().unwrap();
        let mood = state.0.pop().unwrap_or(Mood::Takes);
        if matches!(mood, Mood::Takes | Mood::TakesInSilence) {
            state.1.push(letter);
        }
        mood
    }
}
