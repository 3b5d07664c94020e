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
fn loopback_has_no_queues_and_a_long_name_is_nobody() {
    use crate::ethtool::{Device, device};
    assert_eq!(device("lo"), Device::default());
    assert_eq!(device("a-name-that-is-much-too-long"), Device::default());
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

#[test]
fn the_route_to_this_host_begins_on_it() {
    let source = |to: &str| host::source_towards(to.parse().unwrap());
    assert_eq!(source("127.0.0.1:5060"), Some([127, 0, 0, 1].into()));
    assert_eq!(source("[::1]:5060"), "::1".parse().ok());
}

#[test]
fn an_address_of_the_hosts_file_has_its_name() {
    let name = host::name_of([127, 0, 0, 1].into());
    assert_eq!(name.as_deref(), Some("localhost"));
}
