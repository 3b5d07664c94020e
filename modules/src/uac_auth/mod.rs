//! `uac_auth`: credentials, and the answers to digest challenges that others ask it for (RFC 3261 §22, RFC 8760).
//!
//! Has no functions of its own: `uac` and others call [`UacAuth::answer`] through the context. Its credentials are copied:
//! every shard reads them from the script.

mod digest;

use engine::module::{Context, Exports, Kind, Module, ParamValue};
use engine::run::NameId;
use parser::Challenge;

use digest::Login;
pub(crate) use digest::{Algorithms, Asked, Question};

/// Credentials that a script may list.
const CREDENTIALS_MAX: usize = 4_096;

/// The module.
#[derive(Debug, Default)]
pub(crate) struct UacAuth {
    credentials: Vec<Credential>,
    username_avp: String,
    realm_avp: String,
    password_avp: String,
    avps: Option<Avps>,
}

#[derive(Debug)]
struct Credential {
    user: Vec<u8>,
    realm: Vec<u8>,
    password: Vec<u8>,
}

/// Where a script keeps the credentials of the request in hand.
#[derive(Clone, Copy, Debug)]
struct Avps {
    username: NameId,
    realm: NameId,
    password: NameId,
}

impl Module for UacAuth {
    const NAME: &'static str = "uac_auth";

    fn new() -> Self {
        UacAuth::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.difference(
            "MD5, SHA-256 and SHA-512-256, each with `-sess`; qop `auth`, `auth-int` where nothing else is offered, or none. At most 4,096 credentials. The three AVP parameters are set together, and count where the realm is the same.",
        );
        exports.param_list("credential", Kind::Str, Self::add_credential);
        exports.param("auth_username_avp", Kind::Str, |auth, value| {
            avp(&mut auth.username_avp, value)
        });
        exports.param("auth_realm_avp", Kind::Str, |auth, value| {
            avp(&mut auth.realm_avp, value)
        });
        exports.param("auth_password_avp", Kind::Str, |auth, value| {
            avp(&mut auth.password_avp, value)
        });
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        let names = [&self.username_avp, &self.realm_avp, &self.password_avp];
        match names.iter().filter(|name| name.is_empty()).count() {
            0 => {
                self.avps = Some(Avps {
                    username: cx.avp_name(&self.username_avp)?,
                    realm: cx.avp_name(&self.realm_avp)?,
                    password: cx.avp_name(&self.password_avp)?,
                });
                Ok(())
            }
            3 => Ok(()),
            _ => Err(
                "auth_username_avp, auth_realm_avp and auth_password_avp belong together: \
                      set all of them or none"
                    .to_owned(),
            ),
        }
    }
}

fn avp(field: &mut String, value: ParamValue<'_>) -> Result<(), String> {
    value.avp()?;
    value.text().clone_into(field);
    Ok(())
}

impl UacAuth {
    /// `user:realm:password`. The password may hold colons.
    fn add_credential(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        let parts: Vec<&str> = value.text().splitn(3, ':').collect();
        let &[user, realm, password] = parts.as_slice() else {
            return Err("not user:realm:password".to_owned());
        };
        if user.is_empty() || realm.is_empty() {
            return Err("user and realm must not be empty: user:realm:password".to_owned());
        }
        if self.credentials.len() >= CREDENTIALS_MAX {
            return Err(format!("more than {CREDENTIALS_MAX} credentials"));
        }
        self.credentials.push(Credential {
            user: user.into(),
            realm: realm.into(),
            password: password.into(),
        });
        Ok(())
    }

    /// Whether there is anything to answer a challenge of this realm with.
    pub(crate) fn knows(&self, cx: &Context<'_>, realm: &[u8]) -> bool {
        self.with_login(cx, realm, |_| ()).is_some()
    }

    /// Appends `Digest username=...` for this question. `count` is how often its nonce has been used, this time included; a
    /// `cnonce` that was used with it may be given again. `None`: nobody is known in that realm.
    pub(crate) fn answer(
        &self,
        cx: &mut Context<'_>,
        question: &Question<'_>,
        asked: &Asked<'_>,
        (cnonce, count): (Option<&[u8]>, u32),
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let fresh = format!("{:016x}", cx.core.random.next_u64());
        let cnonce = cnonce.unwrap_or(fresh.as_bytes());
        self.with_login(cx, question.realm, |login| {
            question.answer(login, asked, cnonce, count, out);
        })
    }

    /// The attributes of the request in hand come first, then what the script lists.
    fn with_login<R>(
        &self,
        cx: &Context<'_>,
        realm: &[u8],
        work: impl FnOnce(Login<'_>) -> R,
    ) -> Option<R> {
        if let Some(names) = self.avps {
            let avps = &cx.scene.avps;
            let text = |name| {
                let mut text = Vec::new();
                avps.get(name)?.write(&mut text);
                Some(text)
            };
            if let (Some(user), Some(own), Some(password)) = (
                text(names.username),
                text(names.realm),
                text(names.password),
            ) && *own == *realm
            {
                return Some(work(Login {
                    user: &user,
                    password: &password,
                }));
            }
        }
        let found = self.credentials.iter().find(|one| one.realm == realm)?;
        Some(work(Login {
            user: &found.user,
            password: &found.password,
        }))
    }
}

/// Reads one value of WWW-Authenticate or Proxy-Authenticate, or the answer to one.
pub(crate) fn read(value: &[u8]) -> Option<Challenge<'_>> {
    Challenge::parse(value).ok()
}
