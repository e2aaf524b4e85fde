//! Whom the server runs as: Postgres refuses to run as root.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::ClusterError;

/// The user and group to drop to; `None` when this process is nobody special and simply runs the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner(Option<(u32, u32)>);

impl Owner {
    /// Nobody special unless we are root; then the owner of an existing `data` folder, else `postgres` or
    /// `nobody`.
    pub(super) fn choose(data: &Path) -> Result<Self, ClusterError> {
        if !is_root()? {
            return Ok(Self(None));
        }
        if let Ok(found) = fs::metadata(data)
            && found.uid() != 0
        {
            return Ok(Self(Some((found.uid(), found.gid()))));
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = ["postgres", "nobody"].iter().find_map(|name| ids_of(&users, name));
        user.map(|ids| Self(Some(ids))).ok_or(ClusterError::NoUnprivilegedUser)
    }

    /// Makes `folder` if needed and gives it, for nobody else's eyes, to this owner.
    pub(super) fn take(self, folder: &Path) -> Result<(), ClusterError> {
        let failed = |source| ClusterError::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let Some((uid, gid)) = self.0 else { return Ok(()) };
        chown(folder, Some(uid), Some(gid)).map_err(failed)?;
        match shut_ancestor(folder, uid) {
            Some(wall) => Err(ClusterError::Unreachable { folder: folder.to_owned(), wall }),
            None => Ok(()),
        }
    }

    /// A command that runs as this owner, in `folder`, away from the terminal's Ctrl-C.
    pub(super) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null()).env("LC_ALL", "C").env("HOME", folder);
        command.process_group(0);
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// The standard library does not say who we are, but every Unix has `id`.
fn is_root() -> Result<bool, ClusterError> {
    let said = Command::new("id").arg("-u").output().map_err(ClusterError::WhoAmI)?;
    Ok(said.stdout.trim_ascii() == b"0")
}

/// User and group id of `name` in the text of a passwd file.
fn ids_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The first folder above `folder` that user `uid` may not pass through.
fn shut_ancestor(folder: &Path, uid: u32) -> Option<PathBuf> {
    let passes = |path: &Path| -> io::Result<bool> {
        let found = fs::metadata(path)?;
        let needed = if found.uid() == uid { 0o100 } else { 0o001 };
        Ok(found.mode() & needed != 0)
    };
    folder.ancestors().skip(1).find(|path| matches!(passes(path), Ok(false))).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_the_line_of_exactly_that_user() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\npostgresx:x:1:1::/:\npostgres:x:103:110:PostgreSQL:/:/bin/sh";
        assert_eq!(ids_of(passwd, "postgres"), Some((103, 110)));
        assert_eq!(ids_of(passwd, "nobody"), None);
    }

    #[test]
    fn a_private_folder_on_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let shut = root.path().join("home");
        let folder = shut.join("clone/data");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
        let somebody_else = fs::metadata(&shut).unwrap().uid() + 1;
        assert_eq!(shut_ancestor(&folder, somebody_else), Some(shut.clone()));
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o711)).unwrap();
        assert_eq!(shut_ancestor(&folder, somebody_else), None);
    }
}
