//! Records in, parts of pages out.

use expect_test::expect;

use super::{page, parse};

const GOOD: &str = r#"{"format":1,"good":true,"objections":[],"remarks":["late"],"rate":100.0,"started":200,"succeeded":200,
"failed":0,"causes":{},"seconds":[[100,90,0],[100,110,0]],"times_us":{"setup (200)":{"count":2,"buckets":[[150,1],[3000,1]]},
"post-dial delay (18x)":{"count":0,"p50":0,"buckets":[]}},"server_cpu":{"us_per_call":20.0},"machine":{"cpu":"A<B","governor":""},"command":"x & y"}"#;
const BAD: &str = r#"{"format":1,"good":false,"objections":["1 of 200 failed, 0 were allowed"],"started":200,"failed":1,
"causes":{"rejected with 503":1},"server_cpu":{"us_per_call":50.0}}"#;

#[test]
fn the_verdict_says_why() {
    let bad = parse("a<b".to_owned(), BAD).unwrap();
    let good = parse("fine".to_owned(), GOOD).unwrap();
    expect![[r#"
        <section class="bad"><b>FAILED</b> a&lt;b<br>1 of 200 failed, 0 were allowed</section>
        <section class="good"><b>passed</b> fine<br>note: late</section>
    "#]]
    .assert_eq(&(page::verdict(&bad) + &page::verdict(&good)));
}

#[test]
fn causes_are_a_table() {
    let bad = parse("bad".to_owned(), BAD).unwrap();
    expect![[r#"
        <table><tr><th>cause</th><th>calls</th></tr>
        <tr><td>rejected with 503</td><td>1</td></tr>
        </table>
    "#]]
    .assert_eq(&page::causes(&bad.value));
}

#[test]
fn what_is_not_recorded_is_not_said_to_be_good() {
    let told = |text: &str| page::causes(&parse(String::new(), text).unwrap().value);
    assert!(told(r#"{"format":2}"#).contains("not recorded"));
    assert!(told(r#"{"format":2,"causes":{}}"#).contains("No call failed"));
}

#[test]
fn records_are_compared_and_what_is_absent_is_not_zero() {
    let records =
        [("a", GOOD), ("b", BAD)].map(|(name, text)| parse(name.to_owned(), text).unwrap());
    let table = page::figures(&records);
    assert!(table.contains("<td>20.00</td><td>50.00 <span class=\"no\">×2.50</span></td>"));
    assert!(table.contains("<td>post-dial delay p50</td><td class=\"no\">not measured</td>"));
    assert!(table.contains("<td>succeeded</td><td>200</td><td class=\"no\">not measured</td>"));
}

#[test]
fn a_page_fetches_nothing_and_has_its_charts() {
    let page = page::page(&[parse("good".to_owned(), GOOD).unwrap()]);
    assert!(!page.contains("http") && !page.contains("src=") && !page.contains("NaN"));
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(
        page.contains("A&lt;B") && page.contains("not offered here") && page.contains("x &amp; y")
    );
}

#[test]
fn what_is_no_record_of_this_format_is_refused() {
    let refused = |text: &str| parse(String::new(), text).unwrap_err();
    assert_eq!(
        refused(r#"{"format":9}"#),
        "a record of format 9, known are 1 to 2"
    );
    assert_eq!(refused("{}"), "no record: it has no `format`");
}
