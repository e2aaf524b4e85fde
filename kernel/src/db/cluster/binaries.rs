//! Where the PostgreSQL server's programs are.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders whose subfolders are installations, each with a `bin`: Debian, Homebrew (two places), Red Hat.
const ROOTS: [&str; 4] = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"];

/// The folder with `initdb` and `postgres`: the setting `OTREE_HR_PG_BIN`, else the newest installation.
pub fn find_binaries() -> Option<PathBuf> {
    candidates().next()
}

/// The binaries for a data folder that version `major` made; any others when those are not there.
pub(super) fn find_for(major: Option<u32>) -> Option<PathBuf> {
    let Some(major) = major else { return find_binaries() };
    candidates().find(|folder| version(folder) == Some(major)).or_else(find_binaries)
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let chosen = crate::env::text("OTREE_HR_PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).map(resolved).collect();
    chosen
        .into_iter()
        .chain(installations(ROOTS.map(Path::new)))
        .chain(on_path)
        .filter(|folder| is_server_folder(folder))
}

/// Every `bin` folder below `roots`, newest version first.
fn installations<'a>(roots: impl IntoIterator<Item = &'a Path>) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = roots
        .into_iter()
        .filter_map(|root| root.read_dir().ok())
        .flatten()
        .flatten()
        .filter_map(|entry| Some((major_in_name(entry.file_name().to_str()?)?, entry.path().join("bin"))))
        .collect();
    found.sort_by_key(|(major, _)| Reverse(*major));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// `15` of `15` (Debian), `postgresql@15` (Homebrew) or `pgsql-15` (Red Hat); a bare `postgresql` has no number
/// and comes last.
fn major_in_name(name: &str) -> Option<u32> {
    let name = name.strip_prefix("pgsql-").unwrap_or(name);
    match name.strip_prefix("postgresql") {
        Some("") => Some(0),
        Some(rest) => rest.strip_prefix('@')?.parse().ok(),
        None => name.parse().ok(),
    }
}

/// `PATH` often holds links or wrappers; the server finds its shared files only beside the real program.
fn resolved(folder: PathBuf) -> PathBuf {
    let program = folder.join("postgres").canonicalize().ok();
    program.and_then(|p| p.parent().map(Path::to_owned)).unwrap_or(folder)
}

fn is_server_folder(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl"].iter().all(|program| folder.join(program).is_file())
}

/// The major version that the `postgres` in `folder` reports.
fn version(folder: &Path) -> Option<u32> {
    let said = Command::new(folder.join("postgres")).arg("-V").output().ok()?.stdout;
    let said = String::from_utf8(said).ok()?;
    let number = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_newest_installation_comes_first_and_other_packages_are_passed_over() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "16", "node@20", "pgsql-14", "postgresql@17", "postgresql", "jdk"] {
            fs::create_dir_all(root.path().join(name).join("bin")).unwrap();
        }
        let found = installations([root.path()]);
        let names: Vec<_> =
            found.iter().map(|p| p.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(
            names,
            ["postgresql@17/bin", "16/bin", "15/bin", "pgsql-14/bin", "9/bin", "postgresql/bin"]
        );
    }

    #[test]
    fn a_folder_with_only_a_client_wrapper_is_no_server_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("initdb"), "").unwrap();
        assert!(!is_server_folder(folder.path()));
        fs::write(folder.path().join("postgres"), "").unwrap();
        fs::write(folder.path().join("pg_ctl"), "").unwrap();
        assert!(is_server_folder(folder.path()));
    }

    #[test]
    fn a_data_folder_gets_the_binaries_of_its_own_version() {
        let newest = find_binaries().expect("a PostgreSQL server is installed");
        let major = version(&newest).expect("it says its version");
        assert_eq!(version(&find_for(Some(major)).unwrap()), Some(major));
        assert!(find_for(Some(1)).is_some());
    }
}
