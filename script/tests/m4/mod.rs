//! As much of m4 as the stock templates use: `define`, `ifelse`, `divert`, `dnl`, quotes and comments.
//!
//! What a macro stands for is read again, as m4 does it; so the input is a stack of bytes.

use std::collections::HashMap;

/// Renders a template with these switches set to `yes`.
pub(crate) fn render(template: &str, switches: &[&str]) -> String {
    let mut m4 = M4 {
        rest: template.bytes().rev().collect(),
        ..M4::default()
    };
    m4.on = switches.iter().map(|one| (*one).to_owned()).collect();
    let mut out = Vec::new();
    while let Some(piece) = m4.piece() {
        if !m4.diverted {
            out.extend_from_slice(&piece);
        }
    }
    String::from_utf8(out).expect("a template is text")
}

/// The names that a template defines, in order.
pub(crate) fn switches(template: &str) -> Vec<&str> {
    let defined = template
        .lines()
        .filter_map(|line| line.strip_prefix("define(`"));
    defined.filter_map(|rest| rest.split('\'').next()).collect()
}

#[derive(Default)]
struct M4 {
    /// What is still to be read, last byte first.
    rest: Vec<u8>,
    defined: HashMap<String, String>,
    on: Vec<String>,
    diverted: bool,
}

impl M4 {
    /// The next piece of output: a word that is no macro, the inside of quotes, a comment, or one byte.
    fn piece(&mut self) -> Option<Vec<u8>> {
        let byte = self.rest.pop()?;
        match byte {
            b'`' => Some(self.quoted()),
            b'#' => {
                let mut comment = vec![byte];
                while let Some(byte) = self.rest.pop() {
                    comment.push(byte);
                    if byte == b'\n' {
                        break;
                    }
                }
                Some(comment)
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let mut word = vec![byte];
                while let Some(next) = self
                    .rest
                    .pop_if(|b| b.is_ascii_alphanumeric() || *b == b'_')
                {
                    word.push(next);
                }
                let name = String::from_utf8(word).expect("letters");
                Some(self.word(name))
            }
            byte => Some(vec![byte]),
        }
    }

    fn quoted(&mut self) -> Vec<u8> {
        let mut depth = 1;
        let mut inside = Vec::new();
        while let Some(byte) = self.rest.pop() {
            match byte {
                b'`' => depth += 1,
                b'\'' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return inside;
            }
            inside.push(byte);
        }
        panic!("a quote that does not end");
    }

    fn word(&mut self, name: String) -> Vec<u8> {
        let is_called = self.rest.last() == Some(&b'(');
        match name.as_str() {
            "dnl" => while self.rest.pop().is_some_and(|byte| byte != b'\n') {},
            "define" if is_called => {
                let args = self.args();
                let value = match self.on.contains(&args[0]) {
                    true => "yes".to_owned(),
                    false => args[1].clone(),
                };
                self.defined.insert(args[0].clone(), value);
            }
            "divert" if is_called => self.diverted = self.args()[0] == "-1",
            "ifelse" if is_called => {
                let args = self.args();
                let chosen = match args[0] == args[1] {
                    true => args.get(2),
                    false => args.get(3),
                };
                self.rest
                    .extend(chosen.into_iter().flat_map(|text| text.bytes().rev()));
            }
            _ => match self.defined.get(&name) {
                Some(value) => self.rest.extend(value.bytes().rev()),
                None => return name.into_bytes(),
            },
        }
        Vec::new()
    }

    /// The arguments in parentheses: blanks before each are dropped, macros in them are done.
    fn args(&mut self) -> Vec<String> {
        self.rest.pop();
        let mut args = vec![Vec::new()];
        let mut depth = 0;
        loop {
            let arg = args.last_mut().expect("there is one");
            while arg.is_empty()
                && self
                    .rest
                    .pop_if(|byte| byte.is_ascii_whitespace())
                    .is_some()
            {}
            match self.rest.last().expect("arguments end") {
                b',' if depth == 0 => {
                    self.rest.pop();
                    args.push(Vec::new());
                    continue;
                }
                b')' if depth == 0 => {
                    self.rest.pop();
                    return args
                        .into_iter()
                        .map(|arg| String::from_utf8(arg).expect("text"))
                        .collect();
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            let piece = self.piece().expect("arguments end");
            args.last_mut().expect("there is one").extend(piece);
        }
    }
}
