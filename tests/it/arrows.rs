//! The arrows between the parts of the code, held to the list below.
//!
//! `cli, web → domains → adapters → kernel`. The list is the whole truth: a part that is not in it may not
//! exist, and a part may use only what stands beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Used everywhere above the adapters: settings, parts, the mechanism of background work, crash points.
const SHARED: [&str; 4] = ["app", "config", "crash", "jobs"];
/// Knows no domain and no web: the outside world's ways.
const ADAPTERS: [&str; 2] = ["otree", "recruiters"];

/// Each domain and the domains that it may use. Those of an earlier line only, so that there is no circle.
const DOMAINS: [(&str, &[&str]); 12] = [
    ("audit", &[]),
    ("accounts", &["audit"]),
    ("labs", &["accounts", "audit"]),
    ("mail", &["accounts", "labs"]),
    ("sites", &["labs", "audit"]),
    ("connections", &["accounts", "labs", "audit"]),
    ("ledger", &["accounts", "labs", "audit"]),
    ("studies", &["accounts", "labs", "audit", "sites", "connections", "ledger"]),
    ("participation", &["labs", "sites", "connections", "studies"]),
    ("payments", &["accounts", "labs", "audit", "mail", "connections", "ledger", "studies", "participation"]),
    ("scores", &["accounts", "labs", "connections", "participation"]),
    (
        "review",
        &["accounts", "labs", "audit", "mail", "sites", "studies", "participation", "payments", "scores"],
    ),
];

/// The only homes of HTTP for people.
const OUTER: [&str; 2] = ["cli", "web"];
/// Crates that only those may use.
const WEB_CRATES: [&str; 6] = ["axum", "axum_extra", "askama", "askama_web", "tower", "tower_http"];
/// Except these: a few lines that put the web's parts together.
const WEB_CRATES_ALSO: [&str; 1] = ["app"];

/// A use of something by a part.
struct Use {
    part: String,
    of: String,
    at: String,
}

#[test]
fn every_part_uses_only_what_the_list_allows() {
    let parts = parts();
    let mut breaches = Vec::new();
    for file in sources("src") {
        for found in inner_uses(&file) {
            if parts.contains(&found.of) && found.of != found.part && !allowed(&found.part, &found.of) {
                breaches.push(format!("{}: {} may not use {}", found.at, found.part, found.of));
            }
        }
    }
    assert!(breaches.is_empty(), "arrows that are not in the list:\n{}", breaches.join("\n"));
}

#[test]
fn every_part_is_in_the_list() {
    let listed: BTreeSet<String> = DOMAINS
        .iter()
        .map(|(name, _)| *name)
        .chain(SHARED)
        .chain(ADAPTERS)
        .chain(OUTER)
        .map(str::to_owned)
        .collect();
    assert_eq!(parts(), listed);
}

#[test]
fn the_list_itself_has_no_circle() {
    let order: Vec<&str> = DOMAINS.iter().map(|(name, _)| *name).collect();
    for (at, (name, uses)) in DOMAINS.iter().enumerate() {
        for used in uses.iter() {
            let place = order.iter().position(|other| other == used).expect(used);
            assert!(place < at, "{name} uses {used}, which comes later");
        }
    }
}

#[test]
fn only_the_web_speaks_http_to_people() {
    let breaches = crate_uses(&WEB_CRATES, |part| OUTER.contains(&part) || WEB_CRATES_ALSO.contains(&part));
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn adapters_and_jobs_know_no_tables_and_the_web_asks_no_table_of_a_domain() {
    let breaches = crate_uses(&["sqlx"], |part| !ADAPTERS.contains(&part));
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    let sql = ["query!(", "query_as!(", "query_scalar!("];
    let mut found = Vec::new();
    for file in sources("src/web").into_iter().filter(|file| !file.ends_with("health.rs")) {
        for (number, line) in code(&file) {
            if sql.iter().any(|call| line.contains(call)) {
                found.push(format!("{}:{number}: SQL belongs into a domain's store", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_marketplace_and_the_kernel_know_nothing_of_the_product() {
    for (manifest, known) in [("market/Cargo.toml", vec!["kernel"]), ("kernel/Cargo.toml", vec![])] {
        let text = std::fs::read_to_string(root().join(manifest)).unwrap();
        let ours: Vec<&str> = text
            .lines()
            .map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default())
            .filter(|name| ["kernel", "market", "otree-hr"].contains(name))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        assert_eq!(ours, known, "{manifest}");
    }
    let mounts = crate_uses(&["market"], |part| ["app", "cli"].contains(&part));
    assert!(mounts.is_empty(), "only app and cli know the marketplace:\n{}", mounts.join("\n"));
}

fn allowed(part: &str, of: &str) -> bool {
    if part == "app" || OUTER.contains(&part) {
        // `cli` starts the web; nothing else needs the one or the other.
        return !OUTER.contains(&of) || part == "cli";
    }
    if ADAPTERS.contains(&part) || SHARED.contains(&part) {
        return false;
    }
    let uses = DOMAINS.iter().find(|(name, _)| *name == part).map_or(&[][..], |(_, uses)| uses);
    SHARED.contains(&of) || ADAPTERS.contains(&of) || uses.contains(&of)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The modules of the library.
fn parts() -> BTreeSet<String> {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let names = library.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// Every source file below a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty(), "no sources in {folder}");
    files.sort();
    files
}

/// The numbered lines without comments.
fn code(file: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines.map(|(number, line)| (number + 1, line.to_owned())).collect()
}

/// The part that a file of `src` belongs to.
fn part_of(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// All `crate::…` of a file, groups and their lines included, and `super::…` that leads out of a part.
fn inner_uses(file: &Path) -> Vec<Use> {
    let part = part_of(file);
    if part == "lib" || part == "main" {
        return Vec::new();
    }
    let inside = file.strip_prefix(root()).unwrap().display().to_string();
    let lines = code(file);
    let mut found: BTreeMap<(usize, String), ()> = BTreeMap::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        for (at, _) in line.match_indices("crate::").filter(|(at, _)| !follows_name(line, *at)) {
            let rest = &line[at + "crate::".len()..];
            let names =
                if rest.starts_with('{') { group(&lines[index..], at) } else { vec![first_name(rest)] };
            found.extend(names.into_iter().map(|name| ((*number, name), ())));
        }
        if is_root_of_part(file) && !line.starts_with(char::is_whitespace) {
            let above = line.trim_start_matches("pub ").strip_prefix("use super::");
            found.extend(above.map(|rest| ((*number, first_name(rest)), ())));
        }
    }
    found
        .into_keys()
        .map(|(number, of)| Use { part: part.clone(), of, at: format!("{inside}:{number}") })
        .collect()
}

fn follows_name(line: &str, at: usize) -> bool {
    line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

fn first_name(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first names in `crate::{a, b::{c, d}}`, which may go over several lines.
fn group(lines: &[(usize, String)], at: usize) -> Vec<String> {
    let mut text = lines[0].1[at + "crate::".len()..].to_owned();
    for (_, line) in &lines[1..] {
        if text.contains(';') {
            break;
        }
        text.push_str(line);
    }
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (place, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (depth == 1 && matches!(character, '{' | ',')) || depth == 0 {
            names.push(first_name(&text[start..]));
            start = place + 1;
        }
        if depth == 0 {
            break;
        }
    }
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

fn is_root_of_part(file: &Path) -> bool {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let depth = inside.components().count();
    depth == 1 || (depth == 2 && file.ends_with("mod.rs"))
}

/// Where the named crates are used by parts that may not; a part's own tests may.
fn crate_uses(crates: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources("src") {
        let part = part_of(&file);
        if may(&part) || part == "lib" || part == "main" || file.ends_with("tests.rs") {
            continue;
        }
        for (number, line) in code(&file) {
            for name in crates.iter().filter(|name| names_crate(&line, name)) {
                let inside = file.strip_prefix(root()).unwrap().display();
                found.push(format!("{inside}:{number}: {part} may not use {name}"));
            }
        }
    }
    found
}

/// Whether the line has a path that begins with this crate.
fn names_crate(line: &str, name: &str) -> bool {
    let path = format!("{name}::");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn the_reader_of_paths_finds_what_is_there() {
    let lines = |text: &str| -> Vec<(usize, String)> {
        text.lines().enumerate().map(|(number, line)| (number, line.to_owned())).collect()
    };
    let grouped = lines("use crate::{\n    accounts, studies::{self, Study},\n    web::page,\n};");
    assert_eq!(group(&grouped, 4), ["accounts", "studies", "web"]);
    assert_eq!(first_name("sites::{self, Site}"), "sites");
    assert!(names_crate("use axum::Router;", "axum") && names_crate("-> axum::Router", "axum"));
    assert!(!names_crate("use crate::market::Market;", "market") && !names_crate("my_axum::x", "axum"));
}
