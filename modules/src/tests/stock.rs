//! The stock configurations against the modules of this build, every option by itself and all at once: each loads, or
//! names exactly the modules that are still to come.

#[path = "../../../script/tests/m4/mod.rs"]
mod m4;

use std::collections::BTreeSet;
use std::path::Path;

use expect_test::{Expect, expect};
use script::{InMemory, Options};

const RESIDENTIAL: &str = include_str!("../../../script/testdata/stock/residential.m4");
const TRUNKING: &str = include_str!("../../../script/testdata/stock/trunking.m4");
const LOADBALANCER: &str = include_str!("../../../script/testdata/stock/loadbalancer.m4");

/// A line a variant: the modules that are not offered, then whatever else is wrong.
fn check(template: &str, expected: Expect) {
    let all = m4::switches(template);
    let mut variants: Vec<(&str, Vec<&str>)> = vec![("nothing", Vec::new())];
    variants.extend(all.iter().map(|one| (*one, vec![*one])));
    variants.push(("everything", all));
    let mut text = String::new();
    for (title, switches) in variants {
        let rendered = m4::render(template, &switches);
        text.push_str(&format!("{title}: {}\n", standing(&rendered)));
    }
    expected.assert_eq(&text);
}

fn standing(script: &str) -> String {
    let path = Path::new("stock.cfg");
    let mut loader = InMemory::new(path.to_owned(), script);
    let found = match crate::registry().compile(path, &mut loader, &Options::default()) {
        Ok(_) => return "loads".to_owned(),
        Err(found) => found,
    };
    let mut missing = BTreeSet::new();
    let mut other = Vec::new();
    for one in &found.list {
        let module = one
            .reason
            .strip_suffix("is a module of OpenSIPS that Tandem does not offer yet");
        match module {
            Some(module) => drop(missing.insert(module.trim().trim_matches('`').to_owned())),
            None => {
                let line = script
                    .lines()
                    .nth(one.line as usize - 1)
                    .unwrap_or_default();
                other.push(format!("\n    {} in `{}`", one.reason, line.trim()));
            }
        }
    }
    let missing: Vec<_> = missing.into_iter().collect();
    match missing.is_empty() {
        true => format!("refused{}", other.concat()),
        false => format!("needs {}{}", missing.join(" "), other.concat()),
    }
}

#[test]
fn residential() {
    check(
        RESIDENTIAL,
        expect![[r#"
        nothing: loads
        ENABLE_TCP: loads
        ENABLE_TLS: needs proto_tls tls_mgm tls_wolfssl
        USE_ALIASES: needs alias_db db_mysql
        USE_AUTH: needs auth auth_db db_mysql
        USE_DBACC: needs db_mysql
            `db_url` is a parameter of module acc that Tandem does not offer yet in `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "failed");`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db");`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "missed");`
        USE_DBUSRLOC: needs db_mysql
            parameter `working_mode_preset` of module usrloc: `single-instance-sql-write-back` is not offered yet, only `single-instance-no-db`: contacts live in memory in `modparam("usrloc", "working_mode_preset", "single-instance-sql-write-back")`
            `db_url` is a parameter of module usrloc that Tandem does not offer yet in `modparam("usrloc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
        USE_DIALOG: needs db_mysql dialog
        USE_MULTIDOMAIN: needs db_mysql domain
        USE_NAT: needs nathelper rtpproxy
        USE_PRESENCE: needs db_mysql presence presence_xml xcap
        USE_DIALPLAN: needs db_mysql dialplan
        VM_DIVERSION: loads
        HAVE_INBOUND_PSTN: refused
            `$sp` is read-only, not writable in `if (!(is_method("REGISTER")  || ($si==11.22.33.44 && $sp=5060))) {`
        HAVE_OUTBOUND_PSTN: refused
            bare word `GATEWAY` in `$rd = "11.22.33.44"; GATEWAY`
        USE_DR_PSTN: needs db_mysql drouting
        USE_HTTP_MANAGEMENT_INTERFACE: needs httpd mi_http
        everything: needs alias_db auth auth_db db_mysql dialog dialplan domain drouting httpd mi_http nathelper presence presence_xml proto_tls rtpproxy tls_mgm tls_wolfssl xcap
            parameter `working_mode_preset` of module usrloc: `single-instance-sql-write-back` is not offered yet, only `single-instance-no-db`: contacts live in memory in `modparam("usrloc", "working_mode_preset", "single-instance-sql-write-back")`
            `db_url` is a parameter of module usrloc that Tandem does not offer yet in `modparam("usrloc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            `db_url` is a parameter of module acc that Tandem does not offer yet in `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "failed");`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db");`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "missed");`
            `acc_db_request` is a function of module acc that Tandem does not offer yet in `acc_db_request("200 Dialog Timeout", "acc");`
    "#]],
    );
}

#[test]
fn trunking() {
    check(
        TRUNKING,
        expect![[r#"
            nothing: needs db_mysql drouting sqlops
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            ENABLE_TCP: needs db_mysql drouting sqlops
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            ENABLE_TLS: needs db_mysql drouting proto_tls sqlops tls_mgm tls_wolfssl
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            USE_DBACC: needs db_mysql drouting sqlops
                `db_url` is a parameter of module acc that Tandem does not offer yet in `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
                parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "failed");`
                parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db");`
            USE_DIALPLAN: needs db_mysql dialplan drouting sqlops
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            USE_DIALOG: needs db_mysql dialog drouting sqlops
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            DO_CALL_LIMITATION: needs db_mysql drouting sqlops
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
                `get_profile_size` is not offered by any loaded module in `get_profile_size("trunkCalls", "$si", $var(size));`
                `set_dlg_profile` is not offered by any loaded module in `set_dlg_profile("trunkCalls", "$si");`
            USE_HTTP_MANAGEMENT_INTERFACE: needs db_mysql drouting httpd mi_http sqlops
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            everything: needs db_mysql dialog dialplan drouting httpd mi_http proto_tls sqlops tls_mgm tls_wolfssl
                `db_url` is a parameter of module acc that Tandem does not offer yet in `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
                parameter `db_url` of module permissions: `db_url` needs SQL, which is not built yet; `address_file` names a file with the rows in `modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
                parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "failed");`
                parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db");`
                `acc_db_request` is a function of module acc that Tandem does not offer yet in `acc_db_request("200 Dialog Timeout", "acc");`
        "#]],
    );
}

#[test]
fn load_balancer() {
    check(
        LOADBALANCER,
        expect![[r#"
        nothing: needs db_mysql dialog load_balancer sqlops
        ENABLE_TCP: needs db_mysql dialog load_balancer sqlops
        ENABLE_TLS: needs db_mysql dialog load_balancer proto_tls sqlops tls_mgm tls_wolfssl
        USE_DBACC: needs db_mysql dialog load_balancer sqlops
            `db_url` is a parameter of module acc that Tandem does not offer yet in `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "failed");`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db");`
            `acc_db_request` is a function of module acc that Tandem does not offer yet in `acc_db_request("200 Dialog Timeout", "acc");`
        USE_DISPATCHER: needs db_mysql dispatcher
        DISABLE_PINGING: needs db_mysql dialog load_balancer sqlops
        USE_HTTP_MANAGEMENT_INTERFACE: needs db_mysql dialog httpd load_balancer mi_http sqlops
        everything: needs db_mysql dispatcher httpd mi_http proto_tls tls_mgm tls_wolfssl
            `db_url` is a parameter of module acc that Tandem does not offer yet in `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db", "failed");`
            parameter 1 of `do_accounting`: accounting to `db` is not offered yet, only `log` in `do_accounting("db");`
    "#]],
    );
}
