//! The steps of one simulated person: sign up, find, accept, open the study, play, submit, give back.

use std::collections::{HashMap, HashSet};

use kernel::secret;
use rand::SeedableRng;
use rand::rngs::StdRng;
use reqwest::StatusCode;
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

use super::answers::Answers;
use super::browser::{BrowseError, Browser, Page, Visitor};
use super::pace::{Pace, Since};
use super::plan::{BotPlan, Member};
use super::player::{self, Manner, PlayError};
use super::reading::{self, Frame};
use super::{BotEvent, BotReport};

/// Links followed between the frame and the first page of the experiment.
const MOST_STEPS: usize = 3;

/// Why a bot could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisitError {
    #[error(transparent)]
    Browse(#[from] BrowseError),
    #[error(transparent)]
    Play(#[from] PlayError),
    /// The frame does not lead to a study; what it says instead.
    #[error("{0}")]
    NoWay(String),
    #[error("{0}")]
    Other(String),
    #[error("the market's clock could not be read")]
    Clock(#[from] sqlx::Error),
}

impl VisitError {
    /// The page of the experiment that is to blame, if it is one.
    fn page(&self) -> Option<String> {
        match self {
            Self::Play(error) => error.page().map(str::to_owned),
            _ => None,
        }
    }
}

/// A study that was opened: its first page, and the address that led there.
struct Opened {
    page: Page,
    door: Url,
}

/// One person under way.
pub(super) struct Visit<'a> {
    pub(super) plan: &'a BotPlan,
    pub(super) pace: &'a Pace,
    pub(super) member: Member,
    pub(super) browser: Browser,
    visitor: Visitor,
    pub(super) manner: Manner,
    opened: Option<Opened>,
    group: Option<Url>,
    /// Qualifications that were asked for, each once.
    pub(super) asked: HashSet<String>,
    /// What kept them from the HIT at the last look, in the site's words.
    lacks: Option<String>,
    events: mpsc::Sender<BotEvent>,
    report: BotReport,
}

/// Sends one member of the crew when their time comes.
pub(super) async fn visit(
    plan: &BotPlan,
    pace: &Pace,
    member: Member,
    ready: Result<(Visitor, Since), String>,
    events: mpsc::Sender<BotEvent>,
) -> BotReport {
    let report = BotReport {
        bot: member.bot,
        behaviour: member.behaviour,
        worker_id: None,
        hit_id: None,
        assignment_id: None,
        participant_code: None,
        unfilled_page: None,
        outcome: Ok(()),
    };
    match ready {
        Ok((visitor, start)) => Visit::new(plan, pace, member, visitor, events, report).finish(start).await,
        Err(why) => {
            // Whoever does not listen does not want to know.
            let _ = events.send(BotEvent::Failed { bot: member.bot, why: why.clone(), page: None }).await;
            BotReport { outcome: Err(why), ..report }
        }
    }
}

impl<'a> Visit<'a> {
    fn new(
        plan: &'a BotPlan,
        pace: &'a Pace,
        member: Member,
        visitor: Visitor,
        events: mpsc::Sender<BotEvent>,
        report: BotReport,
    ) -> Self {
        let manner = Manner {
            rng: StdRng::seed_from_u64(member.seed),
            wait_limit: plan.wait_limit,
            look_every: plan.look_every,
            known: HashMap::new(),
        };
        let browser = Browser::on(visitor.clone());
        Self {
            plan,
            pace,
            member,
            browser,
            visitor,
            manner,
            opened: None,
            group: None,
            asked: HashSet::new(),
            lacks: None,
            events,
            report,
        }
    }

    async fn finish(mut self, start: Since) -> BotReport {
        let outcome = match self.pace.pass(start, self.member.comes).await {
            Ok(()) => self.go().await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = outcome {
            let (why, page) = (error.to_string(), error.page());
            self.tell(BotEvent::Failed { bot: self.member.bot, why: why.clone(), page: page.clone() }).await;
            self.report.unfilled_page = page;
            self.report.outcome = Err(why);
        }
        self.report
    }

    /// A fresh browser without cookies; gives the one used so far.
    pub(super) fn other_browser(&mut self) -> Browser {
        std::mem::replace(&mut self.browser, Browser::on(self.visitor.clone()))
    }

    pub(super) async fn sign_up(&mut self) -> Result<(), VisitError> {
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
        self.tell(BotEvent::SignedIn { bot: self.member.bot, worker_id }).await;
        self.tell_home().await?;
        self.ask_for_qualifications().await
    }

    /// Says where they live, on the page that asks.
    async fn tell_home(&mut self) -> Result<(), VisitError> {
        let Some(home) = self.member.home.clone() else { return Ok(()) };
        let page = self.browser.get(&self.site("qualifications")?).await?;
        let target = reading::form_target(&page, "about")
            .ok_or_else(|| unexpected("the qualifications page", &page))?;
        let form = [
            ("country".to_owned(), home.country),
            ("subdivision".to_owned(), home.subdivision.unwrap_or_default()),
            ("adult".to_owned(), "yes".to_owned()),
        ];
        let page = self.browser.post(&target, &form).await?;
        page.status.is_success().then_some(()).ok_or_else(|| unexpected("telling where they live", &page))
    }

    /// Looks through the list again and again until a place could be taken.
    pub(super) async fn accept(&mut self) -> Result<Frame, VisitError> {
        let since = Instant::now();
        loop {
            if let Some(frame) = self.take().await? {
                self.took(&frame).await;
                return Ok(frame);
            }
            if since.elapsed() > self.plan.wait_limit {
                return Err(VisitError::Other(self.nothing_taken()));
            }
            tokio::time::sleep(self.plan.look_every).await;
        }
    }

    fn nothing_taken(&mut self) -> String {
        let nothing = "no HIT of the wanted group could be taken in time";
        self.lacks.take().map_or(nothing.into(), |lacks| format!("{nothing}: {lacks}"))
    }

    async fn took(&mut self, frame: &Frame) {
        self.report.hit_id = Some(frame.hit_id.clone());
        self.report.assignment_id = Some(frame.assignment_id.clone());
        let (hit_id, assignment_id) = (frame.hit_id.clone(), frame.assignment_id.clone());
        self.tell(BotEvent::Accepted { bot: self.member.bot, hit_id, assignment_id }).await;
    }

    /// One look at the list: the frame of the first wanted group that could be accepted.
    async fn take(&mut self) -> Result<Option<Frame>, VisitError> {
        let list = self.browser.get(&self.site("")?).await?;
        for group in reading::groups(&list) {
            if !self.wanted(&group) {
                continue;
            }
            self.qualify_for(&group).await?;
            if let Some(frame) = self.take_of(&group.preview).await? {
                self.group = Some(group.preview);
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    async fn take_of(&mut self, preview: &Url) -> Result<Option<Frame>, VisitError> {
        let preview = self.browser.get(preview).await?;
        self.lacks = reading::lacks(&preview)
            .or_else(|| (preview.status == StatusCode::FORBIDDEN).then(|| reading::says(&preview)));
        if self.lacks.is_some() {
            return Ok(None);
        }
        let Some(target) = reading::form_target(&preview, "accept") else { return Ok(None) };
        let work = self.browser.post(&target, &[]).await?;
        Ok(reading::frame(&work))
    }

    /// Another HIT of the group that the first one was taken from; looks again until there is one.
    pub(super) async fn accept_another(&mut self) -> Result<Frame, VisitError> {
        let none = || VisitError::Other("the group has no second HIT with a place".into());
        let (group, since) = (self.group.clone().ok_or_else(none)?, Instant::now());
        loop {
            if let Some(frame) = self.take_of(&group).await? {
                self.took(&frame).await;
                return Ok(frame);
            }
            if since.elapsed() > self.plan.wait_limit {
                return Err(none());
            }
            tokio::time::sleep(self.plan.look_every).await;
        }
    }

    fn wanted(&self, group: &reading::Listed) -> bool {
        let is =
            |wanted: &Option<String>, given: &str| wanted.as_ref().is_none_or(|w| w.trim() == given.trim());
        is(&self.plan.group_title, &group.title) && is(&self.plan.requester_id, &group.requester_id)
    }

    /// Loads the frame and follows its link until a page of the experiment is open. A form of the site is open as it is.
    pub(super) async fn open(&mut self, frame: &Frame) -> Result<(), VisitError> {
        if frame.own_form {
            return Ok(());
        }
        let mut door = frame.src.clone();
        let mut page = self.patiently(&door).await?;
        for _ in 0..MOST_STEPS {
            if let Some(participant_code) = player::participant_code(&page.url) {
                self.report.participant_code = Some(participant_code.clone());
                self.tell(BotEvent::Opened { bot: self.member.bot, participant_code }).await;
                self.opened = Some(Opened { page, door });
                return Ok(());
            }
            door = reading::study_link(&page)
                .ok_or_else(|| no_way("the frame has no link to a study;", &page))?;
            page = self.patiently(&door).await?;
        }
        Err(no_way("the links do not lead to a page of oTree;", &page))
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

    /// Opens the study and plays it to its last page. A frame that is the task itself, without a link, is filled when
    /// it is submitted.
    pub(super) async fn play(&mut self, frame: &Frame) -> Result<(), VisitError> {
        match self.open(frame).await {
            Ok(()) if frame.own_form => Ok(()),
            Ok(()) => self.play_on().await,
            Err(VisitError::NoWay(why)) => {
                let page = self.browser.get(&frame.src).await?;
                reading::submission(&page).map(drop).ok_or(VisitError::NoWay(why))
            }
            Err(error) => Err(error),
        }
    }

    /// Plays what was opened, and follows the last page's way back.
    pub(super) async fn play_on(&mut self) -> Result<(), VisitError> {
        let opened = self.opened.take().ok_or_else(|| VisitError::Other("nothing is open".into()))?;
        let played = player::play_on(&mut self.browser, opened.page, &mut self.manner).await?;
        self.remember(reading::shown_code(&played.end).unwrap_or_else(|| played.participant_code.clone()));
        self.tell(BotEvent::Finished { bot: self.member.bot, pages: played.answered }).await;
        let Some(exit) = player::exit(&played.end, &opened.door) else { return Ok(()) };
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
    pub(super) async fn submit(&mut self, frame: &Frame) -> Result<(), VisitError> {
        if frame.own_form {
            return self.submit_form(frame).await;
        }
        let (sent, target) = self.submission(frame).await?;
        self.hand_in(frame, &sent, &target).await
    }

    /// Sends the form although nothing was done: by hand where the page would not let them.
    pub(super) async fn submit_anyway(&mut self, frame: &Frame) -> Result<(), VisitError> {
        if frame.own_form {
            // The site itself hands it in, and says what is missing where something must be said.
            return self.hand_in(frame, &[], &frame.src).await;
        }
        let target = reading::submit_target(&frame.src)
            .ok_or_else(|| VisitError::Other("the frame was not told where to submit".into()))?;
        let sent = [
            ("assignmentId".to_owned(), frame.assignment_id.clone()),
            ("completion_code".to_owned(), "not finished".to_owned()),
        ];
        self.hand_in(frame, &sent, &target).await
    }

    async fn hand_in(
        &mut self,
        frame: &Frame,
        sent: &[(String, String)],
        target: &Url,
    ) -> Result<(), VisitError> {
        let answer = self.browser.post(target, sent).await?;
        if !answer.status.is_success() {
            return Err(unexpected("submitting", &answer));
        }
        self.look_whether_submitted(frame).await
    }

    /// Asks "my work" whether the site knows that it was handed in.
    pub(super) async fn look_whether_submitted(&mut self, frame: &Frame) -> Result<(), VisitError> {
        let work = self.browser.get(&self.site("work")?).await?;
        match reading::work_state(&work, &frame.assignment_id).as_deref() {
            Some("submitted" | "approved") => {
                self.tell(BotEvent::Submitted { bot: self.member.bot }).await;
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
            if let Some(submission) = reading::submission(&page) {
                let filled =
                    Answers::new(&mut self.manner.rng, &self.manner.known).fill(&submission.form, None);
                let unfillable = |why| PlayError::Unfillable { path: page.url.path().to_owned(), why };
                let filled = filled.map_err(unfillable)?;
                return Ok((submission.sent(filled), submission.target));
            }
            if since.elapsed() > self.plan.wait_limit {
                return Err(unexpected("the frame does not offer to submit;", &page));
            }
            tokio::time::sleep(self.plan.look_every).await;
        }
    }

    /// Gives the HIT back on its work page.
    pub(super) async fn give_back(&mut self, frame: &Frame) -> Result<(), VisitError> {
        let work = self.browser.get(&self.site(&format!("work/{}", frame.assignment_id))?).await?;
        let target =
            reading::form_target(&work, "return").ok_or_else(|| unexpected("the work page", &work))?;
        let page = self.browser.post(&target, &[]).await?;
        if !page.status.is_success() {
            return Err(unexpected("returning the HIT", &page));
        }
        self.tell(BotEvent::Returned { bot: self.member.bot }).await;
        Ok(())
    }

    /// Goes away and leaves the HIT to its deadline.
    pub(super) async fn left(&mut self) -> Result<(), VisitError> {
        self.tell(BotEvent::Left { bot: self.member.bot }).await;
        Ok(())
    }

    pub(super) fn site(&self, path: &str) -> Result<Url, VisitError> {
        let base = self.plan.site_url.as_str().trim_end_matches('/');
        let address = if path.is_empty() { base.to_owned() } else { format!("{base}/{path}") };
        Url::parse(&address).map_err(|error| VisitError::Other(error.to_string()))
    }

    async fn tell(&self, event: BotEvent) {
        // Whoever does not listen does not want to know.
        let _ = self.events.send(event).await;
    }
}

pub(super) fn unexpected(what: &str, page: &Page) -> VisitError {
    VisitError::Other(words(what, page))
}

fn no_way(what: &str, page: &Page) -> VisitError {
    VisitError::NoWay(words(what, page))
}

fn words(what: &str, page: &Page) -> String {
    format!("{what} answered {} and says: {}", page.status, reading::says(page))
}
