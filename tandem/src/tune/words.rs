//! Numbers, lists and lines as a person reads them.

/// 4194304 is 4,194,304.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest unit that leaves no long fraction.
pub(super) fn bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in units {
        if bytes >= unit {
            let whole = bytes / unit;
            let tenth = bytes % unit * 10 / unit;
            return match tenth {
                0 => format!("{whole} {name}"),
                _ => format!("{whole}.{tenth} {name}"),
            };
        }
    }
    format!("{bytes} bytes")
}

/// Cores as the kernel writes them: `0-3,8`.
pub(super) fn cpu_list(cores: &[usize]) -> String {
    let mut sorted = cores.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for core in sorted {
        match parts.last_mut() {
            Some((_, to)) if *to + 1 == core => *to = core,
            _ => parts.push((core, core)),
        }
    }
    let part = |&(from, to): &(usize, usize)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

/// Cores as `rps_cpus` wants them: hexadecimal, a comma each 32.
pub(super) fn cpu_mask(cores: &[usize]) -> String {
    let words = cores.iter().max().map_or(1, |most| most / 32 + 1);
    let mut mask = vec![0u32; words];
    for core in cores {
        mask[core / 32] |= 1 << (core % 32);
    }
    let mut text = String::new();
    for (index, word) in mask.iter().rev().enumerate() {
        match index {
            0 => text.push_str(&format!("{word:x}")),
            _ => text.push_str(&format!(",{word:08x}")),
        }
    }
    text
}

/// The cores of such a mask.
pub(super) fn cores_of_mask(mask: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for (index, word) in mask.trim().split(',').rev().enumerate() {
        let word = u32::from_str_radix(word, 16).ok()?;
        cores.extend(
            (0..32)
                .filter(|bit| word >> bit & 1 == 1)
                .map(|bit| index * 32 + bit),
        );
    }
    Some(cores)
}

/// `1 core`, `2 cores`.
pub(super) fn count(number: usize, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {one}s"),
    }
}

/// Text in lines of a width, each behind an indentation; the first behind another of the same length.
pub(super) fn wrapped(first: &str, indent: &str, text: &str, width: usize) -> String {
    let mut out = String::from(first);
    let mut used = first.chars().count();
    let mut is_at_start = true;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if !is_at_start && used + 1 + len > width {
            out.push('\n');
            out.push_str(indent);
            used = indent.chars().count();
            is_at_start = true;
        }
        if !is_at_start {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += len;
        is_at_start = false;
    }
    out.push('\n');
    out
}
