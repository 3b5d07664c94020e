//! Which global parameters have an effect, for the warnings of a script that sets others.
//!
//! A parameter belongs here as soon as somebody reads it, and not before.

use script::Effect::{self, Any, Idle, Only};

const PROCESSES: &str = "there are no worker processes: each core runs one shard";
const MEMORY: &str = "memory is not divided here";

/// By today's name; `socket/option` and `alias/option` for what stands behind an address.
#[rustfmt::skip]
pub(crate) const EFFECTS: &[(&str, Effect)] = &[
    // The compiler, the script machine, the proxy core, the resolver.
    ("abort_on_assert", Any), ("check_via", Any), ("disable_stateless_fwd", Any), ("sip_warning", Any),
    ("disable_503_translation", Any), ("disable_dns_failover", Any), ("dst_blacklist", Any), ("dns_try_ipv6", Any),
    ("dns_try_naptr", Any), ("dns_use_search_list", Any), ("enable_asserts", Any), ("exec_dns_threshold", Any), ("exec_msg_threshold", Any), ("log_level", Any), ("max_while_loops", Any),
    ("pv_print_buf_size", Any), ("server_header", Any), ("server_signature", Any), ("user_agent_header", Any),
    ("xlog_buf_size", Any), ("xlog_level", Any), ("xlog_print_level", Any),
    // `listen.rs`, `settings.rs`, `background.rs`, `main.rs`.
    ("advertised_address", Any), ("advertised_port", Any), ("alias", Any), ("auto_aliases", Any), ("chroot", Any), ("debug_mode", Any),
    ("disable_core_dump", Any), ("dns_retr_no", Any), ("dns_retr_time", Any), ("dns_servers_no", Any),
    ("mhomed", Any), ("mcast_loopback", Any), ("mcast_ttl", Any), ("stderror_level_filter", Any), ("stderror_log_format", Any),
    ("syslog_level_filter", Any), ("syslog_log_format", Any), ("socket/tos", Any),
    ("log_prefix", Any), ("log_stderror", Any), ("open_files_limit", Any), ("socket", Any), ("socket/as", Any), ("socket/tag", Any),
    ("stderror_enabled", Any), ("syslog_enabled", Any), ("syslog_facility", Any), ("syslog_name", Any),
    ("tcp_accept_aliases", Any), ("tcp_connect_timeout", Any), ("tcp_connection_lifetime", Any), ("tcp_keepalive", Any), ("tcp_keepcount", Any),
    ("tcp_keepidle", Any), ("tcp_keepinterval", Any), ("tcp_max_connections", Any), ("tcp_no_new_conn_bflag", Any), ("tcp_no_new_conn_rplflag", Any), ("tcp_max_msg_time", Any),
    ("tcp_socket_backlog", Any), ("tcp_workers", Any), ("tos", Any), ("udp_workers", Any), ("wdir", Any),
    // About OpenSIPS's processes, memory and files: there is nothing to lose.
    ("auto_scaling_cycle", Idle(PROCESSES)), ("auto_scaling_profile", Idle(PROCESSES)),
    ("event_pkg_threshold", Idle(MEMORY)), ("event_shm_threshold", Idle(MEMORY)),
    ("log_json_buf_size", Idle(MEMORY)), ("log_msg_buf_size", Idle(MEMORY)), ("log_stdout", Idle("standard output stays open anyway")),
    ("mem-group", Idle(MEMORY)), ("mem_dump", Idle(MEMORY)), ("mem_log", Idle(MEMORY)), ("mem_warming", Idle(MEMORY)),
    ("mem_warming_pattern_file", Idle(MEMORY)), ("mem_warming_percentage", Idle(MEMORY)),
    ("mpath", Idle("modules are part of the program")), ("poll_method", Idle("there is one way, the fastest of this system")),
    ("shm_hash_split_percentage", Idle(MEMORY)), ("shm_memlog_size", Idle(MEMORY)), ("shm_secondary_hash_size", Idle(MEMORY)),
    ("socket/reuse_port", Idle("every UDP socket is opened that way, once a shard")),
    ("socket/use_auto_scaling_profile", Idle(PROCESSES)), ("socket/use_workers", Idle(PROCESSES)),
    ("tcp_parallel_read_on_workers", Idle(PROCESSES)), ("tcp_threads", Idle(PROCESSES)),
    ("timer_workers", Idle("each shard has its own timers")), ("worker_reactor_timeout", Idle(PROCESSES)),
    ("xlog_force_color", Only(0)),
    // What one value of them says happens anyway.
    ("disable_dns_blacklist", Only(1)),
    ("dns", Only(0)), ("log_event_enabled", Only(0)),
    ("query_buffer_size", Only(0)), ("query_flush_time", Only(0)),
    ("rev_dns", Only(0)),
    ("tcp_threshold", Idle("a connection that is not ready is never waited for")),
];
