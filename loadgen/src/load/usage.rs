//! What `--help` says: all of it, or what one verb does, with examples that run as they stand.

use super::plan::Scenario;

pub(super) const USAGE: &str = "\
tandem-loadgen: places SIP calls and registrations on schedule, and accounts for every one.

  tandem-loadgen call     TARGET [options]   INVITE, 180, 200, ACK, hold, BYE
  tandem-loadgen register TARGET [options]   REGISTER, again and again, for --users users
  tandem-loadgen options  TARGET [options]   OPTIONS
  tandem-loadgen message  TARGET [options]   MESSAGE, to the answering side or --to
  tandem-loadgen mix FILE TARGET [options]   several of these at once, as FILE says (docs/load-generator.md); options
                                             after FILE replace what it says of the run
  tandem-loadgen connections TARGET [options]   opens TCP connections and keeps them by CRLF (RFC 5626)
  tandem-loadgen uas             [options]   only the answering side, until SIGINT or --duration
  tandem-loadgen sipp -sf FILE HOST:PORT     runs a SIPp scenario file; `sipp -h` has its own options
  tandem-loadgen report RECORD.json... -o FILE.html   draws records that --json wrote; several are compared
  tandem-loadgen index DIR [--check]         writes the table of the records in DIR into its README.md
  tandem-loadgen forward  TARGET [options]   the null server: moves datagrams, reads nothing; yardstick for others
  tandem-loadgen baseline        [options]   generator to generator, without a server: what it can drive itself
  tandem-loadgen find     TARGET [options]   the highest rate that TARGET holds, after RFC 7502
  tandem-loadgen compare  TARGET [TARGET] [options]   two servers by turns, and what A is of B

`tandem-loadgen VERB --help` shows what a verb does, with examples; docs/load-generator.md what each figure means.

TARGET is the server's address, as 192.0.2.1:5060. UDP. The answering side of `call` lives in the same
process and thread, on sockets of its own; Request-URIs name its addresses (--callee direct), or users
that it registered before (--callee register), or --to names somebody else.

Load
  --rate N            starts per second                                   [100]
  --duration T        how long to start: 500ms, 60s, 10m                  [10s]
  --calls N           stop starting after so many
  --arrivals even|poisson                                                 [even]
  --ramp T            the rate grows evenly from nothing for so long      [0s]
  --burst N           so many start together, at the same rate            [1]
  --seed N            same seed, same calls                               [from the clock]
Calls (T: fixed `3s`, uniform `1s-5s`, exponential with that mean `~3s`, `lognormal:MEAN:SIGMA` with SIGMA the
deviation of the logarithm, or `@FILE` with a time a line, drawn from at random; P: `0.05` or `5%`)
  --hold T            from answer to BYE                                  [0s]
  --ring T            from INVITE to answer, on the answering side        [0s]
  --callee-hangs-up T the answering side says BYE, so long after the ACK
  --callee-hangs-up-share P   it does so in this share of calls; the others last --hold
  --cancel T          gives up so long after the INVITE, if it is not answered by then
  --cancel-share P    gives up this share of calls only
  --patience T        gives up any other call that is not answered so long after the INVITE
  --reinvite T        sends a re-INVITE so long after the answer
  --reinvite-share P  in this share of calls only
  --reject CODE       the answering side rejects
  --reject-share P    it rejects this share of calls (without --reject: with 486)
  --no-answer         the answering side rings on
  --held N            so many calls stand at once: they come at --rate, stand together for --stay, and go in the
                      order they came; the result says what a held call takes in memory, on each side
  --stay T            how long all of them stand                          [10s]
  --no-answer-share P it rings on in this share of calls; needs --patience
  --accept CODE       a final response that is no failure (repeatable)
  --sdp offer|late|none   the caller offers, the answering side does (the ACK answers), or nobody   [offer]
  --trying            the answering side sends 100 as well
  --unrouted          no route sets, as SIPp's built-in scenarios: ACK and BYE repeat the first Request-URI
Parties
  --callee direct|register                                                [direct]
  --to URI            calls (or asks) this; `{}` becomes 0 to --users less 1
  --users N           users called, or registered                         [100]
  --domain D          of From and of registrations                        [TARGET's host]
  --expires N         seconds a registration asks for                     [3600]
  --refresh           `register`: every user once, and again before it expires, until --duration is over
  --body TEXT         what MESSAGE says                                   [hello]
  --user-pattern P    `register`: users after a pattern, `alice{}` or `alice{:06}`; --user and --password likewise
  --users-file FILE   `register`: user,password[,login] a line
  --fresh-nonce       `register`: answers no challenge twice (else the last one again, with the next nc)
  --user U --password P   answers digest challenges; without --user, as whoever asks
  --local IP          where the generator's sockets are                   [the loopback of TARGET's family]
  --sources N         sockets (ports) on the calling side                 [4]
  --answer-sources N  sockets on the answering side                       [4]
  --ports N           both of them
  --trunk             one address and port on each side: --ports 1
  --addresses N       so many addresses from --local (or --listen) on, with as many sockets each     [1]
  --listen IP:PORT    where to answer; --answer-sources count up from PORT. `forward`: where callers send to;
                      its TARGET is the answering side, as many sockets as callers (--unrouted there)
Connections
  --count N           how many of them                                    [1000]
  --keep-alive T      CRLF CRLF every 80 to 100 % of this                 [30s]
  --pong T            how long the answer to it may take                  [10s]
Process
  --threads N         each with its own callers and answerers             [1]
  --core N            pins the first thread to this core, the next to the next
  --linger T          how long finished transactions absorb retransmissions [5s]
  --gather TIME       let datagrams gather so long before they are looked at; lateness counts in every time
                      from the intended start, and the generator costs far less (default 0, 10ms at most)
  --no-retransmit     nothing is sent again: a lost datagram is a failed call
  --drop-every N      `forward` withholds one datagram in N and says which: a server with a known fault
  --gso               `forward` sends neighbours of one size as runs (UDP_SEGMENT); all others do it anyway
  --drain T           how long to wait at the end for what is open        [35s after the longest planned session]
  --no-check          skips the full verdict on received messages
Searching (`find`, `compare` without --rate, `baseline` without --rate; a probe takes --duration)
  --rate N            where a search begins; `compare` runs at this rate and searches nothing
  --step F            up by so many times while all is held               [1.5]
  --precision F       narrowed to this share                              [0.02]
  --confirm T         the last run                                        [60s]
                      Held: no call failed, at most 0.1 % of the generator's datagrams repeated, starts in time
  --server-command C  starts a fresh server at TARGET for every run by this shell command, stops it afterwards, and
                      measures its CPU time; twice for `compare`
  --a OPTIONS --b OPTIONS   `compare`: what only that side is told, in quotes; replaces what both are told
  --rounds N          of `compare`                                        [3]
Results
  --server-pid PID    measures the CPU time of this process and its children (repeatable)
  --server-counters C the shell command C prints what the server counts, as `name = 7` or JSON; asked before and
                      after, and what changed is in the record
  --json FILE         everything as JSON
  --html FILE         a page with charts, complete in itself
  --record WHAT       all of it as bench-results/<date>-<machine>-WHAT/: record.json, report.html, README.md; with a
                      slash in it, WHAT is the folder itself. A folder that is there already is refused
  --attach FILE       belongs to the record: a script, a profile (repeatable)
  --note TEXT         belongs to the record (repeatable)
  --target-cps N      fails when fewer calls per second succeeded
  --max-failed N      fails when more calls failed                        [0]
  --max-late T        fails when one start in a hundred was later than so: the generator measured itself   [50ms]
  --quiet             no live progress

Exit status: 0 all as planned; 1 calls failed or the target was missed, and why is said; 2 could not run.
";

/// What the help of a verb says; without one, everything.
pub(super) fn of(scenario: Option<Scenario>) -> &'static str {
    match scenario {
        None => USAGE,
        Some(Scenario::Call) => CALL,
        Some(Scenario::Register) => REGISTER,
        Some(Scenario::Options) => OPTIONS,
        Some(Scenario::Message) => MESSAGE,
        Some(Scenario::Mix) => MIX,
        Some(Scenario::Connections) => CONNECTIONS,
        Some(Scenario::Uas) => UAS,
        Some(Scenario::Forward) => FORWARD,
        Some(Scenario::Baseline) => BASELINE,
        Some(Scenario::Find) => FIND,
        Some(Scenario::Compare) => COMPARE,
    }
}

const CALL: &str = "\
tandem-loadgen call TARGET [options]: INVITE, 180, 200, ACK, hold, BYE, from callers to an answering side of its own.

  tandem-loadgen call 127.0.0.1:5060 --rate 2000 --duration 60s --arrivals poisson --hold ~30s --ring 1s-5s
  tandem-loadgen call 127.0.0.1:5060 --rate 5000 --trunk --target-cps 5000
  tandem-loadgen call 127.0.0.1:5060 --rate 500 --reject-share 10% --no-answer-share 5% --patience 20s --ring 1s
  tandem-loadgen call 127.0.0.1:5060 --rate 500 --hold 10s --reinvite 3s --reinvite-share 30% --sdp late
  tandem-loadgen call 127.0.0.1:5060 --held 100000 --rate 2000 --stay 10s --ports 8
  tandem-loadgen call 127.0.0.1:5060 --to sip:bob@192.0.2.7 --rate 10

A call that only stands (5 s after its answer, --linger) takes about a hundred bytes of packed dialog on each side; runs that hold
calls say how many bytes exactly, and by how much generator and server grew for each.
Every option: tandem-loadgen --help. What each figure means: docs/load-generator.md.
";

const REGISTER: &str = "\
tandem-loadgen register TARGET [options]: REGISTER, again and again, or once a user and then kept up.

  tandem-loadgen register 127.0.0.1:5060 --users 10000 --rate 1000 --duration 30s
  tandem-loadgen register 127.0.0.1:5060 --users 5000 --rate 500 --duration 10m --expires 60 --refresh
  tandem-loadgen register 127.0.0.1:5060 --user-pattern 'alice{:05}' --password 'secret{}' --users 10000 --rate 1000

--users-file FILE has user,password[,login] a line. Challenges are answered with MD5, SHA-256, SHA-512-256 and qop; a
registration answers its last one again with the next nonce count, unless --fresh-nonce.
Every option: tandem-loadgen --help. What each figure means: docs/load-generator.md.
";

const OPTIONS: &str = "\
tandem-loadgen options TARGET [options]: OPTIONS to the server, or to --to.

  tandem-loadgen options 127.0.0.1:5060 --rate 1000 --duration 20s
  tandem-loadgen options 127.0.0.1:5060 --to 'sip:user{}@example.com' --users 50 --rate 100 --accept 404

Every option: tandem-loadgen --help. What each figure means: docs/load-generator.md.
";

const MESSAGE: &str = "\
tandem-loadgen message TARGET [options]: MESSAGE to an answering side of its own, or to --to.

  tandem-loadgen message 127.0.0.1:5060 --rate 1000 --duration 20s --body 'see you at ten'
  tandem-loadgen message 127.0.0.1:5060 --to sip:bob@example.com --rate 10 --accept 480

Every option: tandem-loadgen --help. What each figure means: docs/load-generator.md.
";

const MIX: &str = "\
tandem-loadgen mix FILE TARGET [options]: calls, registrations, messages and OPTIONS at once, each with its share of the rate or
a rate of its own. Options behind FILE replace what it says of the run.

  tandem-loadgen mix day.toml 127.0.0.1:5060 --duration 30s

    rate = 200
    duration = \"60s\"
    [[part]]
    scenario = \"call\"
    share = 3
    hold = \"~20s\"
    [[part]]
    scenario = \"message\"

Every key: docs/load-generator.md. Every option: tandem-loadgen --help.
";

const CONNECTIONS: &str = "\
tandem-loadgen connections TARGET [options]: opens TCP connections on schedule and keeps them: CRLF CRLF every 80 to 100 % of
--keep-alive, one CRLF has to come back within --pong (RFC 5626). Good is what stands at the end of --duration.

  tandem-loadgen connections 127.0.0.1:5060 --count 10000 --rate 1000 --duration 2m
  tandem-loadgen connections 127.0.0.1:5060 --count 60000 --addresses 3 --rate 2000 --duration 5m --keep-alive 2m

Every option: tandem-loadgen --help. What each figure means: docs/load-generator.md.
";

const UAS: &str = "\
tandem-loadgen uas [options]: only the answering side, until SIGINT or --duration.

  tandem-loadgen uas --listen 127.0.0.1:5070 --answer-sources 1 --ring 1s-5s --reject-share 5%
  tandem-loadgen uas --listen 127.0.0.1:5070 --threads 2 --callee-hangs-up ~30s --duration 10m

Thread n answers on the --answer-sources ports behind those of thread n-1. Every option: tandem-loadgen --help.
";

const FORWARD: &str = "\
tandem-loadgen forward TARGET [options]: the null server. What callers send to --listen goes to TARGET, the answering side, and
back; nothing is read of it. The yardstick for what a server adds, and with --drop-every a server with a known fault.

  tandem-loadgen forward 127.0.0.1:6000 --listen 127.0.0.1:5060 --answer-sources 1 --duration 60s
  tandem-loadgen call 127.0.0.1:5060 --listen 127.0.0.1:6000 --trunk --unrouted --rate 5000 --duration 30s

Every option: tandem-loadgen --help.
";

const BASELINE: &str = "\
tandem-loadgen baseline [options]: generator to generator, without a server: what it can drive itself. Without --rate it looks for
the highest rate.

  tandem-loadgen baseline --rate 5000 --duration 10s
  tandem-loadgen baseline --trunk --duration 3s --confirm 20s
  tandem-loadgen baseline --held 500000 --rate 8000 --stay 15s --ports 16

Every option: tandem-loadgen --help.
";

const FIND: &str = "\
tandem-loadgen find TARGET [options]: the highest rate that TARGET holds, after RFC 7502: up by --step while all is held,
then narrowed to --precision, then confirmed for --confirm.

  tandem-loadgen find 127.0.0.1:5060 --rate 1000 --duration 5s --confirm 60s
  tandem-loadgen find 127.0.0.1:5060 --server-command 'tandem -F -f routed.cfg' --trunk --target-cps 20000

Every option: tandem-loadgen --help.
";

const COMPARE: &str = "\
tandem-loadgen compare TARGET [TARGET] [options]: two servers by turns, and what A is of B: medians, and between what the rounds
lay. At --rate, or each at the highest rate it holds.

  tandem-loadgen compare 127.0.0.1:5060 127.0.0.1:5070 --rate 3000 --duration 20s --rounds 5
  tandem-loadgen compare 127.0.0.1:5060 --rate 3000 --a \"--server-command 'tandem -F -f a.cfg'\" --b \"--server-command 'tandem -F -f b.cfg' --trunk\"

What stands in --a or --b is only that side's and replaces what both are told. Every option: tandem-loadgen --help.
";
