//! Who registers.

use expect_test::{Expect, expect};

use super::super::people::{People, Person, list, pattern};
use super::command_line::plan;
use crate::source::Source;

fn reads(text: &str) -> Result<People, String> {
    let name = "users.csv";
    list(&Source { name, text })
}

fn refused(text: &str, expected: Expect) {
    expected.assert_eq(&format!("{}\n", reads(text).unwrap_err()));
}

fn person(user: &str, login: Option<(&str, &str)>) -> Person {
    Person {
        user: user.to_owned(),
        login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
    }
}

#[test]
fn a_list_has_a_password_or_a_login_a_user() {
    let people =
        reads("user,password,login\n# comment\nalice,a\nbob ; b,c ; robert\ncarol\n").unwrap();
    assert_eq!(
        people.of_thread(0, 1, 100, None),
        [
            person("alice", Some(("", "a"))),
            person("bob", Some(("robert", "b,c"))),
            person("carol", None)
        ]
    );
    let second: Vec<_> = people.of_thread(1, 2, 100, None);
    assert_eq!(second, [person("bob", Some(("robert", "b,c")))]);
}

#[test]
fn a_list_that_is_wrong_says_where() {
    refused(
        "alice,a\nalice,b\n",
        expect![[r#"
            users.csv:2:1: this user stands in the list twice
                2 | alice,b
                  | ^^^^^^^
        "#]],
    );
    refused(
        "alice,a,b,c\n",
        expect![[r#"
            users.csv:1:1: expected user,password[,login]
                1 | alice,a,b,c
                  | ^^^^^^^^^^^
        "#]],
    );
    refused(
        "# nobody\n",
        expect![[r#"
            users.csv:1:1: there is no user in it
                1 | # nobody
                  | ^
        "#]],
    );
}

#[test]
fn a_pattern_numbers_all_threads_together() {
    let login = ("l{}".to_owned(), "p{:03}".to_owned());
    let people = pattern("alice{:04}").unwrap();
    assert_eq!(
        people.of_thread(1, 2, 5, Some(&login)),
        [
            person("alice0001", Some(("l1", "p001"))),
            person("alice0003", Some(("l3", "p003")))
        ]
    );
    for wrong in ["alice", "{}{}", "{:x}", "{:099}"] {
        assert!(pattern(wrong).is_err(), "{wrong}");
    }
    let error = plan("call 127.0.0.1 --user-pattern a{}").unwrap_err();
    assert!(error.contains("`register`"), "{error}");
}
