//! What `--help` says.

pub(super) const USAGE: &str = "\
tandem-loadgen: places SIP calls and registrations on schedule, and accounts for every one.

  tandem-loadgen call     TARGET [options]   INVITE, 180, 200, ACK, hold, BYE
  tandem-loadgen register TARGET [options]   REGISTER, again and again, for --users users
  tandem-loadgen options  TARGET [options]   OPTIONS
  tandem-loadgen message  TARGET [options]   MESSAGE, to the answering side or --to
  tandem-loadgen mix FILE TARGET [options]   several of these at once, as FILE says (docs/loadgen.md); options
                                             after FILE replace what it says of the run
  tandem-loadgen uas             [options]   only the answering side, until SIGINT or --duration
  tandem-loadgen sipp -sf FILE HOST:PORT     runs a SIPp scenario file; `sipp -h` has its own options
  tandem-loadgen report RECORD.json... -o FILE.html   draws records that --json wrote; several are compared
  tandem-loadgen index DIR [--check]         writes the table of the records in DIR into its README.md
  tandem-loadgen forward  TARGET [options]   the null server: moves datagrams, reads nothing; yardstick for others
  tandem-loadgen baseline        [options]   generator to generator, without a server: what it can drive itself
  tandem-loadgen find     TARGET [options]   the highest rate that TARGET holds, after RFC 7502
  tandem-loadgen compare  TARGET [TARGET] [options]   two servers by turns, and what A is of B

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
  --user U --password P   answers digest challenges; without --user, as whoever asks
  --local IP          where the generator's sockets are                   [the loopback of TARGET's family]
  --sources N         sockets (ports) on the calling side                 [4]
  --answer-sources N  sockets on the answering side                       [4]
  --ports N           both of them
  --trunk             one address and port on each side: --ports 1
  --addresses N       so many addresses from --local (or --listen) on, with as many sockets each     [1]
  --listen IP:PORT    where to answer; --answer-sources count up from PORT. `forward`: where callers send to;
                      its TARGET is the answering side, as many sockets as callers (--unrouted there)
Process
  --threads N         each with its own callers and answerers             [1]
  --core N            pins the first thread to this core, the next to the next
  --linger T          how long finished transactions absorb retransmissions [5s]
  --gather TIME       let datagrams gather so long before they are looked at; lateness counts in every time
                      from the intended start, and the generator costs far less (default 0, 10ms at most)
  --no-retransmit     nothing is sent again: a lost datagram is a failed call
  --drop-every N      `forward` withholds one datagram in N and says which: a server with a known fault
  --gso               `forward` sends neighbours of one size as runs (UDP_SEGMENT); all others do it anyway
  --drain T           how long to wait for what is open at the end        [35s]
  --no-check          skips the full verdict on received messages
Searching (`find`, `compare` without --rate, `baseline` without --rate; a probe takes --duration)
  --rate N            where a search begins; `compare` runs at this rate and searches nothing
  --step F            up by so many times while all is held               [1.5]
  --precision F       narrowed to this share                              [0.02]
  --confirm T         the last run                                        [60s]
                      Held: no call failed, at most 0.1 % of the generator's datagrams repeated, starts in time
  --server-command C  starts a fresh server at TARGET for every run by this shell command, stops it afterwards, and
                      measures its CPU time; twice for `compare`
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
