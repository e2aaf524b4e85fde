//! The QuestionFormAnswers document: what a worker handed in, as the requester reads it.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

pub(super) const NAMESPACE: &str =
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd";

/// Field names of a submission that are never answers.
pub const RESERVED: [&str; 4] = ["assignmentId", "hitId", "workerId", "turkSubmitTo"];

/// The document of the fields (name and value) that are answers, in the order they came; of a repeated name
/// the first stays. `None` when nothing but reserved names was sent.
pub fn document(fields: &[(String, String)]) -> Option<String> {
    let mut answers: Vec<(&str, &str)> = Vec::new();
    for (name, value) in fields {
        if !RESERVED.contains(&name.as_str()) && !answers.iter().any(|(seen, _)| seen == name) {
            answers.push((name, value));
        }
    }
    if answers.is_empty() {
        return None;
    }
    let mut writer = Writer::new(Vec::new());
    write(&mut writer, &answers).ok()?;
    String::from_utf8(writer.into_inner()).ok()
}

fn write(writer: &mut Writer<Vec<u8>>, answers: &[(&str, &str)]) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), Some("no"))))?;
    let root = BytesStart::new("QuestionFormAnswers").with_attributes([("xmlns", NAMESPACE)]);
    writer.write_event(Event::Start(root))?;
    for (name, value) in answers {
        writer.write_event(Event::Start(BytesStart::new("Answer")))?;
        text(writer, "QuestionIdentifier", name)?;
        text(writer, "FreeText", value)?;
        writer.write_event(Event::End(BytesEnd::new("Answer")))?;
    }
    writer.write_event(Event::End(BytesEnd::new("QuestionFormAnswers")))
}

pub(super) fn text(writer: &mut Writer<Vec<u8>>, tag: &str, text: &str) -> std::io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new(tag)))?;
    writer.write_event(Event::Text(BytesText::new(&carried(text))))?;
    writer.write_event(Event::End(BytesEnd::new(tag)))
}

/// What an answer keeps of a text: the characters that XML can carry.
pub fn carried(text: &str) -> String {
    text.chars().filter(|&c| allowed(c)).collect()
}

/// Whether XML 1.0 can carry the character at all, escaped or not.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn reserved_names_are_no_answers_and_the_first_of_a_name_stays() {
        let sent =
            [("assignmentId", "3A"), ("hitId", "3H"), ("code", "a<b&c"), ("code", "late"), ("empty", "")];
        let xml = document(&fields(&sent)).unwrap();
        assert!(
            xml.contains("<QuestionIdentifier>code</QuestionIdentifier><FreeText>a&lt;b&amp;c</FreeText>")
        );
        assert!(xml.contains("<QuestionIdentifier>empty</QuestionIdentifier><FreeText></FreeText>"));
        assert!(!xml.contains("late") && !xml.contains("3A") && !xml.contains("3H"));
    }

    #[test]
    fn the_id_alone_is_no_submission() {
        assert_eq!(document(&fields(&[("assignmentId", "3A"), ("workerId", "A1")])), None);
    }

    #[test]
    fn what_xml_cannot_carry_is_left_out() {
        let xml = document(&fields(&[("note", "a\u{0}b\u{b}c")])).unwrap();
        assert!(xml.contains("<FreeText>abc</FreeText>"));
    }
}
