//! The QuestionForm document of qualification tests and of HITs, as far as a page can show it.
//!
//! Text, selections and numbers are shown, pictures by their alternative text. Files cannot be handed in (the real
//! service dropped that in 2017). What else a new document has is refused, see `showable`.

use super::{formatted, showable};
use crate::engine::xml::{Element, XmlError, malformed};

const NAMESPACE_END: &str = "/QuestionForm.xsd";
/// Selections that can be chosen when the document does not say: one.
const ONE: usize = 1;

/// A whole form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionForm {
    /// Introductions and questions, in order.
    pub parts: Vec<Part>,
}

/// Something to read or to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// An introduction.
    Overview(Vec<Content>),
    /// A question.
    Question(Question),
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// By which answers and keys name it.
    pub id: String,
    /// A heading, if it has one.
    pub name: Option<String>,
    /// Whether it must be answered.
    pub required: bool,
    /// What is asked.
    pub content: Vec<Content>,
    /// How it is answered.
    pub answer: AnswerKind,
}

/// A piece of what is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A heading.
    Title(String),
    /// A paragraph.
    Text(String),
    /// A list of points.
    List(Vec<String>),
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerKind {
    /// With words or a number.
    Text(TextRule),
    /// With some of several selections.
    Selection(SelectionRule),
}

/// What words or numbers must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextRule {
    /// Only a whole number will do, perhaps within bounds.
    pub numeric: bool,
    /// The least number.
    pub least: Option<i64>,
    /// The largest number.
    pub most: Option<i64>,
    /// Characters at least.
    pub shortest: Option<usize>,
    /// Characters at most.
    pub longest: Option<usize>,
    /// What stands there first.
    pub default: String,
    /// Lines of the field.
    pub lines: usize,
}

/// What can be selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionRule {
    /// Selections to choose at least.
    pub least: usize,
    /// Selections to choose at most.
    pub most: usize,
    /// Identifier and words of each.
    pub selections: Vec<(String, String)>,
    /// Whether words of one's own will do, too.
    pub other: bool,
    /// Whether a single choice is shown as a list that opens.
    pub dropdown: bool,
}

impl QuestionForm {
    /// Reads a document that was taken before, perhaps when less was asked of new ones.
    ///
    /// # Errors
    /// [`XmlError`].
    pub fn parse(document: &str) -> Result<Self, XmlError> {
        Self::read(&Element::parse(document, "QuestionForm", NAMESPACE_END)?)
    }

    fn read(root: &Element) -> Result<Self, XmlError> {
        root.only(&["Overview", "Question"])?;
        let parts = root.children.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        let form = Self { parts };
        let mut ids: Vec<_> = form.questions().map(|question| question.id.as_str()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        match count {
            0 => Err(malformed("a QuestionForm has at least one Question")),
            _ if ids.len() < count => Err(malformed("two questions have the same QuestionIdentifier")),
            _ => Ok(form),
        }
    }

    /// Reads one that is new: nothing in it would be left out on the page.
    ///
    /// # Errors
    /// [`XmlError`].
    pub fn parse_new(document: &str) -> Result<Self, XmlError> {
        let root = Element::parse(document, "QuestionForm", NAMESPACE_END)?;
        let form = Self::read(&root)?;
        showable::check(&root)?;
        Ok(form)
    }

    /// Its questions, in order.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.parts.iter().filter_map(|part| match part {
            Part::Question(question) => Some(question),
            Part::Overview(_) => None,
        })
    }

    /// The question of this identifier.
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.questions().find(|question| question.id == id)
    }
}

fn part(element: &Element) -> Result<Part, XmlError> {
    if element.name == "Overview" {
        return Ok(Part::Overview(content(element)));
    }
    element.only(&[
        "QuestionIdentifier",
        "DisplayName",
        "IsRequired",
        "QuestionContent",
        "AnswerSpecification",
    ])?;
    let answer = element.needed("AnswerSpecification")?;
    Ok(Part::Question(Question {
        id: element.needed_text("QuestionIdentifier")?,
        name: element.child("DisplayName")?.map(|name| name.text.trim().to_owned()),
        required: element.read("IsRequired")?.unwrap_or(false),
        content: content(element.needed("QuestionContent")?),
        answer: match answer.children.as_slice() {
            [only] if only.name == "FreeTextAnswer" => AnswerKind::Text(text_rule(only)?),
            [only] if only.name == "SelectionAnswer" => AnswerKind::Selection(selection_rule(only)?),
            [only] if only.name == "FileUploadAnswer" => {
                return Err(malformed("questions with file uploads are no longer supported"));
            }
            _ => return Err(malformed("an AnswerSpecification has exactly one kind of answer")),
        },
    }))
}

fn content(element: &Element) -> Vec<Content> {
    element.children.iter().filter_map(piece).collect()
}

fn piece(element: &Element) -> Option<Content> {
    let text = element.text.trim().to_owned();
    match element.name.as_str() {
        "Title" => Some(Content::Title(text)),
        "Text" => Some(Content::Text(text)),
        "FormattedContent" => Some(Content::Text(formatted::words(&text))),
        "List" => {
            Some(Content::List(element.all("ListItem").map(|item| item.text.trim().to_owned()).collect()))
        }
        "Binary" | "EmbeddedBinary" => {
            let alternative = element.child("AltText").ok().flatten()?;
            Some(Content::Text(alternative.text.trim().to_owned()))
        }
        _ => None,
    }
}

fn text_rule(element: &Element) -> Result<TextRule, XmlError> {
    element.only(&["Constraints", "DefaultText", "NumberOfLinesSuggestion"])?;
    let mut rule = TextRule {
        default: element.child("DefaultText")?.map(|text| text.text.clone()).unwrap_or_default(),
        lines: element.read("NumberOfLinesSuggestion")?.unwrap_or(1),
        ..TextRule::default()
    };
    let Some(constraints) = element.child("Constraints")? else { return Ok(rule) };
    constraints.only(&["IsNumeric", "Length", "AnswerFormatRegex"])?;
    if constraints.child("AnswerFormatRegex")?.is_some() {
        return Err(malformed("AnswerFormatRegex is not offered by this marketplace"));
    }
    if let Some(numeric) = constraints.child("IsNumeric")? {
        rule.numeric = true;
        (rule.least, rule.most) = (numeric.attribute("minValue")?, numeric.attribute("maxValue")?);
    }
    if let Some(length) = constraints.child("Length")? {
        (rule.shortest, rule.longest) = (length.attribute("minLength")?, length.attribute("maxLength")?);
    }
    Ok(rule)
}

fn selection_rule(element: &Element) -> Result<SelectionRule, XmlError> {
    element.only(&["MinSelectionCount", "MaxSelectionCount", "StyleSuggestion", "Selections"])?;
    let list = element.needed("Selections")?;
    list.only(&["Selection", "OtherSelection"])?;
    let selections = list.all("Selection").map(selection).collect::<Result<Vec<_>, _>>()?;
    if selections.is_empty() {
        return Err(malformed("Selections must have at least one Selection"));
    }
    let style = element.read::<String>("StyleSuggestion")?.unwrap_or_default();
    let many = matches!(style.as_str(), "checkbox" | "list" | "multichooser");
    let all = selections.len() + usize::from(list.child("OtherSelection")?.is_some());
    let rule = SelectionRule {
        least: element.read("MinSelectionCount")?.unwrap_or(0),
        most: element.read("MaxSelectionCount")?.unwrap_or(if many { all } else { ONE }),
        other: list.child("OtherSelection")?.is_some(),
        dropdown: matches!(style.as_str(), "dropdown" | "combobox"),
        selections,
    };
    if rule.least > rule.most || rule.least > all {
        return Err(malformed("MinSelectionCount is larger than what can be selected"));
    }
    Ok(rule)
}

fn selection(element: &Element) -> Result<(String, String), XmlError> {
    let shown = element.children.iter().find_map(piece);
    let shown = match shown {
        Some(Content::Text(text) | Content::Title(text)) => text,
        _ => return Err(malformed("a Selection has words to show")),
    };
    Ok((element.needed_text("SelectionIdentifier")?, shown))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A form with a choice, a multiple choice, a number and words.
    pub(crate) const FORM: &str = r#"<QuestionForm xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2017-11-06/QuestionForm.xsd">
 <Overview><Title>Rules</Title><List><ListItem>One</ListItem><ListItem>Two</ListItem></List></Overview>
 <Question><QuestionIdentifier>payoff</QuestionIdentifier><DisplayName>Payoff</DisplayName><IsRequired>true</IsRequired>
  <QuestionContent><FormattedContent><![CDATA[<p>What do <b>you</b> get?</p>]]></FormattedContent></QuestionContent>
  <AnswerSpecification><SelectionAnswer><StyleSuggestion>radiobutton</StyleSuggestion><Selections>
   <Selection><SelectionIdentifier>half</SelectionIdentifier><Text>Half</Text></Selection>
   <Selection><SelectionIdentifier>all</SelectionIdentifier><Text>All</Text></Selection></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>players</QuestionIdentifier><QuestionContent><Text>Who plays?</Text></QuestionContent>
  <AnswerSpecification><SelectionAnswer><MinSelectionCount>1</MinSelectionCount><MaxSelectionCount>3</MaxSelectionCount><Selections>
   <Selection><SelectionIdentifier>a</SelectionIdentifier><Text>A</Text></Selection>
   <Selection><SelectionIdentifier>b</SelectionIdentifier><Text>B</Text></Selection>
   <Selection><SelectionIdentifier>c</SelectionIdentifier><Text>C</Text></Selection><OtherSelection/></Selections></SelectionAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>age</QuestionIdentifier><QuestionContent><Text>How old are you?</Text></QuestionContent>
  <AnswerSpecification><FreeTextAnswer><Constraints><IsNumeric minValue="18" maxValue="99"/></Constraints></FreeTextAnswer></AnswerSpecification></Question>
 <Question><QuestionIdentifier>why</QuestionIdentifier><QuestionContent><Text>Why?</Text></QuestionContent>
  <AnswerSpecification><FreeTextAnswer><Constraints><Length minLength="2" maxLength="20"/></Constraints><DefaultText>because</DefaultText><NumberOfLinesSuggestion>3</NumberOfLinesSuggestion></FreeTextAnswer></AnswerSpecification></Question>
</QuestionForm>"#;

    #[test]
    fn a_form_is_read_with_its_rules() {
        let form = QuestionForm::parse(FORM).unwrap();
        let Part::Overview(overview) = &form.parts[0] else { panic!("an overview comes first") };
        assert_eq!(overview[1], Content::List(vec!["One".into(), "Two".into()]));
        let payoff = form.question("payoff").unwrap();
        assert_eq!((payoff.required, payoff.name.as_deref()), (true, Some("Payoff")));
        assert_eq!(payoff.content, [Content::Text("What do you get?".into())]);
        let AnswerKind::Selection(rule) = &form.question("players").unwrap().answer else { panic!() };
        assert_eq!((rule.least, rule.most, rule.other, rule.selections.len()), (1, 3, true, 3));
        let AnswerKind::Text(age) = &form.question("age").unwrap().answer else { panic!() };
        assert_eq!((age.numeric, age.least, age.most), (true, Some(18), Some(99)));
        let AnswerKind::Text(why) = &form.question("why").unwrap().answer else { panic!() };
        assert_eq!(
            (why.shortest, why.longest, why.lines, why.default.as_str()),
            (Some(2), Some(20), 3, "because")
        );
    }

    #[test]
    fn what_the_schema_does_not_allow_is_refused() {
        for (good, bad) in [
            ("<QuestionIdentifier>age<", "<QuestionIdentifier>why<"),
            ("<QuestionIdentifier>age</QuestionIdentifier>", ""),
            ("minValue=\"18\"", "minValue=\"old\""),
            ("<MinSelectionCount>1<", "<MinSelectionCount>9<"),
            ("<IsNumeric minValue=\"18\" maxValue=\"99\"/>", "<Colour/>"),
            ("<DisplayName>", "<Nickname>x</Nickname><DisplayName>"),
            ("<Text>Half</Text>", ""),
            ("2017-11-06/QuestionForm.xsd", "2017-11-06/HTMLQuestion.xsd"),
            ("</QuestionForm>", ""),
        ] {
            assert!(FORM.contains(good), "{good}");
            assert!(QuestionForm::parse(&FORM.replacen(good, bad, 1)).is_err(), "{bad}");
        }
    }
}
