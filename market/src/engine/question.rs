//! Question documents: what a worker is shown, as XML that the requester wrote.

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, Reader};
use url::Url;

use super::qualifications::form::QuestionForm;
use super::xml::XmlError;

const EXTERNAL: &str =
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/ExternalQuestion.xsd";
const HTML: &str =
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd";
/// Bytes of the longest document.
const LONGEST: usize = 65_535;

/// What a worker is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A page of the requester's own in a frame.
    External {
        /// The page's address, before the four parameters.
        url: Url,
        /// Pixels; 0 fits the window.
        frame_height: u32,
    },
    /// A page that the marketplace serves itself.
    Html {
        /// The page.
        content: String,
        /// Pixels; 0 fits the window.
        frame_height: u32,
    },
    /// Questions that the marketplace asks on a page of its own, as in the tests of qualifications.
    Form(QuestionForm),
}

/// What is wrong with a question document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// More than 65,535 bytes.
    #[error("The question is longer than 65535 bytes.")]
    TooLong,
    /// Not XML, or not what the schema wants.
    #[error(
        "There was an error parsing the XML question or answer data in your request. Please make sure the data is \
         well-formed and validates against the appropriate schema. ({0})"
    )]
    Malformed(String),
    /// Not an address, or one that is not allowed.
    #[error("The ExternalURL must be a valid https address.")]
    Address,
    /// A form that cannot be read, or that no page here can show.
    #[error(transparent)]
    Form(#[from] XmlError),
}

impl Question {
    /// Reads the document of a HIT that is to be published. `allow_http` lets an external page be plain http.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse_new(document: &str, allow_http: bool) -> Result<Self, QuestionError> {
        if is_form(document) && document.len() <= LONGEST {
            return Ok(Self::Form(QuestionForm::parse_new(document)?));
        }
        Self::parse(document, allow_http)
    }

    /// Reads the document of a HIT that was published, perhaps when less was asked of new ones.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(document: &str, allow_http: bool) -> Result<Self, QuestionError> {
        if document.len() > LONGEST {
            return Err(QuestionError::TooLong);
        }
        if is_form(document) {
            return Ok(Self::Form(QuestionForm::parse(document)?));
        }
        let parsed = Parsed::read(document)?;
        let frame_height = parsed.child("FrameHeight")?.trim().parse();
        let frame_height =
            frame_height.map_err(|_| malformed("FrameHeight must be a whole number of pixels"))?;
        parsed.only_children()?;
        match parsed.root {
            Root::External => {
                Ok(Self::External { url: address(parsed.child("ExternalURL")?, allow_http)?, frame_height })
            }
            Root::Html => Ok(Self::Html { content: parsed.child("HTMLContent")?.to_owned(), frame_height }),
        }
    }
}

/// Whether the document's root says that it is a QuestionForm, whatever is in it.
pub fn is_form(document: &str) -> bool {
    let mut reader = Reader::from_str(document);
    loop {
        match reader.read_event() {
            Ok(Event::Start(root) | Event::Empty(root)) => {
                return root.local_name().as_ref() == b"QuestionForm";
            }
            Ok(Event::Eof) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

fn address(text: &str, allow_http: bool) -> Result<Url, QuestionError> {
    let url = Url::parse(text.trim()).map_err(|_| QuestionError::Address)?;
    let allowed = url.scheme() == "https" || (allow_http && url.scheme() == "http");
    if allowed && url.has_host() { Ok(url) } else { Err(QuestionError::Address) }
}

fn malformed(why: impl Into<String>) -> QuestionError {
    QuestionError::Malformed(why.into())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    External,
    Html,
}

impl Root {
    fn named(name: &str, namespace: &ResolveResult<'_>) -> Result<Self, QuestionError> {
        let ResolveResult::Bound(namespace) = namespace else {
            return Err(malformed("the root element has no namespace"));
        };
        match (name, namespace.as_ref()) {
            ("ExternalQuestion", space) if space == EXTERNAL.as_bytes() => Ok(Self::External),
            ("HTMLQuestion", space) if space == HTML.as_bytes() => Ok(Self::Html),
            _ => Err(malformed(format!("{name} is not a question that this marketplace shows"))),
        }
    }

    fn children(self) -> [&'static str; 2] {
        match self {
            Self::External => ["ExternalURL", "FrameHeight"],
            Self::Html => ["HTMLContent", "FrameHeight"],
        }
    }
}

/// A root with one level of children that hold text: all that the two kinds of question have.
struct Parsed {
    root: Root,
    children: Vec<(String, String)>,
}

impl Parsed {
    fn read(document: &str) -> Result<Self, QuestionError> {
        let mut reader = NsReader::from_str(document);
        let mut root = None;
        let mut children: Vec<(String, String)> = Vec::new();
        let mut depth = 0;
        loop {
            let (space, event) =
                reader.read_resolved_event().map_err(|error| malformed(error.to_string()))?;
            let text = match event {
                Event::Start(start) => {
                    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                    match depth {
                        0 if root.is_none() => root = Some(Root::named(&name, &space)?),
                        1 => children.push((name, String::new())),
                        _ => return Err(malformed(format!("unexpected element {name}"))),
                    }
                    depth += 1;
                    continue;
                }
                Event::End(_) => {
                    depth -= 1;
                    continue;
                }
                Event::Empty(_) | Event::DocType(_) => return Err(malformed("unexpected element")),
                Event::Text(text) => text.xml_content().map(|t| t.into_owned()),
                Event::CData(text) => text.xml_content().map(|t| t.into_owned()),
                Event::GeneralRef(reference) => Ok(resolve(&reference)?),
                Event::Eof => break,
                _ => continue,
            };
            let text = text.map_err(|error| malformed(error.to_string()))?;
            match children.last_mut() {
                Some((_, content)) if depth == 2 => content.push_str(&text),
                _ if text.trim().is_empty() => {}
                _ => return Err(malformed("text outside the elements")),
            }
        }
        let root = root.filter(|_| depth == 0).ok_or_else(|| malformed("the document ends too early"))?;
        Ok(Self { root, children })
    }

    fn child(&self, name: &str) -> Result<&str, QuestionError> {
        let mut found = self.children.iter().filter(|(child, _)| child == name);
        match (found.next(), found.next()) {
            (Some((_, content)), None) if !content.trim().is_empty() => Ok(content),
            _ => Err(malformed(format!("{name} must be there exactly once, with content"))),
        }
    }

    fn only_children(&self) -> Result<(), QuestionError> {
        match self.children.iter().find(|(name, _)| !self.root.children().contains(&name.as_str())) {
            Some((name, _)) => Err(malformed(format!("unexpected element {name}"))),
            None => Ok(()),
        }
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, QuestionError> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    let name = reference.decode().map_err(|error| malformed(error.to_string()))?;
    resolve_xml_entity(&name).map(str::to_owned).ok_or_else(|| malformed(format!("unknown entity {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(url: &str, height: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<ExternalQuestion xmlns=\"{EXTERNAL}\">\n <ExternalURL>{url}</ExternalURL>\n \
             <FrameHeight>{height}</FrameHeight>\n</ExternalQuestion>"
        )
    }

    #[test]
    fn an_external_question_gives_its_address_unescaped() {
        let question = Question::parse(&external("https://a.example/go?x=1&amp;y=2", "800"), false).unwrap();
        let url = Url::parse("https://a.example/go?x=1&y=2").unwrap();
        assert_eq!(question, Question::External { url, frame_height: 800 });
    }

    #[test]
    fn an_html_question_gives_its_page() {
        let page = "<!DOCTYPE html><p>a &amp; b</p>";
        let document = format!(
            "<HTMLQuestion xmlns=\"{HTML}\"><HTMLContent><![CDATA[{page}]]></HTMLContent>\
             <FrameHeight>0</FrameHeight></HTMLQuestion>"
        );
        let question = Question::parse(&document, false).unwrap();
        assert_eq!(question, Question::Html { content: page.into(), frame_height: 0 });
    }

    #[test]
    fn a_bare_ampersand_is_malformed() {
        for url in ["https://a.example/go?x=1&y=2", "https://a.example/go?x=1&y;"] {
            let error = Question::parse(&external(url, "0"), false).unwrap_err();
            assert!(matches!(error, QuestionError::Malformed(_)), "{url}: {error}");
        }
    }

    #[test]
    fn http_needs_to_be_allowed() {
        let document = external("http://127.0.0.1:8000/go", "0");
        assert_eq!(Question::parse(&document, false), Err(QuestionError::Address));
        assert!(Question::parse(&document, true).is_ok());
        assert_eq!(Question::parse(&external("javascript:alert(1)", "0"), true), Err(QuestionError::Address));
    }

    #[test]
    fn what_is_not_in_the_schema_is_malformed() {
        let extra = external("https://a.example/", "0</FrameHeight><Colour>red</Colour><FrameHeight>0");
        for document in [
            "",
            "hello",
            "<ExternalQuestion/>",
            &external("https://a.example/", "tall"),
            &external("https://a.example/", ""),
            &external("<b>https://a.example/</b>", "0"),
            &external("https://a.example/", "0").replace("2006-07-14", "2005-10-01"),
            &external("https://a.example/", "0").replace("</ExternalQuestion>", ""),
            &extra,
        ] {
            let error = Question::parse(document, false).unwrap_err();
            assert!(matches!(error, QuestionError::Malformed(_)), "{document}: {error}");
        }
    }

    #[test]
    fn a_form_is_read_as_the_tests_of_qualifications_are() {
        use crate::engine::qualifications::form::tests::FORM;
        let Ok(Question::Form(form)) = Question::parse(FORM, false) else { panic!("a form") };
        assert_eq!(form.questions().count(), 4);
        let declared = format!("<?xml version=\"1.0\"?>\n<!-- a form -->\n{FORM}");
        assert!(is_form(&declared) && Question::parse(&declared, false).is_ok());
        let kind = |document: &str| match Question::parse_new(document, false) {
            Err(QuestionError::Form(XmlError::Xml(why))) => why,
            Err(QuestionError::Form(XmlError::Xhtml(_))) => "xhtml".to_owned(),
            other => panic!("{other:?}"),
        };
        let untidy = FORM.replacen("</b>", "", 1);
        assert_eq!(kind(&untidy), "xhtml");
        assert!(Question::parse(&untidy, false).is_ok(), "what is published stays readable");
        let upload = "<FreeTextAnswer><Constraints><IsNumeric minValue=\"18\" maxValue=\"99\"/></Constraints></FreeTextAnswer>";
        assert!(FORM.contains(upload));
        assert!(kind(&FORM.replacen(upload, "<FileUploadAnswer/>", 1)).contains("file uploads"));
        kind("<QuestionForm/>");
    }

    #[test]
    fn a_document_has_at_most_65535_bytes() {
        let long = external(&format!("https://a.example/{}", "x".repeat(LONGEST)), "0");
        assert_eq!(Question::parse_new(&long, false), Err(QuestionError::TooLong));
    }
}
