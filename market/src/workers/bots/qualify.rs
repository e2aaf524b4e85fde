//! Getting qualifications: asking for them, taking their tests.

use super::answers::Answers;
use super::browser::Page;
use super::forms::Form;
use super::player::PlayError;
use super::reading;
use super::visit::{Visit, VisitError, unexpected};

/// Attempts at a test before its answers count as impossible.
const MOST_TRIES: usize = 20;

impl Visit<'_> {
    /// Asks for what the plan says, right after signing up.
    pub(super) async fn ask_for_qualifications(&mut self) -> Result<(), VisitError> {
        self.asked.clear();
        for id in &self.plan.ask_for {
            self.asked.insert(id.clone());
            if !self.ask_for(id).await? {
                return Err(VisitError::Other(format!("the qualification {id} is not offered")));
            }
        }
        Ok(())
    }

    /// Asks for a qualification, and takes its test if it has one; whether it is offered.
    async fn ask_for(&mut self, id: &str) -> Result<bool, VisitError> {
        let page = self.browser.get(&self.site("qualifications")?).await?;
        let Some(target) = reading::offer_target(&page, id) else { return Ok(false) };
        let page = self.browser.post(&target, &[]).await?;
        if !page.status.is_success() {
            return Err(unexpected("asking for a qualification", &page));
        }
        match reading::test(&page) {
            Some((form, _)) => self.take_test(page, form).await.map(|()| true),
            None => Ok(true),
        }
    }

    /// Answers the test until it takes the answers; what they are worth is the requester's affair.
    async fn take_test(&mut self, page: Page, form: Form) -> Result<(), VisitError> {
        let path = page.url.path().to_owned();
        let target = form.action.as_deref().and_then(|action| page.link(action));
        let target = target.ok_or_else(|| unexpected("the test of a qualification", &page))?;
        let mut answers = Answers::new(&mut self.manner.rng, &self.manner.known);
        let mut refusal = None;
        for _ in 0..MOST_TRIES {
            let unfillable = |why| PlayError::Unfillable { path: path.clone(), why };
            let filled = answers.fill(&form, refusal.as_ref()).map_err(unfillable)?;
            let next = self.browser.post(&target, &filled).await?;
            match reading::test(&next) {
                Some((_, again)) => refusal = Some(again),
                None if next.status.is_success() => return Ok(()),
                None => return Err(unexpected("handing in the test of a qualification", &next)),
            }
        }
        let complaint = refusal.unwrap_or_default().complaint;
        Err(PlayError::Refused { path, tries: MOST_TRIES, complaint }.into())
    }

    /// Asks for whatever the HIT wants and the site offers, once: people who see what they lack do.
    pub(super) async fn qualify_for(&mut self, group: &reading::Listed) -> Result<(), VisitError> {
        for id in group.missing.iter().filter(|id| !self.plan.granted.contains(*id)) {
            if self.asked.insert(id.clone()) {
                self.ask_for(id).await?;
            }
        }
        Ok(())
    }
}
