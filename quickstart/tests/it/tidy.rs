//! The rules that the compiler does not check: who may import whom, who may name a table, what a file
//! begins with and how long it may get.
//!
//! **Invariant:** a rule that ARCHITECTURE.md states and the code breaks fails here, by file and line.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules of the marketplace by rank: a module imports lower ranks only.
const RANKS: [&[&str]; 12] = [
    &["schema"],
    &["db", "clock", "config", "failpoint", "files", "keys"],
    &["identity", "progress"],
    &["consent", "ledger"],
    &["answers", "archive", "epochs", "lake"],
    &["ingest", "catalog", "rewards"],
    &["trade", "campaigns"],
    &["data_campaigns", "delivery", "live", "subscriptions"],
    &["audit", "erasure", "questions"],
    &["app"],
    &["api", "web", "jobs"],
    &["commands", "main"],
];

/// Lines a file may have, tests included, before it needs a boundary inside.
const FILE_LINES_MAX: usize = 450;

#[test]
fn modules_of_the_marketplace_import_lower_ranks_only() {
    let mut broken = Vec::new();
    for (file, text) in sources("marketplace/src") {
        let Some(module) = module_of(&file) else { continue };
        for (line, imported) in imports(&text) {
            if imported != module && rank(&imported) >= rank(&module) {
                broken.push(format!("{}:{line}: {module} imports {imported}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn crates_depend_in_one_direction() {
    #[rustfmt::skip] // a table is read by column
    let allowed: [(&str, &[&str]); 5] = [
        ("telematics",  &[]),
        ("zk",          &["telematics"]),
        ("proto",       &["telematics"]),
        ("edge-agent",  &["telematics", "zk", "proto"]),
        ("marketplace", &["telematics", "zk", "proto"]),
    ];
    let ours = ["telematics", "zk", "proto", "edge-agent", "marketplace", "quickstart"];
    for (name, may) in allowed {
        let manifest = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
        for dependency in ours {
            let declared = manifest.lines().any(|line| line.starts_with(&format!("{dependency}.")));
            assert!(!declared || may.contains(&dependency), "{name} depends on {dependency}");
        }
    }
    for banned in ["tokio", "diesel", "tonic", "actix-web"] {
        let manifest = fs::read_to_string(root().join("telematics/Cargo.toml")).unwrap();
        assert!(!manifest.contains(banned), "telematics depends on {banned}");
    }
}

#[test]
fn a_table_is_named_by_its_owner_only() {
    let mut owners = Vec::new();
    for folder in fs::read_dir(root().join("migrations/sqlite")).unwrap() {
        let folder = folder.unwrap();
        let sql = fs::read_to_string(folder.path().join("up.sql")).unwrap();
        // Whoever was named last owns the tables that follow.
        let mut owner = None;
        for line in sql.lines() {
            if let Some((_, said)) = line.split_once("marketplace::") {
                owner = words(said).next().map(str::to_owned);
            }
            if let Some(table) = line.strip_prefix("CREATE TABLE ") {
                let owner = owner.clone().unwrap_or_else(|| panic!("nobody owns {line}"));
                owners.push((table.trim_end_matches(" (").to_owned(), owner));
            }
        }
        assert!(owner.is_some(), "{folder:?} names no owner");
    }
    assert!(owners.len() > 15, "found only {} tables", owners.len());

    let mut broken = Vec::new();
    for (file, text) in sources("marketplace/src") {
        let Some(module) = module_of(&file) else { continue };
        for (table, owner) in &owners {
            let named = text.contains(&format!("schema::{table}"))
                || text.lines().any(|line| {
                    line.starts_with("use crate::schema::")
                        && words(line).any(|word| word == *table)
                });
            let queries = file.iter().any(|part| part == "queries" || part == "queries.rs");
            let at_home = module == *owner && queries || module == "schema";
            if named && !at_home {
                broken.push(format!("{}: names {table} of {owner}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_file_says_what_it_owns() {
    for (file, text) in every_source() {
        assert!(text.starts_with("//! "), "{} does not begin with //!", file.display());
    }
}

#[test]
fn no_file_outgrows_its_readers() {
    for (file, text) in every_source() {
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", file.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    for (file, text) in every_source() {
        for word in ["TODO", "FIXME", "unimplemented!", "todo!("] {
            let here = file.ends_with("tidy.rs");
            assert!(here || !text.contains(word), "{} says {word}", file.display());
        }
    }
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| {
        let mut names: Vec<_> = fs::read_dir(root().join("migrations").join(engine))
            .unwrap()
            .map(|folder| folder.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn every_source() -> Vec<(PathBuf, String)> {
    ["telematics", "zk", "proto", "edge-agent", "marketplace", "quickstart"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

/// Every Rust file below a folder of the repository, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// The top module that a file of the marketplace belongs to.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("marketplace/src")).ok()?;
    let first = inside.iter().next()?.to_str()?;
    let module = first.trim_end_matches(".rs");
    (module != "lib").then(|| module.to_owned())
}

fn rank(module: &str) -> usize {
    let found = RANKS.iter().position(|rank| rank.contains(&module));
    found.unwrap_or_else(|| panic!("module {module} has no rank"))
}

/// The modules that `crate::…` paths of a file name, with their lines. Tests may look anywhere.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code_lines = code.lines().enumerate().filter(|(_, line)| !line.trim().starts_with("//"));
    let mut found = Vec::new();
    for (index, line) in code_lines {
        for rest in line.split("crate::").skip(1) {
            let names = match rest.strip_prefix('{') {
                Some(list) => words(list).map(str::to_owned).collect(),
                None => words(rest).take(1).map(str::to_owned).collect::<Vec<_>>(),
            };
            let modules = names.into_iter().filter(|name| RANKS.concat().contains(&name.as_str()));
            found.extend(modules.map(|name| (index + 1, name)));
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
