//! The metrics of RFC 6076 and the terms of RFC 7501, each with a line that says what it is.

use std::fmt::Write as _;

use serde_json::Value;

use super::page::{micros, plain};
use super::read::number;

type Term = (&'static str, &'static str, fn(f64) -> String, &'static str);

const RFC6076: [Term; 12] = [
    (
        "SER",
        "/rfc6076/SER_percent",
        percent,
        "Session Establishment Ratio (§4.6): calls answered with 200, of all that were not redirected",
    ),
    (
        "SEER",
        "/rfc6076/SEER_percent",
        percent,
        "Session Establishment Effectiveness Ratio (§4.7): the same, and 480, 486, 600 and 603 count as success: the called user decided",
    ),
    (
        "ISA",
        "/rfc6076/ISA_percent",
        percent,
        "Ineffective Session Attempts (§4.8): 408, 500, 503, 504 or no final response in time, of all",
    ),
    (
        "SCR",
        "/rfc6076/SCR_percent",
        percent,
        "Session Completion Ratio (§4.9): answered, and ended without a missing response, of all",
    ),
    (
        "SRD, successful, p50",
        "/rfc6076/SRD_successful_us/p50",
        micros,
        "Session Request Delay (§4.3.1): from INVITE to its first status but 100, of calls that were answered",
    ),
    (
        "SRD, successful, p99",
        "/rfc6076/SRD_successful_us/p99",
        micros,
        "the same, 99 % took no longer",
    ),
    (
        "SRD, failed, p50",
        "/rfc6076/SRD_failed_us/p50",
        micros,
        "the same of calls that were rejected (§4.3.2)",
    ),
    (
        "SDD, p50",
        "/rfc6076/SDD_successful_us/p50",
        micros,
        "Session Disconnect Delay (§4.4): from BYE to its 200",
    ),
    (
        "SDD, p99",
        "/rfc6076/SDD_successful_us/p99",
        micros,
        "the same, 99 % took no longer",
    ),
    (
        "SDD, failed",
        "/rfc6076/SDD_failed",
        plain,
        "BYEs that nobody answered in time",
    ),
    (
        "RRD, p50",
        "/rfc6076/RRD_us/p50",
        micros,
        "Registration Request Delay (§4.1): from REGISTER to its 200",
    ),
    (
        "IRA",
        "/rfc6076/IRA_percent",
        percent,
        "Ineffective Registration Attempts (§4.2): rejected for good (a challenge apart) or without an answer, of all",
    ),
];

const RFC7501: [Term; 6] = [
    (
        "Session Attempt Rate",
        "/rfc7501/session_attempt_rate",
        rate,
        "new sessions per second that were asked for",
    ),
    (
        "Session Establishment Rate",
        "/rfc7501/session_establishment_rate",
        rate,
        "of them, answered per second meanwhile",
    ),
    (
        "Session Attempt Failures",
        "/rfc7501/session_attempt_failures",
        plain,
        "sessions that were asked for and not answered",
    ),
    (
        "Registration Rate",
        "/rfc7501/registration_rate",
        rate,
        "registrations per second that were accepted",
    ),
    (
        "Registration Attempt Failures",
        "/rfc7501/registration_attempt_failures",
        plain,
        "registrations that were not",
    ),
    (
        "Establishment Threshold Time",
        "/rfc7501/establishment_threshold_time_us",
        micros,
        "after so long without a final response an attempt has failed",
    ),
];

fn percent(value: f64) -> String {
    format!("{value:.3} %")
}

fn rate(value: f64) -> String {
    format!("{value:.1} /s")
}

pub(super) fn tables(value: &Value) -> String {
    table("After RFC 6076", &RFC6076, value) + &table("After RFC 7501", &RFC7501, value)
}

fn table(title: &str, terms: &[Term], value: &Value) -> String {
    let mut rows = String::new();
    for (name, path, write, meaning) in terms {
        if let Some(figure) = number(value, path) {
            let _ = writeln!(
                rows,
                "<tr><td>{name}</td><td>{}</td><td class=\"text\">{meaning}</td></tr>",
                write(figure)
            );
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!("<h3>{title}</h3>\n<div class=\"wide\"><table>\n{rows}</table></div>\n")
}
