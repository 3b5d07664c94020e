//! Documents in scripts, each case as its log lines.

use expect_test::{Expect, expect};

use super::limits::{BYTES_MAX, DEPTH_MAX, NODES_MAX, TEXT_MAX};
use super::{Documents, Path, Refusal, Size, parse};
use crate::harness::World;
use engine::module::PathText;

/// Runs these statements and shows what they log.
#[track_caller]
fn logs(statements: &str, expected: Expect) {
    let mut world = World::new(&format!(
        "loadmodule \"xml.so\"\nroute {{\n{statements}\n}}"
    ));
    world.udp(2, "OPTIONS sip:192.0.2.1");
    expected.assert_eq(&world.take());
}

#[test]
fn a_document_is_built_and_taken_down() {
    logs(
        r#"
        $xml(my_doc) = "<doc></doc>";
        $xml(my_doc/doc) = "<list></list>";
        $xml(my_doc/doc/list) = "<item>some_value</item>";
        $xml(my_doc/doc/list) = "<item>another_value</item>";
        $xml(my_doc/doc/list/item[1].val) = "new_val";
        $xml(my_doc/doc/list.attr/sort) = "asc";
        xlog("$xml(my_doc)\n");
        xlog("$xml(my_doc/doc/list/item) $xml(my_doc/doc/list/item[1].val) $xml(my_doc/doc/list.attr/sort)\n");
        $xml(my_doc/doc/list.attr/sort) = NULL;
        $xml(my_doc/doc/list/item[1]) = NULL;
        $xml(my_doc/doc/list.val) = "end";
        xlog("$xml(my_doc/doc/list) $xml(my_doc/doc/list.val)\n");
        $xml(my_doc/doc/list.val) = NULL;
        xlog("$xml(my_doc/doc/list) $xml(my_doc/doc/list.val)\n");
        $xml(my_doc) = NULL;
        xlog("$xml(my_doc)\n");
        "#,
        expect![[r#"
            log 2: <doc><list sort="asc"><item>some_value</item><item>new_val</item></list></doc>
            log 2: <item>some_value</item> new_val asc
            log 2: <list><item>some_value</item>end</list> end
            log 2: <list><item>some_value</item></list> <null>
            log 2: <null>
        "#]],
    );
}

#[test]
fn blanks_comments_and_prefixes_stay() {
    logs(
        r#"
        $xml(d) = "<?xml version=\"1.0\"?>\n<!DOCTYPE doc>\n<doc>\n</doc>\n<!-- end -->";
        $xml(d/doc) = "\t<list></list>\n";
        $xml(d/doc/list) = "\n\t\t<item a='&quot;&lt;'></item>\n\t";
        xlog("$xml(d)\n");
        $xml(s) = "<s:Envelope xmlns:s='urn:s'><s:Body s:id='7'>a&amp;b<![CDATA[<c>]]>&#33;</s:Body></s:Envelope>";
        xlog("$xml(s/Envelope/Body.val) $xml(s/s:Envelope/s:Body.attr/id) $xml(s/Envelope/Body.attr/s:id)\n");
        xlog("$xml(s/Envelope/Body)\n");
        $xml(s/Envelope/Body.val) = "<&>\"";
        $xml(s/Envelope/Body.attr/note) = "<&>\"\n";
        $xml(s/Envelope/Body.attr/id) = 8;
        xlog("$xml(s/Envelope/Body) $xml(s/Envelope/Body.val)\n");
        "#,
        expect![[r#"
            log 2: <?xml version="1.0"?>
            <!DOCTYPE doc>
            <doc>
            	<list>
            		<item a="&quot;&lt;"/>
            	</list>
            </doc>
            <!-- end -->
            log 2: a&b<c>! 7 7
            log 2: <s:Body s:id="7">a&amp;b<![CDATA[<c>]]>!</s:Body>
            log 2: <s:Body s:id="8" note="&lt;&amp;&gt;&quot;&#10;">&lt;&amp;&gt;"</s:Body> <&>"
        "#]],
    );
}

#[test]
fn steps_may_be_variables_and_are_one_element_whatever_they_say() {
    logs(
        r#"
        $xml(d) = "<doc><list sort='asc'><item>0</item><item sort='up'>1</item></list><a.val>dots</a.val></doc>";
        $var(list) = "list";
        $var(i) = 1;
        $var(attr) = "sort";
        xlog("$xml(d/doc/$var(list)/item[$var(i)].attr/$var(attr)) $xml(d/doc/$var(list)/item[$var(i)].val)\n");
        xlog("$xml(d/doc/a.val) $xml(d/doc/a.val.val)\n");
        $var(way) = "list/item";
        xlog("$xml(d/doc/$var(way)) ");
        $var(way) = "list.attr/sort";
        xlog("$xml(d/doc/$var(way)) ");
        $var(way) = "a.val";
        xlog("$xml(d/doc/$var(way).val)\n");
        $var(way) = NULL;
        xlog("$xml(d/doc/$var(way))\n");
        $xml(d/doc/$var(list)/item[$var(i)].attr/$var(attr)) = "down";
        xlog("$xml(d/doc/list/item[1])\n");
        "#,
        expect![[r#"
            log 2: up 1
            log 2: <null> dots
            log 2: <null>
            log 2: <null>
            log 2: dots
            log 2: <null>
            log 2: <item sort="down">1</item>
        "#]],
    );
}

#[test]
fn what_is_not_there_is_null_and_cannot_be_assigned() {
    logs(
        r#"
        $xml(d) = "<doc><item/></doc>";
        xlog("$xml(d/other) $xml(d/doc/item[1]) $xml(d/doc/item.val) $xml(d/doc/item.attr/x) $xml(none) $xml(d/doc[1])\n");
        $xml(d/doc/none) = "<a/>"; xlog("$rc\n");
        $xml(d/doc/none.val) = "a"; xlog("$rc\n");
        $xml(d/doc/none) = NULL; xlog("$rc\n");
        $xml(none/doc) = "<a/>"; xlog("$rc\n");
        $xml(none) = NULL; xlog("$rc\n");
        $xml(d/doc/item[-1].val) = "a"; xlog("$rc\n");
        $xml(d/doc/item.attr/1) = "a"; xlog("$rc\n");
        $xml(d/doc/item[0]x) = "a"; xlog("$rc\n");
        $xml(d/doc/item.attr/) = "a"; xlog("$rc\n");
        xlog("$xml(d)\n");
        $xml(d/doc) = NULL;
        xlog("$rc $xml(d)\n");
        "#,
        expect![[r#"
            log 2: <null> <null> <null> <null> <null> <null>
            log 2: $xml(d/doc/none): there is no such place test.cfg:6
            log 1: assignment failed test.cfg:6
            log 2: -1
            log 2: $xml(d/doc/none.val): there is no such place test.cfg:7
            log 1: assignment failed test.cfg:7
            log 2: -1
            log 2: $xml(d/doc/none): there is no such place test.cfg:8
            log 1: assignment failed test.cfg:8
            log 2: -1
            log 2: $xml(none/doc): there is no such place test.cfg:9
            log 1: assignment failed test.cfg:9
            log 2: -1
            log 2: 1
            log -1: $xml(d/doc/item[-1].val): an index is not a number from 0 on test.cfg:11
            log 1: assignment failed test.cfg:11
            log 2: -1
            log -1: $xml(d/doc/item.attr/1): `1` is no name test.cfg:12
            log 1: assignment failed test.cfg:12
            log 2: -1
            log -1: $xml(d/doc/item[0]x): `/`, `.val` or `.attr/` is missing behind `]` test.cfg:13
            log 1: assignment failed test.cfg:13
            log 2: -1
            log -1: $xml(d/doc/item.attr/): the name of the attribute is missing test.cfg:14
            log 1: assignment failed test.cfg:14
            log 2: -1
            log 2: <doc><item/></doc>
            log 2: 1 <null>
        "#]],
    );
}

#[test]
fn only_what_is_well_formed_is_taken() {
    let deep = |n: usize| "<a>".repeat(n) + &"</a>".repeat(n);
    let cases = [
        "",
        "text",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<1/>",
        "<a>&nosuch;</a>",
        "<a b='&nosuch;'/>",
        "<a>&#0;</a>",
        "<a>\u{1}</a>",
        "<a>&</a>",
        "<a><!-- -- --></a>",
        "<a><![CDATA[</a>",
        "<!DOCTYPE a [<!ENTITY l 'ha'><!ENTITY m '&l;&l;'>]><a>&m;</a>",
        "<!DOCTYPE a [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><a>&f;</a>",
        "<a/><!DOCTYPE a>",
        "<a><?xml version='1.0'?></a>",
    ];
    let mut listing = String::new();
    for text in cases {
        let why = match parse(text.as_bytes()) {
            Ok(_) => "is taken".to_owned(),
            Err(why) => why,
        };
        listing += &format!("{}: {why}\n", text.escape_debug());
    }
    expect![[r#"
        : there is no element
        text: text outside of the root (byte 4)
        <a>: `a` is not closed
        <a></b>: ill-formed document: expected `</a>`, but `</b>` was found (byte 7)
        </a>: ill-formed document: close tag `</a>` does not match any open tag (byte 4)
        <a/><b/>: a second root (byte 8)
        <a/>text: text outside of the root (byte 8)
        text<a/>: text outside of the root (byte 4)
        <a b=1/>: position 4: attribute value must be enclosed in `"` or `'` (byte 8)
        <a b=\'1\' b=\'2\'/>: position 8: duplicated attribute, previous declaration at position 2 (byte 16)
        <a b=\'<\'/>: `<` in an attribute (byte 10)
        <1/>: `1` is no name (byte 4)
        <a>&nosuch;</a>: the entity `nosuch` is not known (byte 11)
        <a b=\'&nosuch;\'/>: at 1..7: unrecognized entity `nosuch` (byte 17)
        <a>&#0;</a>: invalid character reference: 0x0 character is not permitted in XML (byte 7)
        <a>\u{1}</a>: a character that XML does not have (byte 4)
        <a>&</a>: ill-formed document: entity or character reference not closed: `;` not found before end of input (byte 4)
        <a><!-- -- --></a>: ill-formed document: forbidden string `--` was found in a comment (byte 14)
        <a><![CDATA[</a>: syntax error: CDATA not closed: `]]>` not found before end of input (byte 16)
        <!DOCTYPE a [<!ENTITY l \'ha\'><!ENTITY m \'&l;&l;\'>]><a>&m;</a>: definitions are not taken (byte 51)
        <!DOCTYPE a [<!ENTITY f SYSTEM \'file:///etc/passwd\'>]><a>&f;</a>: definitions are not taken (byte 54)
        <a/><!DOCTYPE a>: the document type does not stand before the root (byte 16)
        <a><?xml version=\'1.0\'?></a>: the declaration does not stand first (byte 24)
    "#]].assert_eq(&listing);
    assert!(parse(deep(DEPTH_MAX).as_bytes()).is_ok());
    assert_eq!(
        parse(deep(DEPTH_MAX + 1).as_bytes()).unwrap_err(),
        format!(
            "nested deeper than {DEPTH_MAX} (byte {})",
            3 * (DEPTH_MAX + 1)
        )
    );
    assert!(parse(&[b"<a>\xff</a>"[..].to_vec()].concat()).is_err());
    assert!(parse(&vec![b' '; TEXT_MAX + 1]).is_err());
}

fn path(text: &str) -> Path<'_> {
    Path::parse(PathText::new(text.as_bytes())).unwrap()
}

#[test]
fn documents_have_bounds_and_give_back_what_they_took() {
    let mut documents = Documents::default();
    documents.assign(&path("d"), Some(b"<d/>")).unwrap();
    let block = format!("<e f='g'>{}</e>", "x".repeat(100_000));
    let refused = loop {
        if let Err(refused) = documents.assign(&path("d/d"), Some(block.as_bytes())) {
            break refused;
        }
    };
    assert!(matches!(refused, Refusal::Unfit(_)), "{refused:?}");
    assert!(documents.size.bytes > BYTES_MAX - 100_100);
    assert_eq!(documents.size, documents.list[0].1.size());
    let long = vec![b'x'; TEXT_MAX];
    for place in ["d/d/e.attr/f", "d/d/e[2].val"] {
        assert!(documents.assign(&path(place), Some(&long)).is_err());
    }
    for (place, text) in [
        ("d/d/e.attr/f", &b"hij"[..]),
        ("d/d/e[1].val", b""),
        ("d/d/e[2].attr/k", b"l"),
    ] {
        documents.assign(&path(place), Some(text)).unwrap();
        assert_eq!(documents.size, documents.list[0].1.size());
    }
    documents.assign(&path("d/d/e[3]"), None).unwrap();
    documents.assign(&path("d/d/e.attr/f"), None).unwrap();
    assert_eq!(documents.size, documents.list[0].1.size());
    documents.assign(&path("d"), Some(b"<d><e/></d>")).unwrap();
    assert_eq!(documents.size, Size { nodes: 2, bytes: 2 });
    // One within the other until there is no deeper.
    let mut way = String::from("d/d/e");
    let refused = loop {
        if let Err(refused) = documents.assign(&path(&way), Some(b"<e/>")) {
            break refused;
        }
        way += "/e";
    };
    assert_eq!(
        refused,
        Refusal::Unfit(format!("nested deeper than {DEPTH_MAX}"))
    );
    documents.assign(&path("d/d"), None).unwrap();
    assert_eq!(documents.size, Size::default());
    let many = format!("<d>{}</d>", "<e/>".repeat(NODES_MAX));
    assert!(documents.assign(&path("d"), Some(many.as_bytes())).is_err());
    for number in 0..super::DOCUMENTS_MAX {
        documents
            .assign(&path(&format!("d{number}")), Some(b"<d/>"))
            .unwrap();
    }
    assert!(documents.assign(&path("more"), Some(b"<d/>")).is_err());
}

#[test]
fn the_name_of_an_attribute_may_go_over_the_bound_and_nothing_after_it() {
    let mut documents = Documents::default();
    let path = |text: &'static [u8]| Path::parse(PathText::new(text)).unwrap();
    let text = [b"<d>", &vec![b'x'; TEXT_MAX - 7][..], b"</d>"].concat();
    for name in [&b"a"[..], b"b", b"c", b"d"] {
        documents.assign(&path(name), Some(&text)).unwrap();
    }
    assert_eq!(documents.size.bytes, BYTES_MAX - 24);
    let named = path(b"a/d.attr/a-name-that-is-longer-than-what-is-left");
    documents.assign(&named, Some(b"")).unwrap();
    assert!(documents.size.bytes > BYTES_MAX);
    assert!(documents.assign(&named, Some(b"y")).is_err());
    documents.assign(&path(b"b"), None).unwrap();
    documents.assign(&named, Some(b"y")).unwrap();
}

#[test]
fn a_run_that_waits_keeps_its_documents() {
    let mut world = World::new(
        r#"
        loadmodule "xml"
        loadmodule "cfgutils"
        route {
            xlog("$rU finds $xml(d)\n");
            $xml(d) = "<of>" + $rU + "</of>";
            if ($rU == "slow") {
                usleep(500000);
                $xml(d/of.attr/after) = 1;
            }
            xlog("$rU has $xml(d)\n");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:slow@192.0.2.1\nCall-ID: 1");
    world.udp(2, "OPTIONS sip:fast@192.0.2.1\nCall-ID: 2");
    world.wait(600);
    world.udp(2, "OPTIONS sip:last@192.0.2.1\nCall-ID: 3");
    expect![[r#"
        log 2: slow finds <null>
        log 2: fast finds <of>slow</of>
        log 2: fast has <of>fast</of>
        log 2: slow has <of after="1">slow</of>
        log 2: last finds <of after="1">slow</of>
        log 2: last has <of>last</of>
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn garbage_is_refused_or_written_back_the_same() {
    const PARTS: [&str; 18] = [
        "<a>",
        "</a>",
        "<b c='d'>",
        "</b>",
        "<e/>",
        "text",
        "&lt;",
        "&",
        "<",
        ">",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?x y?>",
        " ",
        "'",
        "<!DOCTYPE a>",
    ];
    let mut chance = engine::random::Random::new(1);
    let mut taken = 0;
    for _ in 0..100_000 {
        let count = chance.below(9);
        let text: String = (0..count)
            .map(|_| PARTS[chance.below(PARTS.len() as u32) as usize])
            .collect();
        let Ok(block) = parse(text.as_bytes()) else {
            continue;
        };
        taken += 1;
        let mut once = Vec::new();
        block.write(&mut once);
        let again = parse(&once).unwrap_or_else(|why| panic!("{text}: {why}"));
        let mut twice = Vec::new();
        again.write(&mut twice);
        assert_eq!(once, twice, "{text}");
        assert_eq!(block.size(), again.size(), "{text}");
    }
    assert!(taken > 1_000, "{taken} were taken");
}
