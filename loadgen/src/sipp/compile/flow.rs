//! The way of a call through finished steps: which messages are needed later, and how long a chain of optional
//! messages may take.

use super::super::program::{
    Action, Keyword, Kind, Optional, Part, Program, Step, Template, Within,
};

/// Fills in what only the whole program tells.
pub(super) fn follow(program: &mut Program) {
    for place in 0..program.steps.len() {
        let keeps = matches!(program.steps[place].kind, Kind::Recv(_)) && is_needed(program, place);
        let timeout = chain_timeout(program, place);
        if let Kind::Recv(recv) = &mut program.steps[place].kind {
            recv.keeps_message = keeps;
            recv.chain_timeout = timeout;
        }
    }
}

/// Whether a step that a call can reach before the next message looks at the one received here.
fn is_needed(program: &Program, from: usize) -> bool {
    let steps = &program.steps;
    if steps[from].actions.iter().any(looks_back) {
        return true;
    }
    let mut seen = vec![false; steps.len()];
    let mut open = Vec::new();
    leave(&steps[from], from, &mut open);
    while let Some(place) = open.pop() {
        let Some(step) = steps.get(place) else {
            continue;
        };
        if std::mem::replace(&mut seen[place], true) {
            continue;
        }
        let is_recv = matches!(step.kind, Kind::Recv(_));
        let looks = match &step.kind {
            Kind::Send(send) => template_looks_back(&send.template),
            _ => false,
        };
        // The actions of a `recv` see the message that came to it.
        if looks || (!is_recv && step.actions.iter().any(looks_back)) {
            return true;
        }
        match &step.kind {
            // Only when nothing comes.
            Kind::Recv(recv) => {
                open.extend(recv.on_timeout.map(|step| step as usize));
                if recv.optional != Optional::No || step.when.is_some() {
                    open.push(place + 1);
                }
            }
            _ => leave(step, place, &mut open),
        }
        if step.actions.iter().any(jumps) {
            return true;
        }
    }
    false
}

/// Where a call can go from here.
fn leave(step: &Step, place: usize, open: &mut Vec<usize>) {
    open.push(place + 1);
    open.extend(step.next.map(|next| next.step as usize));
    // An optional message may be followed by itself.
    if step.actions.iter().any(jumps) {
        open.push(0);
    }
}

fn jumps(action: &Action) -> bool {
    matches!(action, Action::Jump(_))
}

fn looks_back(action: &Action) -> bool {
    match action {
        Action::Search(search) => !matches!(search.within, Within::Variable(_)),
        Action::VerifyAuth { .. } => true,
        Action::Log(text) | Action::Warning(text) | Action::AssignText(_, text) => {
            template_looks_back(text)
        }
        Action::CompareText { right, .. } => template_looks_back(right),
        _ => false,
    }
}

fn template_looks_back(template: &Template) -> bool {
    template.parts.iter().any(|part| match part {
        Part::Slot(slot) => matches!(
            slot.keyword,
            Keyword::LastHeader(_)
                | Keyword::LastMessage
                | Keyword::LastRequestUri
                | Keyword::LastCseqNumber(_)
        ),
        Part::Text(_) | Part::Body => false,
    })
}

/// The shortest timeout among this step and those that a message may come to instead.
fn chain_timeout(program: &Program, from: usize) -> Option<(u32, u32)> {
    let mut shortest: Option<(u32, u32)> = None;
    for (place, step) in program.steps.iter().enumerate().skip(from) {
        let Kind::Recv(recv) = &step.kind else {
            break;
        };
        if let Some(timeout) = recv.timeout
            && shortest.is_none_or(|(least, _)| timeout < least)
        {
            shortest = Some((timeout, place as u32));
        }
        if recv.optional == Optional::No {
            break;
        }
    }
    shortest
}
