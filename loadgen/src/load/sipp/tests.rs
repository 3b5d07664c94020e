//! The command line, and whole runs against ourselves on loopback.

use std::process::ExitCode;

use super::super::run;
use super::options::{Command, parse};

fn exit(line: &str) -> ExitCode {
    run(["tandem-loadgen", "sipp"]
        .into_iter()
        .chain(line.split_whitespace())
        .map(Into::into))
}

fn said(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().map(Into::into).collect();
    match parse(&words) {
        Ok(Command::Run(run)) => format!(
            "{:?} to {:?}, {}/s, {} calls, pause {}",
            run.scenario, run.settings.constants.remote, run.rate, run.calls, run.settings.pause
        ),
        Ok(Command::Show(text)) => text.lines().next().unwrap_or_default().to_owned(),
        Err(error) => error,
    }
}

fn free_port() -> u16 {
    // Bound once and let go: nobody else is given it in the moment until it is bound again.
    let sockets = super::super::sockets::Sockets::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    sockets[0].local().port()
}

fn file(name: &str, text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("sipp-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn names_are_those_of_sipp_with_one_dash_or_two() {
    let cases = [
        "-sf a.xml 127.0.0.1:5070 -r 50 -rp 500 -m 9 -d 250",
        "--sn=uac --rate 5 127.0.0.1 --calls 9 -d 2s",
        "-sn uac -trace-msg 127.0.0.1",
        "-sn uac -recv-timeot 5 127.0.0.1",
        "-sn uac -t t1 127.0.0.1",
        "-sn uac 127.0.0.1 127.0.0.2",
        "-sn uac -key a",
        "127.0.0.1",
        "-sd uas",
        "-sd nobody",
        "",
    ];
    let mut text = String::new();
    for case in cases {
        text += &format!("{case}\n    {}\n", said(case));
    }
    expect_test::expect![[r#"
        -sf a.xml 127.0.0.1:5070 -r 50 -rp 500 -m 9 -d 250
            File("a.xml") to Some(127.0.0.1:5070), 100/s, 9 calls, pause 250000
        --sn=uac --rate 5 127.0.0.1 --calls 9 -d 2s
            Named("uac") to Some(127.0.0.1:5060), 5/s, 9 calls, pause 2000000
        -sn uac -trace-msg 127.0.0.1
            -trace-msg is not supported: messages are not written to a file: use a packet capture
        -sn uac -recv-timeot 5 127.0.0.1
            no option -recv-timeot; did you mean -recv_timeout?
        -sn uac -t t1 127.0.0.1
            -t: `t1`: UDP only, u1
        -sn uac 127.0.0.1 127.0.0.2
            a second target: 127.0.0.2
        -sn uac -key a
            -key needs a value
        127.0.0.1
            which scenario? -sf FILE, or -sn uac
        -sd uas
            <?xml version="1.0" encoding="UTF-8"?>
        -sd nobody
            no scenario `nobody` here: uac, uas, regexp

            tandem-loadgen sipp: runs SIPp scenario files, UDP.
    "#]]
    .assert_eq(&text);
}

#[test]
fn both_sides_of_ours_call_each_other_and_every_call_is_accounted_for() {
    let port = free_port();
    let (ours, theirs) = (file("uac.json", ""), file("uas.json", ""));
    let line = format!(
        "-sn uas -i 127.0.0.1 -p {port} -m 300 -quiet --json {}",
        theirs.display()
    );
    let uas = std::thread::Builder::new().spawn(move || exit(&line));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let code = exit(&format!(
        "-sn uac 127.0.0.1:{port} -m 300 -r 1000 -d 20 --threads 2 --sources 2 -quiet --drain 3s --json {}",
        ours.display()
    ));
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(uas.unwrap().join().unwrap(), ExitCode::SUCCESS);
    let value = |path: &std::path::Path| -> serde_json::Value {
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::remove_file(path).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let (ours, theirs) = (value(&ours), value(&theirs));
    for value in [&ours, &theirs] {
        let figures = (&value["started"], &value["succeeded"], &value["failed"]);
        assert_eq!(figures, (&300.into(), &300.into(), &0.into()), "{value:#}");
    }
    assert_eq!(ours["steps"][0]["messages"], 300);
    assert_eq!(ours["times_us"]["response time invite"]["count"], 300);
    assert_eq!(theirs["steps"][4]["what"], "BYE");
}

#[test]
fn nobody_answers_and_the_step_is_named() {
    let (port, json) = (free_port(), file("nobody.json", ""));
    let scenario = file(
        "nobody.xml",
        "<scenario name=\"x\"><send><![CDATA[\nOPTIONS sip:[remote_ip] SIP/2.0\nCall-ID: [call_id]\n\
         CSeq: [cseq] OPTIONS\n]]></send><recv response=\"200\" timeout=\"100\"/></scenario>",
    );
    let code = exit(&format!(
        "-sf {} 127.0.0.1:{port} -m 4 -r 100 -quiet --json {}",
        scenario.display(),
        json.display()
    ));
    assert_eq!(code, ExitCode::from(1));
    let value: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(
        value["causes"],
        serde_json::json!({"nothing came in time at step 1 (200, line 5)": 4}),
        "{value:#}"
    );
}

#[test]
fn users_keep_their_number_of_calls() {
    let (port, json) = (free_port(), file("users.json", ""));
    let scenario = file(
        "users.xml",
        "<scenario name=\"x\"><User variables=\"n\"/><nop><action><add assign_to=\"n\" value=\"1\"/>\
         <test assign_to=\"third\" variable=\"n\" compare=\"equal\" value=\"3\"/></action></nop>\
         <nop condexec=\"third\" counter=\"third\"/><send><![CDATA[\nOPTIONS sip:[field0]@[remote_ip] SIP/2.0\n\
         Call-ID: [call_id]\nCSeq: [cseq] OPTIONS\n]]></send><pause milliseconds=\"50\"/></scenario>",
    );
    let values = file("users.csv", "USER\nalice\nbob\n");
    let (scenario, values) = (scenario.display(), values.display());
    let code = exit(&format!(
        "-sf {scenario} -inf {values} 127.0.0.1:{port} -users 2 -m 6 -quiet --json {}",
        json.display()
    ));
    assert_eq!(code, ExitCode::SUCCESS);
    let value: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(value["counters"]["third"], 2, "{value:#}");
    assert_eq!(value["open_max"], 2);
    assert_eq!(
        exit(&format!("-sf {scenario} -inf {values} 127.0.0.1:{port}")),
        ExitCode::from(2)
    );
}
