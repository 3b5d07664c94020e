//! What a shard counts of its own work. The engine counts SIP; this is bytes, hops and losses.

/// Declares the counters once: fields, names for operators, addition.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one shard, or their sum.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Name and value, in the order of the manual.
            pub fn list(&self) -> [(&'static str, u64); [$(stringify!($name)),*].len()] {
                [$((stringify!($name), self.$name)),*]
            }

            /// Adds another shard's.
            pub fn add(&mut self, other: &Counters) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Datagrams received.
    datagrams_received,
    /// Datagrams sent.
    datagrams_sent,
    /// Calls of `recvmmsg` that brought something: received / batches is the size of a batch.
    receive_batches,
    /// Calls of `sendmmsg` that took something.
    send_batches,
    /// Walks of what was sent through the kernel: a run of equal sizes to one peer is one (`gso` of the profile).
    datagram_runs,
    /// Messages given to the shard that owns them: the hops of the mesh.
    handovers,
    /// Messages got from the shard that received them.
    handovers_received,
    /// Letters between modules, sent.
    letters,
    /// Wake-ups of this shard by its doorbell.
    wakeups,
    /// Pauses in which datagrams were left to gather.
    pauses,
    /// Datagrams for another shard dropped because its ring was full.
    dropped_ring_full,
    /// Parcels other than datagrams lost because too many waited.
    lost_ring_full,
    /// Datagrams dropped because the send buffer stayed full.
    dropped_send_buffer,
    /// Datagrams that could not be sent: no route, too large.
    send_errors,
    /// Destinations reported unreachable by ICMP.
    unreachable,
    /// Datagrams larger than a message can be, or from no address.
    dropped_unreadable,
    /// Keep-alive datagrams: nothing but CRLF or NUL.
    keepalives,
    /// Connections accepted.
    connections_accepted,
    /// Connections opened.
    connections_opened,
    /// Connections that could not be opened.
    connections_failed,
    /// Connections refused because there are too many.
    connections_refused,
    /// Connections that have ended.
    connections_closed,
    /// Connections that sent what cannot be framed.
    framing_lost,
    /// Messages received by connections.
    stream_messages_received,
    /// Messages sent by connections.
    stream_messages_sent,
    /// Messages not sent because the peer reads too slowly.
    write_queue_full,
    /// Times that reading connections paused for a full ring.
    stream_pauses,
    /// DNS questions asked, repetitions included.
    dns_questions,
    /// DNS questions without an answer.
    dns_failures,
    /// Answers of management commands that came for nobody.
    late_answers,
    /// Lines of log dropped because too many came at once.
    log_lines_dropped,
    /// Messages written to the quarantine.
    quarantined,
}
