//! Who registers: numbered users, names after a pattern, or a list from a file.

use std::collections::HashSet;
use std::sync::Arc;

use crate::phone::Login;
use crate::phone::limits::REGISTRATIONS_MAX;
use crate::source::Source;

/// The digits a pattern may ask for.
const WIDTH_MAX: usize = 20;

/// One user, and what answers his challenges when he has a login of his own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) user: String,
    pub(super) login: Option<(String, String)>,
}

impl Person {
    /// As a phone wants it.
    pub(super) fn login(&self) -> Option<Login> {
        let (user, password) = self.login.clone()?;
        Some(Login { user, password })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum People {
    /// `user0-0` and so on, each thread its own.
    #[default]
    Numbered,
    /// All threads share the numbers.
    Named(String),
    Listed(Arc<[Person]>),
}

impl People {
    /// The users of one thread; `users` is how many there are where no list says it, `login` what all have.
    pub(super) fn of_thread(
        &self,
        thread: usize,
        threads: usize,
        users: u64,
        login: Option<&(String, String)>,
    ) -> Vec<Person> {
        let (threads, thread) = (threads as u64, thread as u64);
        match self {
            People::Numbered => (0..users)
                .map(|number| Person {
                    user: format!("user{thread}-{number}"),
                    login: None,
                })
                .collect(),
            People::Named(pattern) => (thread..users)
                .step_by(threads as usize)
                .map(|number| Person {
                    user: fill(pattern, number),
                    login: login
                        .map(|(user, password)| (fill(user, number), fill(password, number))),
                })
                .collect(),
            People::Listed(people) => people
                .iter()
                .skip(thread as usize)
                .step_by(threads as usize)
                .cloned()
                .collect(),
        }
    }
}

/// A pattern of names: `{}` is the number, `{:06}` the number with zeros in front.
pub(super) fn pattern(word: &str) -> Result<People, &'static str> {
    match place(word) {
        Some(_) if word.matches('{').count() == 1 => Ok(People::Named(word.to_owned())),
        _ => Err("a name with one `{}` for the number, or `{:06}`, as alice{}"),
    }
}

/// Puts a number where the pattern wants it; a text without `{}` stays what it is.
pub(super) fn fill(pattern: &str, number: u64) -> String {
    match place(pattern) {
        Some((start, end, width)) => {
            format!("{}{number:0width$}{}", &pattern[..start], &pattern[end..])
        }
        None => pattern.to_owned(),
    }
}

/// Where the number stands in a pattern, and how many digits it has at least.
fn place(pattern: &str) -> Option<(usize, usize, usize)> {
    let start = pattern.find('{')?;
    let end = start + pattern[start..].find('}')? + 1;
    let inner = &pattern[start + 1..end - 1];
    let width = match inner.strip_prefix(":0") {
        Some(width) => width.parse().ok().filter(|&width| width <= WIDTH_MAX)?,
        None if inner.is_empty() => 0,
        None => return None,
    };
    Some((start, end, width))
}

/// `user,password` or `user,password,login` a line, or with `;` between them. What follows a `#` in the first place
/// is a comment; a first line that begins with `user` names the columns.
pub(super) fn list(source: &Source<'_>) -> Result<People, String> {
    let mut people = Vec::new();
    let mut known = HashSet::new();
    let mut start = 0;
    for (number, line) in source.text.split_inclusive('\n').enumerate() {
        let at = start;
        start += line.len();
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |what: &str| source.fault(at, line.len(), what);
        if line.contains('"') {
            return Err(fault("quotes have no meaning here: user,password[,login]"));
        }
        let separator = if line.contains(';') { ';' } else { ',' };
        let columns: Vec<&str> = line.split(separator).map(str::trim).collect();
        let (user, password, login) = match columns[..] {
            ["user", ..] if number == 0 => continue,
            [user] => (user, None, ""),
            [user, password] => (user, Some(password), ""),
            [user, password, login] => (user, Some(password), login),
            _ => return Err(fault("expected user,password[,login]")),
        };
        if user.is_empty() {
            return Err(fault("the user is empty"));
        }
        if !known.insert(user) {
            return Err(fault("this user stands in the list twice"));
        }
        if people.len() == REGISTRATIONS_MAX {
            return Err(fault(&format!("more than {REGISTRATIONS_MAX} users")));
        }
        people.push(Person {
            user: user.to_owned(),
            login: password.map(|password| (login.to_owned(), password.to_owned())),
        });
    }
    if people.is_empty() {
        return Err(source.fault(0, 1, "there is no user in it"));
    }
    Ok(People::Listed(people.into()))
}
