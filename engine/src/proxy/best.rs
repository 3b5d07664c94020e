//! The best response: RFC 3261 §16.7 step 6.

/// What one branch ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The branch.
    pub branch: u8,
    /// Its final status code, 300 or more.
    pub code: u16,
}

/// Which of them goes back to the caller. Any 6xx before all others, unless the operator makes them failures like
/// any other; else the lowest class, and among 4xx those that tell the caller how to ask again. Equals: the first that
/// ended in the order of branches.
pub(super) fn choose(
    outcomes: impl Iterator<Item = Outcome>,
    a_6xx_decides: bool,
) -> Option<Outcome> {
    let rank = |code: u16| match code {
        600.. if !a_6xx_decides => 6000 + code,
        code => rank(code),
    };
    outcomes.min_by_key(|outcome| (rank(outcome.code), outcome.branch))
}

/// Lower is better.
fn rank(code: u16) -> u16 {
    match code {
        600..=699 => code - 600,
        300..=399 => 1000 + code,
        // §16.7: these give the caller a reason to resubmit.
        401 | 407 => 2000,
        415 | 420 | 484 => 2001,
        // Somebody is there and said no; better than "nobody answered".
        400..=407 | 409..=477 | 479..=486 | 488..=499 => 3000,
        // Made by us or by our own CANCEL: they say the least.
        487 => 3001,
        408 => 3002,
        // A server that answers at all before one that is overloaded: RFC 3261 §16.7 step 6.
        503 => 5001,
        // Of that one nobody said anything at all.
        478 => 5002,
        _ => 5000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn best(codes: &[u16], expected: u16) {
        let outcomes = codes
            .iter()
            .zip(0..)
            .map(|(&code, branch)| Outcome { branch, code });
        assert_eq!(
            choose(outcomes, true).map(|outcome| outcome.code),
            Some(expected),
            "{codes:?}"
        );
    }

    #[test]
    fn any_6xx_wins() {
        best(&[302, 404, 603], 603);
        best(&[606, 600], 600);
    }

    #[test]
    fn or_is_the_last_class_of_all_where_the_operator_wants_it() {
        let outcomes =
            [(0, 603), (1, 503), (2, 600)].map(|(branch, code)| Outcome { branch, code });
        let best = |from: usize| choose(outcomes[from..].iter().copied(), false);
        assert_eq!(best(0).map(|outcome| outcome.code), Some(503));
        assert_eq!(best(2).map(|outcome| outcome.code), Some(600));
    }

    #[test]
    fn then_the_lowest_class() {
        best(&[503, 404, 302], 302);
        best(&[500, 486], 486);
    }

    #[test]
    fn among_4xx_those_that_say_how_to_ask_again() {
        best(&[404, 407, 486], 407);
        best(&[486, 484], 484);
        best(&[408, 480], 480);
        best(&[408, 487], 487);
    }

    #[test]
    fn a_503_only_when_there_is_nothing_else() {
        best(&[503, 500], 500);
        best(&[503, 503], 503);
    }

    #[test]
    fn what_leads_nowhere_says_the_least() {
        best(&[478, 486], 486);
        best(&[478, 500, 503], 500);
        best(&[478, 503], 503);
        best(&[478, 408], 408);
        best(&[478], 478);
    }

    #[test]
    fn of_equals_the_first() {
        let outcomes = [
            Outcome {
                branch: 1,
                code: 486,
            },
            Outcome {
                branch: 0,
                code: 404,
            },
        ];
        assert_eq!(
            choose(outcomes.into_iter(), true),
            Some(Outcome {
                branch: 0,
                code: 404
            })
        );
        assert_eq!(choose(std::iter::empty(), true), None);
    }
}
