use std::time::Duration;

use engine::{Flow, ShardId, SocketId, Ticket, Transport};
use wire::{Epoll, Events, Interest};

use crate::limits::PARCELS_WAITING_MAX;
use crate::mesh::{Bell, Mesh, Parcel};

const RING: usize = 4;

fn two() -> (Mesh, Mesh, Vec<Bell>) {
    let bells = vec![Bell::new().unwrap(), Bell::new().unwrap()];
    let mut meshes = Mesh::between(&bells, RING);
    let second = meshes.pop().unwrap();
    (meshes.pop().unwrap(), second, bells)
}

/// A parcel that can be told from others.
fn parcel(number: u64) -> Parcel {
    let flow = Flow {
        socket: SocketId(0),
        transport: Transport::Udp,
        remote: "127.0.0.1:5060".parse().unwrap(),
        connection: Default::default(),
    };
    Parcel::SendFailed(Ticket(number), flow)
}

fn taken(mesh: &mut Mesh, from: u16) -> Vec<u64> {
    std::iter::from_fn(|| match mesh.take(ShardId(from))? {
        Parcel::SendFailed(ticket, _) => Some(ticket.0),
        other => panic!("{other:?}"),
    })
    .collect()
}

fn rings(bell: &Bell) -> bool {
    let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
    epoll.add(bell.doorbell(), 0, Interest::READ).unwrap();
    epoll.wait(&mut events, Duration::ZERO).unwrap();
    !events.is_empty()
}

#[test]
fn parcels_arrive_in_order_at_the_right_shard() {
    let bells: Vec<Bell> = (0..3).map(|_| Bell::new().unwrap()).collect();
    let mut meshes = Mesh::between(&bells, RING);
    meshes[0].give(ShardId(2), parcel(1)).unwrap();
    meshes[1].give(ShardId(2), parcel(2)).unwrap();
    meshes[0].give(ShardId(2), parcel(3)).unwrap();
    assert!(meshes[2].has_parcels() && !meshes[1].has_parcels());
    assert_eq!(taken(&mut meshes[2], 0), [1, 3]);
    assert_eq!(taken(&mut meshes[2], 1), [2]);
    assert_eq!(
        meshes[1].others().collect::<Vec<_>>(),
        [ShardId(0), ShardId(2)]
    );
}

#[test]
fn a_full_ring_refuses_what_may_get_lost_and_keeps_the_rest_in_order() {
    let (mut here, mut there, _bells) = two();
    for number in 0..RING as u64 {
        here.offer(ShardId(1), parcel(number)).unwrap();
    }
    assert!(here.offer(ShardId(1), parcel(99)).is_err());
    assert!(!here.is_congested());
    here.give(ShardId(1), parcel(4)).unwrap();
    here.give(ShardId(1), parcel(5)).unwrap();
    assert!(here.is_congested());
    assert_eq!(taken(&mut there, 0), [0, 1, 2, 3]);
    // Room in the ring, but others wait already: no overtaking.
    assert!(here.offer(ShardId(1), parcel(98)).is_err());
    here.flush();
    assert!(!here.is_congested());
    assert_eq!(taken(&mut there, 0), [4, 5]);
}

#[test]
fn what_waits_is_bounded() {
    let (mut here, _there, _bells) = two();
    for number in 0..(RING + PARCELS_WAITING_MAX) as u64 {
        here.give(ShardId(1), parcel(number)).unwrap();
    }
    assert!(here.give(ShardId(1), parcel(0)).is_err());
}

#[test]
fn a_sleeper_is_rung_once_a_batch_and_nobody_else_ever() {
    let (mut here, there, bells) = two();
    here.give(ShardId(1), parcel(1)).unwrap();
    here.flush();
    assert!(!rings(&bells[1]), "it is awake");
    bells[1].fall_asleep();
    here.give(ShardId(1), parcel(2)).unwrap();
    assert!(!rings(&bells[1]), "the batch is not over");
    here.flush();
    assert!(rings(&bells[1]));
    bells[1].doorbell().answer();
    here.give(ShardId(1), parcel(3)).unwrap();
    here.flush();
    assert!(!rings(&bells[1]), "it was rung already");
    bells[0].fall_asleep();
    here.flush();
    assert!(!rings(&bells[0]));
    drop(there);
}

#[test]
fn no_wake_up_is_lost_between_two_threads() {
    const PARCELS: u64 = 20_000;
    let (mut here, mut there, bells) = two();
    let thread = std::thread::Builder::new()
        .spawn(move || {
            let bell = &bells[1];
            let (epoll, mut events) = (Epoll::new().unwrap(), Events::new());
            epoll.add(bell.doorbell(), 0, Interest::READ).unwrap();
            let mut count = 0;
            while count < PARCELS {
                count += taken(&mut there, 0).len() as u64;
                bell.fall_asleep();
                if !there.has_parcels() && count < PARCELS {
                    // A lost wake-up would wait all of it.
                    epoll.wait(&mut events, Duration::from_secs(5)).unwrap();
                    assert!(!events.is_empty(), "a wake-up was lost after {count}");
                    bell.doorbell().answer();
                }
                bell.wake_up();
            }
        })
        .unwrap();
    let mut sent = 0;
    while sent < PARCELS {
        if here.offer(ShardId(1), parcel(sent)).is_ok() {
            sent += 1;
        } else {
            std::thread::yield_now();
        }
        here.flush();
    }
    thread.join().unwrap();
}
