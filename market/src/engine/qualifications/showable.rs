//! Whether a new QuestionForm has nothing in it that our pages would leave out. Forms from before a check was made are
//! shown as far as they go, so only new ones are held against it.

use super::formatted;
use crate::engine::xml::{Element, XmlError, malformed};

/// Holds a document's root against what pages show.
///
/// # Errors
/// [`XmlError`] naming what would be left out.
pub(super) fn check(root: &Element) -> Result<(), XmlError> {
    no_text(root)?;
    root.children.iter().try_for_each(|part| match part.name.as_str() {
        "Overview" => content(part),
        _ => question(part),
    })
}

fn question(question: &Element) -> Result<(), XmlError> {
    no_text(question)?;
    for name in ["QuestionIdentifier", "DisplayName"] {
        question.all(name).try_for_each(text)?;
    }
    content(question.needed("QuestionContent")?)?;
    let answer = question.needed("AnswerSpecification")?;
    let Some(answer) = answer.child("SelectionAnswer")? else { return Ok(()) };
    answer.needed("Selections")?.all("Selection").try_for_each(selection)
}

/// An Overview or a QuestionContent.
fn content(container: &Element) -> Result<(), XmlError> {
    if container.children.is_empty() {
        return Err(malformed(format!("{} has nothing in it to read", container.name)));
    }
    no_text(container)?;
    container.only(&["Title", "Text", "List", "Binary", "EmbeddedBinary", "FormattedContent"])?;
    container.children.iter().try_for_each(piece)
}

fn selection(selection: &Element) -> Result<(), XmlError> {
    no_text(selection)?;
    selection.only(&["SelectionIdentifier", "Text", "FormattedContent", "Binary"])?;
    let mut shown = selection.children.iter().filter(|child| child.name != "SelectionIdentifier");
    match (shown.next(), shown.next()) {
        (Some(only), None) => piece(only),
        _ => Err(malformed("a Selection has exactly one Text, FormattedContent or Binary")),
    }
}

fn piece(piece: &Element) -> Result<(), XmlError> {
    match piece.name.as_str() {
        "List" => {
            no_text(piece)?;
            piece.only(&["ListItem"])?;
            piece.children.iter().try_for_each(text)
        }
        "Binary" | "EmbeddedBinary" => {
            text(piece.needed("AltText")?)?;
            piece.needed_text("AltText").map(drop)
        }
        "FormattedContent" if !piece.children.is_empty() => {
            Err(malformed("FormattedContent has its XHTML in a CDATA section"))
        }
        "FormattedContent" => {
            formatted::check(&piece.text)?;
            if formatted::words(&piece.text).is_empty() { Err(unread(piece)) } else { Ok(()) }
        }
        _ => text(piece),
    }
}

/// Text, and no markup in it.
fn text(element: &Element) -> Result<(), XmlError> {
    element.only(&[])?;
    if element.text.trim().is_empty() { Err(unread(element)) } else { Ok(()) }
}

/// Elements only.
fn no_text(element: &Element) -> Result<(), XmlError> {
    match element.text.trim() {
        "" => Ok(()),
        text => Err(malformed(format!("{} cannot have text right in it: {text:?}", element.name))),
    }
}

fn unread(element: &Element) -> XmlError {
    malformed(format!("{} has no words to read", element.name))
}

#[cfg(test)]
mod tests {
    use super::super::form::QuestionForm;
    use super::super::form::tests::FORM;
    use super::*;

    #[test]
    fn what_a_page_would_leave_out_is_refused_in_new_forms_only() {
        let (text, half) = ("<Text>Who plays?</Text>", "<Text>Half</Text>");
        for (good, bad) in [
            (text, "<Text>Who <b>plays</b>?</Text>"),
            (text, "<Text> </Text>"),
            (text, "Who plays?"),
            (text, ""),
            (text, "<Text>Who plays?</Text><Video>x</Video>"),
            (text, "<Application><Flash/></Application>"),
            (text, "<Binary><MimeType><Type>image</Type></MimeType><DataURL>http://x/</DataURL></Binary>"),
            (text, "<Binary><DataURL>http://x/</DataURL><AltText/></Binary>"),
            (text, "<FormattedContent><p>Who plays?</p></FormattedContent>"),
            (text, "<FormattedContent><![CDATA[<p>Who<br>plays?</p>]]></FormattedContent>"),
            (text, "<FormattedContent><![CDATA[<img src='who.png' alt=''/>]]></FormattedContent>"),
            ("<ListItem>One</ListItem>", "<ListItem>One <i>or</i> two</ListItem>"),
            ("<ListItem>One</ListItem>", "<Point>One</Point>"),
            ("<Overview>", "<Overview>Read this."),
            ("<Overview>", "Read this.<Overview>"),
            ("<DisplayName>Payoff", "<DisplayName><b>Payoff</b>"),
            (half, "<FormattedContent><![CDATA[Half<br>]]></FormattedContent>"),
            (half, "<Text>Half</Text><Text>of it</Text>"),
            (half, "<Text>Half <b>of</b> it</Text>"),
            (half, "<Text>Half</Text><Colour/>"),
        ] {
            assert!(FORM.contains(good), "{good}");
            let document = FORM.replacen(good, bad, 1);
            assert!(QuestionForm::parse(&document).is_ok(), "could be published once: {bad}");
            assert!(QuestionForm::parse_new(&document).is_err(), "{bad}");
        }
        assert!(matches!(
            QuestionForm::parse_new(&FORM.replacen(
                half,
                "<FormattedContent><![CDATA[<b>Half]]></FormattedContent>",
                1
            )),
            Err(XmlError::Xhtml(_))
        ));
    }

    #[test]
    fn all_that_pages_show_is_taken() {
        let binary = "<Binary><MimeType><Type>image</Type></MimeType><DataURL>http://x/</DataURL><AltText>A map</AltText></Binary>";
        for (good, also) in [
            ("<Text>Who plays?</Text>", binary),
            ("<Text>Half</Text>", binary),
            ("<Text>Half</Text>", "<FormattedContent><![CDATA[<b>Half</b>]]></FormattedContent>"),
            (
                "<Text>Who plays?</Text>",
                "<Title>Who?</Title><Text>a &lt;b&gt; c</Text><List><ListItem>x</ListItem></List>",
            ),
        ] {
            assert!(QuestionForm::parse_new(&FORM.replacen(good, also, 1)).is_ok(), "{also}");
        }
        assert!(QuestionForm::parse_new(FORM).is_ok());
    }
}
