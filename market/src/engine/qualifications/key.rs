//! Answer keys: what the answers of a test are worth, and the value that comes of it.

use super::form::{AnswerKind, QuestionForm};
use super::given::Given;
use crate::engine::xml::{Element, XmlError, malformed};

const NAMESPACE_END: &str = "/AnswerKey.xsd";

/// A whole key.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerKey {
    questions: Vec<Scores>,
    mapping: Mapping,
}

#[derive(Debug, Clone, PartialEq)]
struct Scores {
    id: String,
    /// Exactly these selections, in whatever order, give this score.
    options: Vec<(Vec<String>, i64)>,
    /// What every other answer gives.
    default: i64,
}

/// From the sum of scores to the qualification's value.
#[derive(Debug, Clone, PartialEq)]
enum Mapping {
    /// The sum itself: what a key without a mapping means.
    Sum,
    /// The sum as a percentage of this maximum; parts of a percent are cut.
    Percentage(i64),
    /// The sum times this; parts are cut.
    Scale(f64),
    /// Lowest sum, highest sum, value; and the value of a sum in no range.
    Ranges(Vec<(i64, i64, i64)>, i64),
}

impl AnswerKey {
    /// Reads a document that goes with this form.
    ///
    /// # Errors
    /// [`XmlError`], also for questions and selections that the form does not have.
    pub fn parse(document: &str, form: &QuestionForm) -> Result<Self, XmlError> {
        let root = Element::parse(document, "AnswerKey", NAMESPACE_END)?;
        root.only(&["Question", "QualificationValueMapping"])?;
        let questions = root.all("Question").map(|one| scores(one, form)).collect::<Result<Vec<_>, _>>()?;
        if questions.is_empty() {
            return Err(malformed("an AnswerKey has at least one Question"));
        }
        let mapping = root.child("QualificationValueMapping")?.map_or(Ok(Mapping::Sum), mapping)?;
        Ok(Self { questions, mapping })
    }

    /// The qualification's value for these answers.
    pub fn value(&self, given: &[Given]) -> i64 {
        let sum = self.questions.iter().map(|scores| scores.of(given)).fold(0, i64::saturating_add);
        self.mapping.value(sum).clamp(i32::MIN.into(), i32::MAX.into())
    }
}

impl Scores {
    fn of(&self, given: &[Given]) -> i64 {
        let chosen = given.iter().find(|given| given.id == self.id).filter(|given| given.text.is_none());
        let chosen = chosen.map(|given| given.selections.as_slice()).unwrap_or_default();
        let same = |ids: &Vec<String>| ids.len() == chosen.len() && ids.iter().all(|id| chosen.contains(id));
        self.options.iter().find(|(ids, _)| same(ids)).map_or(self.default, |(_, score)| *score)
    }
}

impl Mapping {
    fn value(&self, sum: i64) -> i64 {
        match self {
            Self::Sum => sum,
            Self::Percentage(maximum) => sum.saturating_mul(100) / maximum,
            Self::Scale(factor) => (sum as f64 * factor) as i64,
            Self::Ranges(ranges, outside) => {
                let range = ranges.iter().find(|(lowest, highest, _)| (*lowest..=*highest).contains(&sum));
                range.map_or(*outside, |(_, _, value)| *value)
            }
        }
    }
}

fn scores(element: &Element, form: &QuestionForm) -> Result<Scores, XmlError> {
    element.only(&["QuestionIdentifier", "AnswerOption", "DefaultScore"])?;
    let id = element.needed_text("QuestionIdentifier")?;
    let Some(AnswerKind::Selection(rule)) = form.question(&id).map(|question| &question.answer) else {
        return Err(malformed(format!("the test has no question {id} with selections to score")));
    };
    let mut options = Vec::new();
    for option in element.all("AnswerOption") {
        let ids: Vec<_> = option.all("SelectionIdentifier").map(|id| id.text.trim().to_owned()).collect();
        if let Some(unknown) = ids.iter().find(|id| rule.selections.iter().all(|(known, _)| known != *id)) {
            return Err(malformed(format!("the question {id} has no selection {unknown}")));
        }
        let score =
            option.read("AnswerScore")?.ok_or_else(|| malformed("an AnswerOption has no AnswerScore"))?;
        options.push((ids, score));
    }
    if options.is_empty() {
        return Err(malformed(format!("the question {id} has no AnswerOption")));
    }
    Ok(Scores { id, options, default: element.read("DefaultScore")?.unwrap_or(0) })
}

fn mapping(element: &Element) -> Result<Mapping, XmlError> {
    let [only] = element.children.as_slice() else {
        return Err(malformed("a QualificationValueMapping has exactly one kind of mapping"));
    };
    let number = |within: &Element, name: &str| -> Result<i64, XmlError> {
        within.read(name)?.ok_or_else(|| malformed(format!("{} has no {name}", within.name)))
    };
    match only.name.as_str() {
        "PercentageMapping" => match number(only, "MaximumSummedScore")? {
            maximum if maximum > 0 => Ok(Mapping::Percentage(maximum)),
            _ => Err(malformed("MaximumSummedScore must be above 0")),
        },
        "ScaleMapping" => match only.read::<f64>("SummedScoreMultiplier")? {
            Some(factor) if factor.is_finite() => Ok(Mapping::Scale(factor)),
            _ => Err(malformed("ScaleMapping has no SummedScoreMultiplier")),
        },
        "RangeMapping" => {
            let range = |range: &Element| -> Result<(i64, i64, i64), XmlError> {
                let bound = |name: &str| number(range, name);
                Ok((
                    bound("InclusiveLowerBound")?,
                    bound("InclusiveUpperBound")?,
                    bound("QualificationValue")?,
                ))
            };
            let ranges = only.all("SummedScoreRange").map(range).collect::<Result<Vec<_>, XmlError>>()?;
            Ok(Mapping::Ranges(ranges, number(only, "OutOfRangeQualificationValue")?))
        }
        other => Err(malformed(format!("{other} is no kind of mapping"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::tests::FORM;
    use super::*;

    fn key(mapping: &str) -> Result<AnswerKey, XmlError> {
        let document = format!(
            "<AnswerKey xmlns=\"http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/AnswerKey.xsd\">\
             <Question><QuestionIdentifier>payoff</QuestionIdentifier><AnswerOption><SelectionIdentifier>half</SelectionIdentifier>\
             <AnswerScore>10</AnswerScore></AnswerOption><DefaultScore>-2</DefaultScore></Question>\
             <Question><QuestionIdentifier>players</QuestionIdentifier><AnswerOption><SelectionIdentifier>a</SelectionIdentifier>\
             <SelectionIdentifier>b</SelectionIdentifier><AnswerScore>5</AnswerScore></AnswerOption></Question>{mapping}</AnswerKey>"
        );
        AnswerKey::parse(&document, &QuestionForm::parse(FORM).unwrap())
    }

    fn chosen(payoff: &str, players: &[&str]) -> Vec<Given> {
        let given = |id: &str, chosen: &[&str]| Given {
            id: id.into(),
            selections: chosen.iter().map(|one| (*one).to_owned()).collect(),
            ..Given::default()
        };
        vec![given("payoff", &[payoff]), given("players", players)]
    }

    #[test]
    fn only_exactly_the_right_selections_score() {
        let key = key("").unwrap();
        for (payoff, players, value) in [
            ("half", vec!["b", "a"], 15),
            ("half", vec!["a"], 10),
            ("half", vec!["a", "b", "c"], 10),
            ("all", vec!["a", "b"], 3),
            ("all", vec![], -2),
        ] {
            assert_eq!(key.value(&chosen(payoff, &players)), value, "{payoff} {players:?}");
        }
        assert_eq!(key.value(&[]), -2);
    }

    #[test]
    fn sums_are_mapped() {
        let wrap = |inner: &str| format!("<QualificationValueMapping>{inner}</QualificationValueMapping>");
        let range = |low: i64, high: i64, value: i64| {
            format!(
                "<SummedScoreRange><InclusiveLowerBound>{low}</InclusiveLowerBound><InclusiveUpperBound>{high}\
                     </InclusiveUpperBound><QualificationValue>{value}</QualificationValue></SummedScoreRange>"
            )
        };
        let ranges = format!(
            "<RangeMapping>{}{}<OutOfRangeQualificationValue>0</OutOfRangeQualificationValue></RangeMapping>",
            range(3, 9, 1),
            range(10, 15, 2)
        );
        for (mapping, all_right, half_right, wrong) in [
            (
                "<PercentageMapping><MaximumSummedScore>15</MaximumSummedScore></PercentageMapping>",
                100,
                66,
                -13,
            ),
            ("<ScaleMapping><SummedScoreMultiplier>1.5</SummedScoreMultiplier></ScaleMapping>", 22, 15, -3),
            (ranges.as_str(), 2, 2, 0),
        ] {
            let key = key(&wrap(mapping)).unwrap();
            let value = |payoff, players: &[&str]| key.value(&chosen(payoff, players));
            let found = (value("half", &["a", "b"]), value("half", &[]), value("all", &[]));
            assert_eq!(found, (all_right, half_right, wrong), "{mapping}");
        }
        for bad in [
            wrap(""),
            wrap("<Guess/>"),
            wrap("<PercentageMapping><MaximumSummedScore>0</MaximumSummedScore></PercentageMapping>"),
            wrap("<ScaleMapping/>"),
            "<Question><QuestionIdentifier>age</QuestionIdentifier></Question>".into(),
            "<Question><QuestionIdentifier>payoff</QuestionIdentifier><AnswerOption><SelectionIdentifier>none</SelectionIdentifier><AnswerScore>1</AnswerScore></AnswerOption></Question>".into(),
        ] {
            assert!(key(&bad).is_err(), "{bad}");
        }
    }
}
