//! docs/CONFORMANCE.md: what the run found, as a table that is checked in.

use std::fmt::Write;
use std::path::Path;

use super::run::{CLIENTS, Row};

const HEAD: &str = "\
# What the marketplace answers, seen by two clients

Written by the conformance suite (`market/tests/it/conformance/`); `./dev conformance` runs it and writes this page anew,
and the suite fails when the page says anything else than the run. Every line is one situation, tried through each client
against a running marketplace. *pass* means: the client sent a signed request and understood the answer; the answer fits
the service model that botocore ships (shape, required members, patterns, enumerations, types); kind, code and message of
an error, or the decided members of a success, are as documented. Lines such as *required: …* are made from that
model: one request for each member named, with that constraint broken, past the client's own checks where it has any.
";

/// Compares with the page, or writes it when `WRITE_CONFORMANCE` is set.
pub(super) fn hold_or_write(rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFORMANCE.md");
    let page = page(rows);
    if std::env::var_os("WRITE_CONFORMANCE").is_some() {
        std::fs::write(&path, &page).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(committed.lines()).find(|(new, old)| new != old);
    assert!(
        page == committed,
        "docs/CONFORMANCE.md is not what the run found ({differs:?}): run ./dev conformance"
    );
}

fn page(rows: &[Row]) -> String {
    let operations = rows.chunk_by(|one, two| one.operation == two.operation);
    let mut page = HEAD.to_owned();
    let (lines, count) = (rows.len(), operations.clone().count());
    writeln!(page, "\n{count} operations, {lines} situations, {} clients.", CLIENTS.len()).unwrap();
    for rows in operations {
        writeln!(page, "\n## {}\n\n| situation | answer | {} |", rows[0].operation, CLIENTS.join(" | "))
            .unwrap();
        page.push_str("| --- | --- | --- | --- |\n");
        for row in rows {
            let [one, two] =
                row.problems.each_ref().map(|problems| if problems.is_empty() { "pass" } else { "FAIL" });
            writeln!(page, "| {} | {} | {one} | {two} |", row.situation, row.answer).unwrap();
        }
    }
    page
}
