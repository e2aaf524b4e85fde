//! Who got what.

use super::lab::Scene;
use crate::app::App;
use crate::participation::{self, Participation, Stage};
use crate::studies;

/// Prints one line for every participation. Whether all of the study's places are paid.
pub(super) async fn print(app: &App, scene: &Scene) -> anyhow::Result<bool> {
    let mut conn = app.pool.acquire().await?;
    let study = studies::store::get(&mut conn, scene.study).await?;
    let people = participation::store::of_study(&mut conn, scene.lab, scene.study, None).await?;
    println!();
    println!("  worker        batch  seat      payoff  reward   bonus  state");
    println!("  ------------  -----  --------  ------  ------  ------  -----");
    for one in &people {
        println!("{}", line(one, &study.reward.to_string()));
    }
    let paid = people.iter().filter(|one| one.stage == Stage::Paid).count();
    println!("\n  {paid} of {} places paid", study.places);
    Ok(paid == people.len() && paid == usize::try_from(study.places)?)
}

fn line(one: &Participation, reward: &str) -> String {
    let amount = |cents: Option<kernel::money::Cents>| cents.map_or("–".to_owned(), |c| c.to_string());
    format!(
        "  {:<12}  {:>5}  {:<8}  {:>6}  {:>6}  {:>6}  {}",
        one.pseudonym,
        one.batch_position,
        one.participant_code.as_deref().unwrap_or("–"),
        amount(one.payoff),
        if one.approved_at.is_some() { reward } else { "–" },
        amount(
            one.bonus.filter(|_| one.bonus_paid_at.is_some() || one.bonus == Some(kernel::money::Cents(0)))
        ),
        one.stage.label(),
    )
}
