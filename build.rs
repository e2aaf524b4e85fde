// `migrate!` embeds the folder, so a new file in it must rebuild the crate.
fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
