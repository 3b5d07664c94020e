//! Reading records: of both formats, and with whatever may be missing.

use hdrhistogram::Histogram;
use serde_json::Value;

use crate::load::record;

/// A list of the record; empty when it has none.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A figure by its path. Times of which none was taken are absent, not zero.
pub(super) fn number(value: &Value, path: &str) -> Option<f64> {
    if let Some((times, _)) = path.rsplit_once('/')
        && value
            .pointer(times)
            .is_some_and(|times| times["count"] == 0)
    {
        return None;
    }
    value.pointer(path)?.as_f64()
}

/// The column of a series by name, a value a row.
pub(super) fn column(value: &Value, series: &str, name: &str) -> Vec<Option<f64>> {
    // Records of format 1 have rows of three.
    if let (Some(rows), "series") = (value["seconds"].as_array(), series) {
        let names = ["started", "succeeded", "failed"];
        let at = names.iter().position(|known| *known == name);
        return at.map_or(Vec::new(), |at| {
            rows.iter().map(|row| row[at].as_f64()).collect()
        });
    }
    let values = list(&value[series][name]).iter();
    values.map(Value::as_f64).collect()
}

/// Seconds that a row of a series covers.
pub(super) fn every(value: &Value, series: &str) -> f64 {
    value[series]["every_s"].as_f64().unwrap_or(1.0).max(1.0)
}

/// For how long calls were offered, seconds.
pub(super) fn offered_for(value: &Value) -> Option<f64> {
    Some(value["offered_for_us"].as_f64()? / 1e6)
}

/// Upper bound and count of each bucket that is not empty.
pub(super) fn buckets(times: &Value) -> Vec<(f64, f64)> {
    if let Some(histogram) = record::histogram(times) {
        return steps(&histogram);
    }
    list(&times["buckets"])
        .iter()
        .filter_map(|bucket| Some((bucket[0].as_f64()?, bucket[1].as_f64()?)))
        .collect()
}

pub(super) fn steps(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let steps = histogram.iter_recorded();
    steps
        .map(|step| {
            let count = step.count_since_last_iteration() as f64;
            (step.value_iterated_to() as f64, count)
        })
        .collect()
}

/// The same times of several records as those of one run; `None` unless each has them whole.
pub(super) fn together<'r>(times: impl Iterator<Item = &'r Value>) -> Option<Histogram<u64>> {
    let mut sum: Option<Histogram<u64>> = None;
    for times in times {
        let histogram = record::histogram(times)?;
        match &mut sum {
            None => sum = Some(histogram),
            Some(sum) => sum.add(&histogram).ok()?,
        }
    }
    sum
}
