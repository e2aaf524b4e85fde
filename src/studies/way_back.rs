//! The addresses by which oTree sends people back (pure). They are given to oTree when a study is published.

use kernel::secret::Keyring;

use super::StudyId;

/// The purpose of these signed links, which are no good for another.
const EXIT: &str = "exit door";

/// The way back that oTree gives the participant of one seat.
pub fn of_seat(keyring: &Keyring, study: StudyId, seat: i32) -> String {
    format!("/exit/{}", keyring.sign(EXIT, &format!("{}-{seat}", study.0.simple())))
}

/// Reads the signed part of [`of_seat`].
pub fn read(keyring: &Keyring, signed: &str) -> Option<(StudyId, i32)> {
    let (study, seat) = keyring.verify(EXIT, signed)?.split_once('-')?;
    Some((study.parse().ok()?, seat.parse().ok()?))
}

/// The way back for everybody of a study, for experiments that have one address for all.
pub fn of_study(code: &str) -> String {
    format!("/back/{code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seats_way_back_reads_back_and_cannot_be_changed() {
        let ring = Keyring::new(&"0123456789abcdef0123456789abcdef".into(), &[]).unwrap();
        let study = StudyId::new();
        let path = of_seat(&ring, study, 7);
        let signed = path.trim_start_matches("/exit/");
        assert_eq!(read(&ring, signed), Some((study, 7)));
        assert_eq!(read(&ring, &signed.replace("-7", "-8")), None);
        assert_eq!(read(&ring, &ring.sign("worker page", "x")), None);
    }
}
