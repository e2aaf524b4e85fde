//! Filling the site's own forms: tests of qualifications, and HITs that come as a form.

use super::answers::Answers;
use super::browser::Page;
use super::forms::Form;
use super::player::PlayError;
use super::reading::{self, Frame};
use super::visit::{Visit, VisitError, unexpected};

/// Attempts at a form before its answers count as impossible.
const MOST_TRIES: usize = 20;

impl Visit<'_> {
    /// Answers the form until the site takes the answers; what they are worth is the requester's affair.
    pub(super) async fn answer(&mut self, page: Page, form: Form) -> Result<(), VisitError> {
        let path = page.url.path().to_owned();
        let target = form.action.as_deref().and_then(|action| page.link(action));
        let target = target.ok_or_else(|| unexpected("the form", &page))?;
        let mut answers = Answers::new(&mut self.manner.rng, &self.manner.known);
        let mut refusal = None;
        for _ in 0..MOST_TRIES {
            let unfillable = |why| PlayError::Unfillable { path: path.clone(), why };
            let filled = answers.fill(&form, refusal.as_ref()).map_err(unfillable)?;
            let next = self.browser.post(&target, &filled).await?;
            match reading::questions(&next) {
                Some((_, again)) => refusal = Some(again),
                None if next.status.is_success() => return Ok(()),
                None => return Err(unexpected("handing in the form", &next)),
            }
        }
        let complaint = refusal.unwrap_or_default().complaint;
        Err(PlayError::Refused { path, tries: MOST_TRIES, complaint }.into())
    }

    /// Fills and hands in a HIT that is a form of the site.
    pub(super) async fn submit_form(&mut self, frame: &Frame) -> Result<(), VisitError> {
        let page = self.browser.get(&frame.src).await?;
        let (form, _) = reading::questions(&page).ok_or_else(|| unexpected("the work page", &page))?;
        self.answer(page, form).await?;
        self.look_whether_submitted(frame).await
    }
}
