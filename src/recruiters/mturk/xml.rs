//! The protocol's XML: questions are written, answers are read.

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};
use serde_json::{Map, Value};

const EXTERNAL: &str =
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd";
const HTML: &str =
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd";

/// The largest question the service takes, in bytes.
pub const QUESTION_LIMIT: usize = 65_535;

/// A page of ours in the recruiter's frame.
pub(super) fn external_question(url: &str, height: i32) -> String {
    format!(
        "<ExternalQuestion xmlns=\"{EXTERNAL}\"><ExternalURL>{}</ExternalURL>\
         <FrameHeight>{height}</FrameHeight></ExternalQuestion>",
        escape(url)
    )
}

/// A page that the recruiter keeps and shows.
pub(super) fn html_question(html: &str, height: i32) -> String {
    let html = without_controls(html).replace("]]>", "]]]]><![CDATA[>");
    format!(
        "<HTMLQuestion xmlns=\"{HTML}\"><HTMLContent><![CDATA[{html}]]></HTMLContent>\
         <FrameHeight>{height}</FrameHeight></HTMLQuestion>"
    )
}

/// XML has no way to write control characters, not even escaped.
fn without_controls(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).collect()
}

/// What a worker's form said, field by field, in order. What a `crowd-form` packed into one field is unpacked.
///
/// # Errors
/// The document is not well-formed.
pub(super) fn answers(document: &str) -> Result<Vec<(String, String)>, quick_xml::Error> {
    let mut reader = Reader::from_str(document);
    let mut form = Form::default();
    loop {
        match reader.read_event()? {
            Event::Start(tag) => form.open(tag.local_name().as_ref()),
            Event::End(tag) => form.close(tag.local_name().as_ref()),
            Event::Text(text) => form.text.push_str(&text.decode()?),
            Event::CData(text) => form.text.push_str(&text.decode()?),
            Event::GeneralRef(reference) => form.text.push_str(&resolve(&reference)?),
            Event::Eof => return Ok(form.fields.into_iter().flat_map(unpacked).collect()),
            _ => {}
        }
    }
}

/// The field in which the script of the `crowd-` elements hands in a whole form: a list with one object of answers.
const PACKED: &str = "taskAnswers";

/// The answers of a packed field, in its order; any other field as it is. A choice reads as what was chosen.
fn unpacked((name, value): (String, String)) -> Vec<(String, String)> {
    let packed =
        (name == PACKED).then(|| serde_json::from_str::<Vec<Map<String, Value>>>(&value).ok()).flatten();
    match packed {
        Some(forms) => forms.into_iter().flatten().map(|(name, said)| (name, told(&said))).collect(),
        None => vec![(name, value)],
    }
}

fn told(said: &Value) -> String {
    match said {
        Value::String(text) => text.clone(),
        Value::Object(choices) => {
            let chosen = choices.iter().filter(|(_, on)| **on == Value::Bool(true));
            chosen.map(|(choice, _)| choice.as_str()).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The document as far as it was read.
#[derive(Default)]
struct Form {
    fields: Vec<(String, String)>,
    name: String,
    value: String,
    text: String,
}

impl Form {
    fn open(&mut self, tag: &[u8]) {
        self.text.clear();
        if tag == b"Answer" {
            self.name.clear();
            self.value.clear();
        }
    }

    /// Whatever answers a question is text in an element of its own: free text, a selection, a file's key.
    fn close(&mut self, tag: &[u8]) {
        let text = std::mem::take(&mut self.text);
        match tag {
            b"Answer" => {
                self.fields.push((std::mem::take(&mut self.name), std::mem::take(&mut self.value)));
            }
            b"QuestionIdentifier" => self.name = text.trim().to_owned(),
            b"FreeText" | b"SelectionIdentifier" | b"OtherSelectionText" | b"UploadedFileKey" => {
                if !self.value.is_empty() {
                    self.value.push_str(", ");
                }
                self.value.push_str(&text);
            }
            _ => {}
        }
    }
}

/// Only characters and the five names of XML; anything else is kept as it was written.
fn resolve(reference: &BytesRef<'_>) -> Result<String, quick_xml::Error> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let name = reference.decode()?;
    Ok(resolve_predefined_entity(&name).map_or_else(|| format!("&{name};"), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_ampersand_in_the_address_is_escaped() {
        let xml = external_question("https://hr.example.org/go/abc?a=1&b=<2>", 0);
        assert!(xml.contains("<ExternalURL>https://hr.example.org/go/abc?a=1&amp;b=&lt;2&gt;</ExternalURL>"));
        assert!(xml.contains("<FrameHeight>0</FrameHeight>"));
    }

    fn text_of(xml: &str, tag: &str) -> String {
        let mut reader = Reader::from_str(xml);
        let mut form = Form::default();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(_) => form.text.clear(),
                Event::CData(text) => form.text.push_str(&text.decode().unwrap()),
                Event::Text(text) => form.text.push_str(&text.decode().unwrap()),
                Event::End(end) if end.local_name().as_ref() == tag.as_bytes() => return form.text,
                Event::Eof => panic!("no {tag}"),
                _ => {}
            }
        }
    }

    #[test]
    fn a_page_that_ends_the_cdata_section_comes_back_whole() {
        let html = "<p>a</p><script>if (a[b[0]]>1 && c) {}</script>]]>";
        assert_eq!(text_of(&html_question(html, 600), "HTMLContent"), html);
    }

    #[test]
    fn what_a_crowd_form_packed_is_unpacked() {
        let said = |text: &str| unpacked(("taskAnswers".into(), text.into()));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let packed = r#"[{"completion_code":"abc","seen":{"red":true,"blue":false,"green":true},"age":30}]"#;
        let fields = [pair("age", "30"), pair("completion_code", "abc"), pair("seen", "green, red")];
        let mut unpacked = said(packed);
        unpacked.sort();
        assert_eq!(unpacked, fields);
        for odd in ["", "abc", "{}", "[1]"] {
            assert_eq!(said(odd), [pair("taskAnswers", odd)], "{odd}");
        }
    }

    proptest! {
        #[test]
        fn every_page_comes_back_whole(html in "[ -~\\n\u{e4}\u{1f600}]{0,200}") {
            prop_assert_eq!(text_of(&html_question(&html, 0), "HTMLContent"), html);
        }
    }

    #[test]
    fn answers_are_read_in_order_with_their_characters() {
        let document = r#"<?xml version="1.0"?>
            <QuestionFormAnswers xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd">
              <Answer><QuestionIdentifier>completion_code</QuestionIdentifier><FreeText>a&amp;b &#228; &lt;ok&gt;</FreeText></Answer>
              <Answer><QuestionIdentifier>note</QuestionIdentifier><FreeText><![CDATA[1 < 2]]></FreeText></Answer>
              <Answer><QuestionIdentifier>empty</QuestionIdentifier><FreeText/></Answer>
              <Answer><QuestionIdentifier>choice</QuestionIdentifier>
                <SelectionIdentifier>x</SelectionIdentifier><SelectionIdentifier>y</SelectionIdentifier></Answer>
            </QuestionFormAnswers>"#;
        let expected =
            [("completion_code", "a&b ä <ok>"), ("note", "1 < 2"), ("empty", ""), ("choice", "x, y")];
        let expected: Vec<_> = expected.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        assert_eq!(answers(document).unwrap(), expected);
    }

    #[test]
    fn an_entity_that_the_document_declares_is_not_expanded() {
        let document = r#"<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>
            <QuestionFormAnswers><Answer><QuestionIdentifier>a</QuestionIdentifier><FreeText>&e;</FreeText></Answer></QuestionFormAnswers>"#;
        assert_eq!(answers(document).unwrap(), [("a".to_owned(), "&e;".to_owned())]);
    }

    #[test]
    fn a_broken_document_is_an_error() {
        assert!(answers("<QuestionFormAnswers><Answer></QuestionFormAnswers>").is_err());
        assert_eq!(answers("").unwrap(), []);
    }
}
