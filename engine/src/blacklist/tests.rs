use super::change::{read, write};
use super::*;
use script::program::Net;

fn rule(net: &str) -> BlacklistRule {
    let (negated, net) = read_net(net.as_bytes()).unwrap();
    BlacklistRule {
        negated,
        protocol: None,
        net,
        port: None,
        pattern: None,
    }
}

#[test]
fn a_network_is_written_with_a_length_or_a_mask() {
    let read = |text: &str| {
        read_net(text.as_bytes()).map(|(negated, Net { address, prefix })| {
            format!("{}{address}/{prefix}", if negated { "!" } else { "" })
        })
    };
    let good = [
        ("10.1.2.3", "10.1.2.3/32"),
        ("!10.1.2.3/8", "!10.0.0.0/8"),
        ("10.1.2.3/255.255.0.0", "10.1.0.0/16"),
        ("10.1.2.3/0", "0.0.0.0/0"),
        ("10.1.2.3/0.0.0.0", "0.0.0.0/0"),
        ("[2001:db8::1]", "2001:db8::1/128"),
        ("2001:db8::1/32", "2001:db8::/32"),
    ];
    for (text, expected) in good {
        assert_eq!(read(text).as_deref(), Some(expected), "{text}");
    }
    for text in [
        "",
        "!",
        "a.example",
        "10.0.0.0/33",
        "10.0.0.0/255.0.255.0",
        "10.0.0.0/::",
        "::/129",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_letter_says_what_was_changed() {
    let full = BlacklistRule {
        protocol: Some("tcp".to_owned()),
        port: Some(5060),
        pattern: Some(b"*\xff*".to_vec()),
        ..rule("!2001:db8::/32")
    };
    let until_ms = Some(u64::MAX - 1);
    for (rule, what) in [
        (rule("10.0.0.0/8"), What::Remove),
        (rule("10.0.0.0/8"), What::Add { until_ms: None }),
        (full, What::Add { until_ms }),
    ] {
        let change = Change {
            list: 31,
            rule,
            what,
        };
        let bytes = write(&change, b'?');
        let (kind, back) = read(&bytes).unwrap();
        assert_eq!(kind, b'?');
        assert_eq!(format!("{back:?}"), format!("{change:?}"));
        for cut in 0..bytes.len() {
            // A letter cut short never says something else about an address.
            if let Some((_, cut)) = read(&bytes[..cut]) {
                assert_eq!(cut.rule.net, change.rule.net);
            }
        }
    }
}
