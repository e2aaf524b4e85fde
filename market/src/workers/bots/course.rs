//! Which steps a behaviour takes. Every step is what a person does on the worker site's pages or in the study.

use super::plan::Behaviour;
use super::reading::Frame;
use super::visit::{Visit, VisitError};

impl Visit<'_> {
    /// The whole way of this person.
    pub(super) async fn go(&mut self) -> Result<(), VisitError> {
        self.sign_up().await?;
        let frame = self.accept().await?;
        match self.member.behaviour {
            Behaviour::Complete => self.work(&frame).await,
            Behaviour::SlowStarter => self.start_late(&frame).await,
            Behaviour::Return => {
                self.open(&frame).await?;
                self.give_back(&frame).await
            }
            Behaviour::Abandon => {
                self.open(&frame).await?;
                self.left().await
            }
            Behaviour::NeverSubmit => {
                self.play(&frame).await?;
                self.left().await
            }
            Behaviour::SubmitUnfinished => {
                self.open(&frame).await?;
                self.submit_anyway(&frame).await
            }
            Behaviour::DoubleAccept => self.do_one_of_two(&frame).await,
            Behaviour::TwoAccounts => self.come_again_as_another(&frame).await,
        }
    }

    async fn work(&mut self, frame: &Frame) -> Result<(), VisitError> {
        self.play(frame).await?;
        self.submit(frame).await
    }

    async fn start_late(&mut self, frame: &Frame) -> Result<(), VisitError> {
        let since = self.pace.now().await?;
        self.pace.pass(since, self.plan.slow_start).await?;
        self.work(frame).await
    }

    /// Takes a second HIT of the group while holding the first. After the first is handed in, does the second too if
    /// the study lets them, and gives it back if not.
    async fn do_one_of_two(&mut self, first: &Frame) -> Result<(), VisitError> {
        let second = self.accept_another().await?;
        self.work(first).await?;
        match self.open(&second).await {
            Ok(()) if second.own_form => self.submit(&second).await,
            Ok(()) => {
                self.play_on().await?;
                self.submit(&second).await
            }
            Err(VisitError::NoWay(_)) => self.give_back(&second).await,
            Err(error) => Err(error),
        }
    }

    /// Takes places with both accounts before working, so that both are held at once.
    async fn come_again_as_another(&mut self, first: &Frame) -> Result<(), VisitError> {
        let one = self.other_browser();
        self.sign_up().await?;
        let second = self.accept().await?;
        let other = std::mem::replace(&mut self.browser, one);
        self.work(first).await?;
        self.browser = other;
        self.work(&second).await
    }
}
