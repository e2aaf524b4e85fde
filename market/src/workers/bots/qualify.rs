//! Getting qualifications: asking for them, and taking the tests that come with some.

use super::reading;
use super::visit::{Visit, VisitError, unexpected};

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
        match reading::questions(&page) {
            Some((form, _)) => self.answer(page, form).await.map(|()| true),
            None => Ok(true),
        }
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
