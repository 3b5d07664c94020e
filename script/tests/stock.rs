//! The stock configurations, every option by itself and all at once: as OpenSIPS's names know them, each compiles but
//! for the defects that the templates really have.

mod m4;

use std::path::Path;

use expect_test::{Expect, expect};
use script::known::Everything;
use script::{InMemory, Options, compile};

const RESIDENTIAL: &str = include_str!("../testdata/stock/residential.m4");
const TRUNKING: &str = include_str!("../testdata/stock/trunking.m4");
const LOADBALANCER: &str = include_str!("../testdata/stock/loadbalancer.m4");

/// Compiles the template with no switch, with each, and with all; says what does not compile.
fn check(template: &str, expected: Expect) {
    let all = m4::switches(template);
    let mut variants: Vec<Vec<&str>> = vec![Vec::new()];
    variants.extend(all.iter().map(|one| vec![*one]));
    variants.push(all);
    let mut text = format!("{} variants\n", variants.len());
    for switches in variants {
        let rendered = m4::render(template, &switches);
        let path = Path::new("stock.cfg");
        let mut loader = InMemory::new(path.to_owned(), rendered);
        if let Err(found) = compile(path, &mut loader, &mut Everything, &Options::default()) {
            text.push_str(&format!("{}:\n{found}", switches.join(" ")));
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn residential() {
    check(
        RESIDENTIAL,
        expect![[r#"
        18 variants
        HAVE_INBOUND_PSTN:
        parse error in stock.cfg:70:55-58: `$sp` is read-only, not writable
           68 | 	t_check_trans();
           69 |
           70 | 	if (!(is_method("REGISTER")  || ($si==11.22.33.44 && $sp=5060))) {
              | 	                                                     ^~~ `=` assigns; did you mean `==`?
           71 | 		if (is_myself("$fd")) {
           72 | 		} else if (!is_myself("$rd")) {
        1 error
        HAVE_OUTBOUND_PSTN:
        parse error in stock.cfg:114:24-31: bare word `GATEWAY`
          112 |
          113 | 	if ($rU=~"^\+[1-9][0-9]+$") {
          114 | 		$rd = "11.22.33.44"; GATEWAY
              | 		                     ^~~~~~~ a function is called with parentheses: `name()`
          115 | 		$rp = 5060;
          116 | 		route(relay);
        1 error
    "#]],
    );
}

#[test]
fn trunking() {
    check(
        TRUNKING,
        expect![[r#"
        9 variants
        DO_CALL_LIMITATION:
        parse error in stock.cfg:100:3-19: `get_profile_size` is not offered by any loaded module
           98 |
           99 | 	if ($avp(trunk_attrs)!=NULL) {
          100 | 		get_profile_size("trunkCalls", "$si", $var(size));
              | 		^~~~~~~~~~~~~~~~ it is a function of module dialog: add loadmodule "dialog.so"
          101 | 		if ($(var(size){s.int}) >= $(avp(trunk_attrs){s.int})) {
          102 | 			send_reply(486, "Busy Here");
        parse error in stock.cfg:106:2-17: `set_dlg_profile` is not offered by any loaded module
          104 | 		}
          105 | 	}
          106 | 	set_dlg_profile("trunkCalls", "$si");
              | 	^~~~~~~~~~~~~~~ it is a function of module dialog: add loadmodule "dialog.so"
          107 |
          108 | 	if (!do_routing(1)) {
        2 errors
    "#]],
    );
}

#[test]
fn load_balancer() {
    check(
        LOADBALANCER,
        expect![[r#"
        8 variants
    "#]],
    );
}

#[test]
fn any_two_options_of_the_residential_script_go_together_unless_they_show_its_defects() {
    let all = m4::switches(RESIDENTIAL);
    for (index, one) in all.iter().enumerate() {
        for other in &all[index + 1..] {
            let pair = [*one, *other];
            let has = |name: &str| pair.contains(&name);
            let is_defect =
                (has("HAVE_INBOUND_PSTN") || has("HAVE_OUTBOUND_PSTN")) && !has("USE_DR_PSTN");
            let path = Path::new("stock.cfg");
            let mut loader = InMemory::new(path.to_owned(), m4::render(RESIDENTIAL, &pair));
            let found = compile(path, &mut loader, &mut Everything, &Options::default());
            assert_eq!(found.is_err(), is_defect, "{pair:?}: {:?}", found.err());
        }
    }
}
