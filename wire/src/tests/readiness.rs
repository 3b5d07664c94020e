use std::time::{Duration, Instant};

use crate::{Doorbell, Epoll, Events, Interest};

#[test]
fn a_doorbell_wakes_from_another_thread_and_is_silent_after_the_answer() {
    let (epoll, bell, mut events) = (
        Epoll::new().unwrap(),
        Doorbell::new().unwrap(),
        Events::new(),
    );
    epoll.add(&bell, 7, Interest::READ).unwrap();
    let ringer = bell.clone();
    let thread = std::thread::Builder::new().spawn(move || {
        ringer.ring();
        ringer.ring();
    });
    epoll.wait(&mut events, Duration::from_secs(2)).unwrap();
    assert_eq!(
        events.iter().map(|event| event.token).collect::<Vec<_>>(),
        [7]
    );
    thread.unwrap().join().unwrap();
    bell.answer();
    epoll.wait(&mut events, Duration::ZERO).unwrap();
    assert!(events.is_empty());
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the wait is what is measured")]
fn a_wait_is_never_shorter_than_asked() {
    let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
    let before = Instant::now();
    epoll
        .wait(&mut events, Duration::from_micros(1_200))
        .unwrap();
    assert!(before.elapsed() >= Duration::from_micros(1_200));
}

#[test]
fn one_set_can_stand_in_another_and_be_switched_off() {
    let (outer, inner, mut events) = (Epoll::new().unwrap(), Epoll::new().unwrap(), Events::new());
    let bell = Doorbell::new().unwrap();
    inner.add(&bell, 1, Interest::READ).unwrap();
    outer.add(&inner, 2, Interest::READ).unwrap();
    bell.ring();
    outer.wait(&mut events, Duration::from_secs(2)).unwrap();
    assert_eq!(events.get(0).map(|event| event.token), Some(2));
    outer.modify(&inner, 2, Interest::NOTHING).unwrap();
    outer.wait(&mut events, Duration::ZERO).unwrap();
    assert!(events.is_empty());
}
