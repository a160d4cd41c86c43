//! The example as a benchmark uses it, whose figures are compared over time.

use std::path::{Path, PathBuf};

/// The tables of the example at the repository's root, with their rows and without anything else, as a manifest in this
/// folder.
pub fn example_of_tables(folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(root.join(file)).expect("the example");
    let mut manifest: toml::Table = read("schema.toml").parse().expect("TOML");
    manifest.retain(|section, _| ["version", "tables", "seeds"].contains(&section));
    for (_, table) in manifest["tables"].as_table_mut().expect("tables") {
        let table = table.as_table_mut().expect("a table");
        table.retain(|key, _| !["triggers", "row_security", "policies"].contains(&key));
    }
    std::fs::create_dir(folder.join("seeds")).expect("a folder");
    std::fs::write(folder.join("seeds/cad_lookup.csv"), read("seeds/cad_lookup.csv"))
        .expect("rows");
    let file = folder.join("schema.toml");
    std::fs::write(&file, manifest.to_string()).expect("a manifest");
    file
}
