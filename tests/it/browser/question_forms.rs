//! HITs that come as a QuestionForm, as a worker sees them: looked at, filled wrongly, mended, submitted.

use otree_hr::app::App;

use super::worker_site::{faultless, publish_asking, sign_up, without_fault};
use crate::support::browser::{Driver, Person};
use crate::support::stage::Server;

const FORM: &str = r#"<QuestionForm xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2017-11-06/QuestionForm.xsd">
 <Overview><Title>About the game</Title><Text>Think of the last round that you played. Nobody but the researchers reads this.</Text>
  <List><ListItem>It takes two minutes.</ListItem><ListItem>There are no right answers.</ListItem></List></Overview>
 <Question><QuestionIdentifier>trust</QuestionIdentifier><DisplayName>Trust</DisplayName><IsRequired>true</IsRequired>
  <QuestionContent><FormattedContent><![CDATA[<p>Did you <b>trust</b> the other person?</p>]]></FormattedContent></QuestionContent>
  <AnswerSpecification><SelectionAnswer><StyleSuggestion>radiobutton</StyleSuggestion><Selections>
   <Selection><SelectionIdentifier>yes</SelectionIdentifier><Text>Yes, from the beginning</Text></Selection>
   <Selection><SelectionIdentifier>no</SelectionIdentifier><Text>No</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>games</QuestionIdentifier><QuestionContent><Text>Which games have you played before?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><MinSelectionCount>1</MinSelectionCount><MaxSelectionCount>3</MaxSelectionCount><StyleSuggestion>checkbox</StyleSuggestion><Selections>
   <Selection><SelectionIdentifier>trust</SelectionIdentifier><Text>The trust game</Text></Selection>
   <Selection><SelectionIdentifier>beauty</SelectionIdentifier><Text>The beauty contest, also known as guessing two thirds of the average of all</Text></Selection><OtherSelection/></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>country</QuestionIdentifier><QuestionContent><Text>Where did you grow up?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><StyleSuggestion>dropdown</StyleSuggestion><Selections>
   <Selection><SelectionIdentifier>de</SelectionIdentifier><Text>Germany</Text></Selection>
   <Selection><SelectionIdentifier>us</SelectionIdentifier><Text>United States</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>age</QuestionIdentifier><IsRequired>true</IsRequired><QuestionContent><Text>How old are you?</Text></QuestionContent>
  <AnswerSpecification><FreeTextAnswer><Constraints><IsNumeric minValue="18" maxValue="99"/></Constraints></FreeTextAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>why</QuestionIdentifier><QuestionContent><Text>What did you think of?</Text></QuestionContent>
  <AnswerSpecification><FreeTextAnswer><Constraints><Length maxLength="400"/></Constraints><NumberOfLinesSuggestion>4</NumberOfLinesSuggestion></FreeTextAnswer></AnswerSpecification></Question>
</QuestionForm>"#;

async fn take_part(app: &App, server: &Server, person: &Person, requester: &str, name: &str) {
    let title = format!("How was it ({name})");
    let group = publish_asking(app, requester, &title, 50, serde_json::json!([]), FORM).await;
    sign_up(person, server, &format!("Wilma {name}")).await;
    let preview = format!("{}groups/{group}", server.market());
    without_fault(person, &preview, &format!("{name}-form-preview")).await;
    assert_eq!((person.count("#questions fieldset:disabled").await, person.count("iframe").await), (5, 0));
    person.press_button("Accept").await;
    person.find("form#answers").await;
    faultless(person, &format!("{name}-form")).await;

    person.tick("input[name=q2][value=beauty]").await;
    person.fill("q4", "7").await;
    person.fill("q5", "I thought of my sister.").await;
    person.press_button("Submit").await;
    person.see("2 answers need another look.").await;
    person.see("Write a number that is at least 18.").await;
    faultless(person, &format!("{name}-form-wrong")).await;
    assert!(person.find("input[name=q2][value=beauty]").await.is_selected().await.unwrap());
    assert_eq!(person.find("#q4").await.prop("value").await.unwrap().as_deref(), Some("7"));
    assert_eq!(
        person.find("#q5").await.prop("value").await.unwrap().as_deref(),
        Some("I thought of my sister.")
    );

    person.tick("input[name=q1][value=yes]").await;
    person.fill("q4", "37").await;
    person.press_button("Submit").await;
    person.see("Submitted. The requester will review your work.").await;
    faultless(person, &format!("{name}-form-submitted")).await;
}

#[tokio::test]
async fn a_form_is_filled_on_a_desk_on_a_telephone_and_in_the_dark() {
    let (server, driver) = (Server::start().await, Driver::start());
    let app = server.app();
    let requester = app.market.create_requester("Choice Lab", kernel::money::Cents(100_000)).await.unwrap();
    for (name, person) in [
        ("desk", driver.person().await),
        ("phone", driver.person_on_a_telephone(false).await),
        ("dark", driver.person_on_a_telephone(true).await),
    ] {
        take_part(app, &server, &person, &requester.requester_id, name).await;
        person.leave().await;
    }
    server.stop().await;
}
