//! Ids as the protocol knows them: upper-case letters and digits.

const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A fresh id for a HIT, HIT type, group or assignment: 30 characters that begin with 3.
pub fn object() -> String {
    random("3", 30)
}

/// A fresh id for a worker or a requester: 14 characters that begin with A.
pub fn person() -> String {
    random("A", 14)
}

/// A fresh public half of a key pair: 20 characters.
pub fn access_key() -> String {
    random("AKIA", 20)
}

fn random(prefix: &str, length: usize) -> String {
    let mut id = String::from(prefix);
    while id.len() < length {
        // 252 is the largest multiple of 36 in a byte: above it some letters would come more often.
        let byte = rand::random::<u8>();
        if byte < 252 {
            id.push(char::from(ALPHABET[usize::from(byte % 36)]));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_length_and_letters_of_the_protocol() {
        for (id, length, prefix) in [(object(), 30, "3"), (person(), 14, "A"), (access_key(), 20, "AKIA")] {
            assert_eq!(id.len(), length);
            assert!(id.starts_with(prefix));
            assert!(id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{id}");
        }
    }
}
