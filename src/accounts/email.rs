//! An e-mail address, parsed once at the border.

/// An address in lower case that could receive mail. Whether it does is never asked: nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Write an e-mail address, such as name@university.edu.")]
pub struct EmailError;

impl Email {
    /// The address as it is stored and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim().to_lowercase();
        let (name, host) = text.rsplit_once('@').ok_or(EmailError)?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '@' || c == '<' || c == '>';
        let wrong = name.is_empty()
            || host.len() < 3
            || !host.contains('.') && host != "localhost"
            || host.starts_with('.')
            || host.ends_with('.')
            || text.len() > 254
            || name.contains(odd)
            || host.contains(odd);
        if wrong { Err(EmailError) } else { Ok(Self(text)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_lower_case_without_spaces_around_it() {
        assert_eq!(" Ada@Example.ORG ".parse::<Email>().unwrap().as_str(), "ada@example.org");
        assert!("ünï@exämple.org".parse::<Email>().is_ok());
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for text in
            ["", "ada", "@example.org", "ada@", "ada@example", "a da@example.org", "a@b@c.org", "a@.org."]
        {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text:?}");
        }
        assert!(format!("{}@example.org", "a".repeat(250)).parse::<Email>().is_err());
    }
}
