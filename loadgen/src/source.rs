//! A text that an operator wrote, and how to say where in it something is wrong.

/// A file as it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'t> {
    pub(crate) name: &'t str,
    pub(crate) text: &'t str,
}

impl Source<'_> {
    /// `file:line:column: what`, and the line itself with a mark under `width` bytes from byte `at` on.
    pub(crate) fn fault(&self, at: usize, width: usize, what: &str) -> String {
        let at = at.min(self.text.len());
        let before = &self.text.as_bytes()[..at];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        let whole = self.text[start..].lines().next().unwrap_or_default();
        let column = String::from_utf8_lossy(&before[start..]).chars().count();
        let width = width.clamp(1, whole.chars().count().saturating_sub(column).max(1));
        let (blank, mark) = (" ".repeat(column), "^".repeat(width));
        let column = column + 1;
        format!(
            "{}:{line}:{column}: {what}\n{line:>5} | {whole}\n      | {blank}{mark}",
            self.name
        )
    }
}
