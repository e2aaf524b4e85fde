//! One simulated worker's whole way: sign up, find, accept, open the study, play, submit.

use std::collections::HashMap;

use kernel::secret;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

use super::answers::Answers;
use super::browser::{BrowseError, Browser, Page};
use super::player::{self, Manner, PlayError, Played};
use super::reading::{self, Frame};
use super::{BotEvent, BotPlan, BotReport};

/// Links followed between the frame and the first page of the experiment.
const MOST_STEPS: usize = 3;

/// Why a bot could not go on.
#[derive(Debug, thiserror::Error)]
enum VisitError {
    #[error(transparent)]
    Browse(#[from] BrowseError),
    #[error(transparent)]
    Play(#[from] PlayError),
    #[error("{0}")]
    Other(String),
}

struct Visit<'a> {
    plan: &'a BotPlan,
    bot: usize,
    browser: Browser,
    manner: Manner,
    events: mpsc::Sender<BotEvent>,
    report: BotReport,
}

/// Sends bot number `bot`.
pub(super) async fn visit(
    plan: &BotPlan,
    bot: usize,
    http: Result<reqwest::Client, String>,
    events: mpsc::Sender<BotEvent>,
) -> BotReport {
    let report = BotReport {
        bot,
        worker_id: None,
        hit_id: None,
        assignment_id: None,
        participant_code: None,
        outcome: Ok(()),
    };
    match http {
        Ok(http) => Visit::new(plan, bot, http, events, report).finish().await,
        Err(why) => BotReport { outcome: Err(why), ..report },
    }
}

impl<'a> Visit<'a> {
    fn new(
        plan: &'a BotPlan,
        bot: usize,
        http: reqwest::Client,
        events: mpsc::Sender<BotEvent>,
        report: BotReport,
    ) -> Self {
        let manner = Manner {
            rng: StdRng::seed_from_u64(plan.seed.wrapping_mul(1_000_003).wrapping_add(bot as u64)),
            wait_limit: plan.wait_limit,
            look_every: plan.look_every,
            known: HashMap::new(),
        };
        Self { plan, bot, browser: Browser::new(http), manner, events, report }
    }

    async fn finish(mut self) -> BotReport {
        if let Err(error) = self.go().await {
            let why = error.to_string();
            self.tell(BotEvent::Failed { bot: self.bot, why: why.clone() }).await;
            self.report.outcome = Err(why);
        }
        self.report
    }

    async fn go(&mut self) -> Result<(), VisitError> {
        self.sign_up().await?;
        let frame = self.accept().await?;
        let (page, door) = self.open(&frame).await?;
        let played = self.play(page).await?;
        self.leave(&door, &played).await?;
        self.submit(&frame).await
    }

    async fn sign_up(&mut self) -> Result<(), VisitError> {
        let page = self.browser.get(&self.site("sign-up")?).await?;
        let target =
            reading::form_target(&page, "sign-up").ok_or_else(|| unexpected("the sign-up page", &page))?;
        let form = [
            ("name".to_owned(), format!("bot-{}", secret::code(8))),
            ("password".to_owned(), secret::token()),
        ];
        let page = self.browser.post(&target, &form).await?;
        let worker_id = reading::worker_id(&page).ok_or_else(|| unexpected("signing up", &page))?;
        self.report.worker_id = Some(worker_id.clone());
        self.tell(BotEvent::SignedIn { bot: self.bot, worker_id }).await;
        Ok(())
    }

    /// Looks through the list again and again until a place could be taken.
    async fn accept(&mut self) -> Result<Frame, VisitError> {
        let since = Instant::now();
        loop {
            if let Some(frame) = self.take().await? {
                self.report.hit_id = Some(frame.hit_id.clone());
                self.report.assignment_id = Some(frame.assignment_id.clone());
                let (hit_id, assignment_id) = (frame.hit_id.clone(), frame.assignment_id.clone());
                self.tell(BotEvent::Accepted { bot: self.bot, hit_id, assignment_id }).await;
                return Ok(frame);
            }
            if since.elapsed() > self.plan.wait_limit {
                return Err(VisitError::Other("no HIT of the wanted group could be taken in time".into()));
            }
            tokio::time::sleep(self.plan.look_every).await;
        }
    }

    /// One look at the list: the frame of the first wanted group that could be accepted.
    async fn take(&mut self) -> Result<Option<Frame>, VisitError> {
        let list = self.browser.get(&self.site("")?).await?;
        for group in reading::groups(&list) {
            if !self.wanted(&group) {
                continue;
            }
            let preview = self.browser.get(&group.preview).await?;
            let Some(target) = reading::form_target(&preview, "accept") else { continue };
            let work = self.browser.post(&target, &[]).await?;
            if let Some(frame) = reading::frame(&work) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    fn wanted(&self, group: &reading::Listed) -> bool {
        let is =
            |wanted: &Option<String>, given: &str| wanted.as_ref().is_none_or(|w| w.trim() == given.trim());
        is(&self.plan.group_title, &group.title) && is(&self.plan.requester, &group.requester)
    }

    /// Loads the frame and follows its link until a page of the experiment is open. Gives the page, and the
    /// address that led there: the study's door.
    async fn open(&mut self, frame: &Frame) -> Result<(Page, Url), VisitError> {
        let mut door = frame.src.clone();
        let mut page = self.patiently(&door).await?;
        for _ in 0..MOST_STEPS {
            if let Some(participant_code) = player::participant_code(&page.url) {
                self.report.participant_code = Some(participant_code.clone());
                self.tell(BotEvent::Opened { bot: self.bot, participant_code }).await;
                return Ok((page, door));
            }
            door = reading::study_link(&page)
                .ok_or_else(|| unexpected("the frame has no link to a study;", &page))?;
            page = self.patiently(&door).await?;
        }
        Err(unexpected("the links do not lead to a page of oTree;", &page))
    }

    /// Loads a page, and again while it only asks for patience.
    async fn patiently(&mut self, url: &Url) -> Result<Page, VisitError> {
        let since = Instant::now();
        loop {
            let page = self.browser.get(url).await?;
            let at_the_goal =
                player::participant_code(&page.url).is_some() || reading::study_link(&page).is_some();
            let Some(pause) = reading::again_in(&page).filter(|_| !at_the_goal) else { return Ok(page) };
            if since.elapsed() + pause > self.plan.wait_limit {
                return Err(unexpected("the study keeps people waiting;", &page));
            }
            tokio::time::sleep(pause.max(self.plan.look_every)).await;
        }
    }

    async fn play(&mut self, page: Page) -> Result<Played, VisitError> {
        let played = player::play_on(&mut self.browser, page, &mut self.manner).await?;
        self.remember(reading::shown_code(&played.end).unwrap_or_else(|| played.participant_code.clone()));
        self.tell(BotEvent::Finished { bot: self.bot, pages: played.answered }).await;
        Ok(played)
    }

    /// Follows the last page's way back to the door, if it has one.
    async fn leave(&mut self, door: &Url, played: &Played) -> Result<(), VisitError> {
        let Some(exit) = player::exit(&played.end, door) else { return Ok(()) };
        let page = self.browser.get(&exit).await?;
        if !page.status.is_success() {
            return Err(unexpected("the way back from the last page", &page));
        }
        if let Some(code) = reading::shown_code(&page) {
            self.remember(code);
        }
        Ok(())
    }

    /// The code to paste where a form asks for one.
    fn remember(&mut self, code: String) {
        self.manner.known.insert("completion_code".into(), code);
    }

    /// Reloads the frame until it can be submitted, submits, and looks whether the site knows.
    async fn submit(&mut self, frame: &Frame) -> Result<(), VisitError> {
        let (sent, target) = self.submission(frame).await?;
        let answer = self.browser.post(&target, &sent).await?;
        if !answer.status.is_success() {
            return Err(unexpected("submitting", &answer));
        }
        let work = self.browser.get(&self.site("work")?).await?;
        match reading::work_state(&work, &frame.assignment_id).as_deref() {
            Some("submitted" | "approved") => {
                self.tell(BotEvent::Submitted { bot: self.bot }).await;
                Ok(())
            }
            state => {
                let state = state.unwrap_or("missing");
                Err(VisitError::Other(format!("after submitting, the site lists the work as {state}")))
            }
        }
    }

    async fn submission(&mut self, frame: &Frame) -> Result<(Vec<(String, String)>, Url), VisitError> {
        let since = Instant::now();
        loop {
            let page = self.browser.get(&frame.src).await?;
            if let Some((form, target)) = reading::submission(&page) {
                let filled = Answers::new(&mut self.manner.rng, &self.manner.known).fill(&form, None);
                return Ok((filled.map_err(VisitError::Other)?, target));
            }
            if since.elapsed() > self.plan.wait_limit {
                return Err(unexpected("the frame does not offer to submit;", &page));
            }
            tokio::time::sleep(self.plan.look_every).await;
        }
    }

    fn site(&self, path: &str) -> Result<Url, VisitError> {
        let base = self.plan.site_url.as_str().trim_end_matches('/');
        let address = if path.is_empty() { base.to_owned() } else { format!("{base}/{path}") };
        Url::parse(&address).map_err(|error| VisitError::Other(error.to_string()))
    }

    async fn tell(&self, event: BotEvent) {
        // Whoever does not listen does not want to know.
        let _ = self.events.send(event).await;
    }
}

fn unexpected(what: &str, page: &Page) -> VisitError {
    VisitError::Other(format!("{what} answered {} and says: {}", page.status, reading::says(page)))
}
