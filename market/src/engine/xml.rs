//! XML documents that requesters write, as a tree.

use quick_xml::NsReader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;

/// Nothing we read is deeper.
const DEEPEST: usize = 20;

/// An element with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// Attributes by name.
    pub attributes: Vec<(String, String)>,
    /// Elements inside, in order.
    pub children: Vec<Element>,
    /// Text right inside, CDATA included.
    pub text: String,
}

/// Why a document cannot be read, in words for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The document itself.
    #[error(
        "There was an error parsing the XML question or answer data in your request. Please make sure the data is \
         well-formed and validates against the appropriate schema. ({0})"
    )]
    Xml(String),
    /// XHTML inside it.
    #[error(
        "There was an error parsing the XHTML data in your request. Please make sure the data is well-formed and \
         validates against the appropriate schema. ({0})"
    )]
    Xhtml(String),
}

impl XmlError {
    /// What is wrong, without the words around it.
    pub fn reason(&self) -> &str {
        match self {
            Self::Xml(why) | Self::Xhtml(why) => why,
        }
    }
}

/// The same with fewer words.
pub(crate) fn malformed(why: impl Into<String>) -> XmlError {
    XmlError::Xml(why.into())
}

impl Element {
    /// Reads a document whose root has this name and a namespace that ends so.
    ///
    /// # Errors
    /// [`XmlError`] for whatever is not well-formed, has a DTD, or has another root.
    pub fn parse(document: &str, root: &str, namespace_end: &str) -> Result<Self, XmlError> {
        let mut reader = NsReader::from_str(document);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            let (space, event) =
                reader.read_resolved_event().map_err(|error| malformed(error.to_string()))?;
            match event {
                Event::Start(start) => {
                    expect_root(&open, &start, &space, root, namespace_end)?;
                    open.push(Self::opened(&start)?);
                    if open.len() > DEEPEST {
                        return Err(malformed("the elements are nested too deeply"));
                    }
                }
                Event::Empty(start) => {
                    expect_root(&open, &start, &space, root, namespace_end)?;
                    let element = Self::opened(&start)?;
                    put(&mut open, |parent| parent.children.push(element))?;
                }
                Event::End(_) => {
                    let closed = open.pop().ok_or_else(|| malformed("an element ends twice"))?;
                    put(&mut open, |parent| parent.children.push(closed))?;
                }
                Event::Text(text) => {
                    let text = text.xml_content().map_err(|error| malformed(error.to_string()))?;
                    put(&mut open, |parent| parent.text.push_str(&text))?;
                }
                Event::CData(text) => {
                    let text = text.xml_content().map_err(|error| malformed(error.to_string()))?;
                    put(&mut open, |parent| parent.text.push_str(&text))?;
                }
                Event::GeneralRef(reference) => {
                    let text = resolve(&reference)?;
                    put(&mut open, |parent| parent.text.push_str(&text))?;
                }
                Event::DocType(_) => return Err(malformed("a document type is not allowed")),
                Event::Eof => break,
                _ => {}
            }
        }
        finished(open)
    }

    fn opened(start: &BytesStart<'_>) -> Result<Self, XmlError> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| malformed(error.to_string()))?;
            let value = attribute.unescape_value().map_err(|error| malformed(error.to_string()))?;
            let name = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
            attributes.push((name, value.into_owned()));
        }
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        Ok(Self { name, attributes, ..Self::default() })
    }

    /// The one child of this name, if there is one.
    ///
    /// # Errors
    /// When there are several.
    pub fn child(&self, name: &str) -> Result<Option<&Self>, XmlError> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            _ => Err(malformed(format!("{} has more than one {name}", self.name))),
        }
    }

    /// The one child of this name.
    ///
    /// # Errors
    /// When there is none, or there are several.
    pub fn needed(&self, name: &str) -> Result<&Self, XmlError> {
        self.child(name)?.ok_or_else(|| malformed(format!("{} has no {name}", self.name)))
    }

    /// The text of the one child of this name, without blanks around it.
    ///
    /// # Errors
    /// When there is none, there are several, or it is empty.
    pub fn needed_text(&self, name: &str) -> Result<String, XmlError> {
        let text = self.needed(name)?.text.trim();
        if text.is_empty() { Err(malformed(format!("{name} is empty"))) } else { Ok(text.to_owned()) }
    }

    /// The text of the one child of this name as a number or the like, if there is one.
    ///
    /// # Errors
    /// When there are several, or it is something else.
    pub fn read<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, XmlError> {
        let Some(child) = self.child(name)? else { return Ok(None) };
        let read = child.text.trim().parse();
        read.map(Some).map_err(|_| malformed(format!("{name} cannot be {:?}", child.text.trim())))
    }

    /// All children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// An attribute as a number or the like, if there is one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn attribute<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, XmlError> {
        let Some((_, value)) = self.attributes.iter().find(|(found, _)| found == name) else {
            return Ok(None);
        };
        let read = value.trim().parse();
        read.map(Some).map_err(|_| malformed(format!("{name} cannot be {value:?}")))
    }

    /// Nothing but these children.
    ///
    /// # Errors
    /// When there is another one.
    pub fn only(&self, names: &[&str]) -> Result<(), XmlError> {
        match self.children.iter().find(|child| !names.contains(&child.name.as_str())) {
            Some(child) => Err(malformed(format!("{} cannot have {}", self.name, child.name))),
            None => Ok(()),
        }
    }
}

fn put(open: &mut [Element], change: impl FnOnce(&mut Element)) -> Result<(), XmlError> {
    let parent = open.last_mut().ok_or_else(|| malformed("an element ends twice"))?;
    change(parent);
    Ok(())
}

fn expect_root(
    open: &[Element],
    start: &BytesStart<'_>,
    space: &ResolveResult<'_>,
    root: &str,
    namespace_end: &str,
) -> Result<(), XmlError> {
    if open.len() > 1 {
        return Ok(());
    }
    let known =
        matches!(space, ResolveResult::Bound(space) if space.as_ref().ends_with(namespace_end.as_bytes()));
    if known && start.local_name().as_ref() == root.as_bytes() {
        return Ok(());
    }
    Err(malformed(format!("the root must be {root} in the namespace that ends with {namespace_end}")))
}

/// The only root, once everything is closed and nothing but blanks is around it.
fn finished(mut open: Vec<Element>) -> Result<Element, XmlError> {
    let document = open.pop().filter(|_| open.is_empty());
    let mut document = document.ok_or_else(|| malformed("the document ends too early"))?;
    if document.children.len() != 1 || !document.text.trim().is_empty() {
        return Err(malformed("a document has exactly one root and no text around it"));
    }
    document.children.pop().ok_or_else(|| malformed("the document is empty"))
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    let name = reference.decode().map_err(|error| malformed(error.to_string()))?;
    resolve_xml_entity(&name).map(str::to_owned).ok_or_else(|| malformed(format!("unknown entity {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(document: &str) -> Result<Element, XmlError> {
        Element::parse(document, "Root", "/Root.xsd")
    }

    #[test]
    fn a_document_becomes_a_tree() {
        let document = "<?xml version=\"1.0\"?>\n<r:Root xmlns:r=\"x/Root.xsd\"> <A n=\"5\">a &amp; b<![CDATA[<c>]]></A><B/></r:Root>";
        let root = parse(document).unwrap();
        assert_eq!(root.needed_text("A").unwrap(), "a & b<c>");
        assert_eq!(root.needed("A").unwrap().attribute::<i64>("n").unwrap(), Some(5));
        assert!(root.child("B").unwrap().is_some() && root.child("C").unwrap().is_none());
        assert!(root.needed_text("B").is_err() && root.only(&["A"]).is_err());
    }

    #[test]
    fn what_is_not_such_a_document_is_refused() {
        let deep = format!("<Root xmlns=\"x/Root.xsd\">{}{}</Root>", "<a>".repeat(30), "</a>".repeat(30));
        for document in [
            "",
            "words",
            "<Root/>",
            "<Root xmlns=\"x/Other.xsd\"/>",
            "<Other xmlns=\"x/Root.xsd\"/>",
            "<Root xmlns=\"x/Root.xsd\">",
            "<Root xmlns=\"x/Root.xsd\"><a></b></Root>",
            "<Root xmlns=\"x/Root.xsd\"/><Root xmlns=\"x/Root.xsd\"/>",
            "<Root xmlns=\"x/Root.xsd\"/>after",
            "<Root xmlns=\"x/Root.xsd\">&unknown;</Root>",
            "<!DOCTYPE Root [<!ENTITY e \"e\">]><Root xmlns=\"x/Root.xsd\">&e;</Root>",
            &deep,
        ] {
            assert!(parse(document).is_err(), "{document}");
        }
    }
}
