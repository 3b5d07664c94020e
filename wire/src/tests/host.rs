use std::net::{IpAddr, Ipv4Addr};

use crate::host;

#[test]
fn loopback_is_an_address_and_link_local_is_not() {
    let addresses = host::addresses().unwrap();
    assert!(
        addresses
            .iter()
            .any(|one| one.address == IpAddr::V4(Ipv4Addr::LOCALHOST)),
        "{addresses:?}"
    );
    assert!(
        !addresses
            .iter()
            .any(|one| matches!(one.address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
    );
}

#[test]
fn there_is_a_core() {
    assert!(!host::cores().is_empty());
}

#[test]
fn the_probe_leaves_no_descriptor_behind() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let _ = host::probe_io_uring();
    let before = open();
    for _ in 0..100 {
        let _ = host::probe_io_uring();
    }
    // Other tests of this process open and close some meanwhile.
    assert!(open() < before + 90);
}
