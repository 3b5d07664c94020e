//! `uuid`: identifiers that nobody else makes (RFC 9562).
//!
//! Each shard counts for itself: a node of its own, drawn when it starts, keeps the time-based identifiers of two shards
//! apart. Chance is the engine's; it goes through a hash, so that an identifier says nothing about what else is minted.

use ::uuid::{Builder, Uuid as Id};
use engine::module::{Args, Context, Exports, Kind, Module, Routes, Shape, Verdict};
use engine::run::Reading;
use md5::Md5;
use sha1::{Digest, Sha1};

/// The module.
#[derive(Debug, Default)]
pub(crate) struct Uuid {
    /// Who makes time-based identifiers here.
    node: [u8; 6],
    /// Starts anew with each start, should the clock have gone back meanwhile.
    sequence: u16,
    /// 100 nanoseconds since 1582-10-15 of the last one.
    last: u64,
}

impl Module for Uuid {
    const NAME: &'static str = "uuid";

    fn new() -> Self {
        Uuid::default()
    }

    fn exports(exports: &mut Exports<Self>) {
        let args = [
            Kind::Output,
            Kind::Int.optional().check(|version| match version {
                b"0" | b"1" | b"3" | b"4" | b"5" => Ok(()),
                _ => Err(format!(
                    "`{}` is no version; there are 0, 1, 3, 4 and 5",
                    version.escape_ascii()
                )),
            }),
            Kind::Str.optional(),
            Kind::Str.optional(),
        ];
        exports.function("uuid", &args, Routes::ALL, Self::make);
        exports.variable("uuid", Shape::PLAIN, |_, cx, _, out| {
            Reading::text(text(random(cx), &mut Id::encode_buffer()), out)
        });
        exports.difference(
            "The node of a version 1 identifier is drawn by chance for each shard (RFC 9562, section 6.10), no address \
             of the machine; no two shards make the same, so the function never returns 2.",
        );
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        let chance = *random(cx).as_bytes();
        self.node.copy_from_slice(&chance[10..]);
        // RFC 9562 §6.10: the multicast bit tells it from an address.
        self.node[0] |= 1;
        self.sequence = u16::from_be_bytes([chance[0], chance[1]]) & 0x3fff;
        Ok(())
    }
}

impl Uuid {
    /// 1: assigned. -1: no such version, or versions 3 and 5 without a namespace that is a UUID, or without a name.
    fn make(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let id = match args.int(1) {
            0 | 4 => random(cx),
            1 => self.of_time(cx),
            version @ (3 | 5) => {
                // Only the form of RFC 9562 §4, none of those with braces or `urn:`.
                let namespace = args.maybe_str(2).filter(|text| text.len() == TEXT_LEN);
                let namespace = namespace.and_then(|text| Id::try_parse_ascii(text).ok());
                let (Some(namespace), Some(name)) = (namespace, args.maybe_str(3)) else {
                    cx.log_error(format_args!(
                        "uuid: version {version} needs a namespace that is a UUID, and a name"
                    ));
                    return Verdict::FAIL;
                };
                of_name(version, namespace, name)
            }
            version => {
                cx.log_error(format_args!("uuid: there is no version {version}"));
                return Verdict::FAIL;
            }
        };
        args.set(0, text(id, &mut Id::encode_buffer()));
        Verdict::OK
    }

    /// RFC 9562 §5.1. What is asked for in one moment gets the next moments.
    fn of_time(&mut self, cx: &Context<'_>) -> Id {
        /// 100 nanoseconds from 1582-10-15 to 1970-01-01.
        const EPOCH: u64 = 0x01b2_1dd2_1381_4000;
        let now = EPOCH + cx.now.unix_us * 10;
        self.last = now.max(self.last + 1);
        Builder::from_gregorian_timestamp(self.last, self.sequence, &self.node).into_uuid()
    }
}

/// Bytes of the text of an identifier.
const TEXT_LEN: usize = 36;

/// RFC 9562 §5.3 and §5.5.
fn of_name(version: i32, namespace: Id, name: &[u8]) -> Id {
    if version == 3 {
        let hash = Md5::new().chain_update(namespace).chain_update(name);
        return Builder::from_md5_bytes(hash.finalize().into()).into_uuid();
    }
    let hash = Sha1::new().chain_update(namespace).chain_update(name);
    Builder::from_sha1_bytes(first_16(&hash.finalize())).into_uuid()
}

/// RFC 9562 §5.4.
fn random(cx: &mut Context<'_>) -> Id {
    let chance = [cx.core.random.next_u64(), cx.core.random.next_u64()];
    let mut hash = Sha1::new();
    for number in chance {
        hash.update(number.to_be_bytes());
    }
    Builder::from_random_bytes(first_16(&hash.finalize())).into_uuid()
}

fn first_16(hash: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes
}

fn text(id: Id, buffer: &mut [u8]) -> &[u8] {
    id.hyphenated().encode_lower(buffer).as_bytes()
}

#[cfg(test)]
mod tests {
    use crate::harness::{World, complaints};
    use expect_test::expect;

    #[test]
    fn names_and_times_have_their_identifiers() {
        let mut world = World::new(
            r#"
            loadmodule "uuid"
            route {
                # RFC 9562, appendix A.2 and A.4.
                uuid($var(id), 3, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com");
                xlog("$rc $var(id)\n");
                uuid($var(id), 5, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com");
                xlog("$rc $var(id)\n");
                uuid($var(id), 1);
                xlog("$rc $(var(id){s.substr,0,18}) $(var(id){s.len})\n");
                uuid($var(other), 1);
                xlog("$rc $(var(other){s.substr,0,18})\n");
                if ($(var(id){s.select,4,-}) == $(var(other){s.select,4,-})) xlog("one node\n");
            }
            "#,
        );
        world.udp(2, "OPTIONS sip:192.0.2.1");
        expect![[r#"
            log 2: 1 5df41881-3aed-3515-88a7-2f4a814cf09e
            log 2: 1 2ed6657d-e927-568b-95e1-2665a8aea6a2
            log 2: 1 04afc000-833b-11ee 36
            log 2: 1 04afc001-833b-11ee
            log 2: one node
        "#]]
        .assert_eq(&world.take());
    }

    #[test]
    fn random_ones_are_all_different_and_of_version_4() {
        let script = r#"
            loadmodule "uuid"
            route {
                uuid($var(a));
                uuid($var(b), 4);
                uuid($var(c), 0);
                xlog("$var(a) $var(b) $var(c) $uuid $uuid\n");
            }
        "#;
        let mut world = World::of_shards(script, 2);
        let mut seen = std::collections::BTreeSet::new();
        for call in 0..40 {
            world.udp(2, &format!("OPTIONS sip:192.0.2.1\nCall-ID: {call}"));
        }
        let logged = world.take();
        for id in logged.split_whitespace().filter(|word| word.len() == 36) {
            assert!(seen.insert(id), "{id} again");
            let bytes = id.as_bytes();
            assert!(bytes[14] == b'4' && b"89ab".contains(&bytes[19]), "{id}");
        }
        assert_eq!(seen.len(), 200);
    }

    #[test]
    fn what_makes_no_identifier_is_refused() {
        let mut world = World::new(
            r#"
            loadmodule "uuid"
            route {
                $var(v) = 2;
                uuid($var(id), $var(v)); xlog("$rc $var(id)\n");
                uuid($var(id), 3); xlog("$rc $var(id)\n");
                uuid($var(id), 5, "no uuid", "name"); xlog("$rc $var(id)\n");
                uuid($var(id), 5, "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "name"); xlog("$rc $var(id)\n");
                uuid($var(id), 5, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"); xlog("$rc $var(id)\n");
            }
            "#,
        );
        world.udp(2, "OPTIONS sip:192.0.2.1");
        expect![[r#"
            log -1: uuid: there is no version 2 test.cfg:5
            log 2: -1 0
            log -1: uuid: version 3 needs a namespace that is a UUID, and a name test.cfg:6
            log 2: -1 0
            log -1: uuid: version 5 needs a namespace that is a UUID, and a name test.cfg:7
            log 2: -1 0
            log -1: uuid: version 5 needs a namespace that is a UUID, and a name test.cfg:8
            log 2: -1 0
            log -1: uuid: version 5 needs a namespace that is a UUID, and a name test.cfg:9
            log 2: -1 0
        "#]]
        .assert_eq(&world.take());
        expect![[r#"
            parse error in test.cfg:2:23-24: parameter 2 of `uuid`: `2` is no version; there are 0, 1, 3, 4 and 5
            1 error
        "#]].assert_eq(&complaints(
            "loadmodule \"uuid\"\nroute { uuid($var(x), 2); }",
        ));
    }
}
