//! `docs/opensips.md` tells what is offered, and nothing else.

use crate::harness::compile;

const DOCS: &str = include_str!("../../../docs/opensips.md");

#[test]
fn every_name_that_is_offered_stands_in_the_docs() {
    let registry = crate::registry();
    let script: String = registry
        .names()
        .map(|name| format!("loadmodule \"{name}\"\n"))
        .collect();
    let catalog = compile(&(script + "route { exit; }")).unwrap().catalog;
    let functions = catalog
        .functions()
        .iter()
        .map(|row| (&row.module, row.name.clone()));
    let params = catalog
        .params()
        .iter()
        .map(|row| (&row.module, row.name.clone()));
    let variables = catalog
        .variables()
        .iter()
        .map(|row| (&row.module, format!("${}", row.name)));
    let core = "core".to_owned();
    let transformations = catalog
        .transformations()
        .iter()
        .map(|row| (&core, format!("{{{}.{}}}", row.class, row.name)));
    for (module, name) in functions
        .chain(params)
        .chain(variables)
        .chain(transformations)
    {
        let section = DOCS
            .split("\n## ")
            .find(|section| section.starts_with(&format!("{module}\n")));
        let section = section.unwrap_or_else(|| panic!("{module} has no section"));
        let is_refused = [("acc", "db_url"), ("acc", "aaa_url")].contains(&(module, &name));
        let offered = section.lines().filter_map(|row| row.split('|').nth(2));
        let is_told = offered
            .into_iter()
            .any(|cell| cell.contains(&format!("`{name}`")));
        assert!(is_told != is_refused, "{module}: {name}");
    }
}
