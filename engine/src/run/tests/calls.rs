//! Calling modules: arguments, verdicts, outputs, parameters, dependencies.

use expect_test::expect;
use script::RouteKind;

use super::{Bench, INVITE};
use crate::module::{
    Args, CommandArgs, CommandResult, Context, Exports, Kind, Module, ParamValue, Registry, Routes,
    Shape, VarArgs, Verdict,
};
use crate::run::{Reading, ValueRef};

/// Remembers a number and a text.
#[derive(Default)]
pub(super) struct Sample {
    limit: i32,
    names: Vec<String>,
    kept: Option<(i32, Vec<u8>)>,
}

impl Module for Sample {
    const NAME: &'static str = "sample";

    fn new() -> Self {
        Sample {
            limit: 10,
            ..Sample::default()
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("limit", Kind::Int, Self::set_limit);
        exports.param_list("name", Kind::Str, |sample, value| {
            sample.names.push(value.text().to_owned());
            Ok(())
        });
        exports.function(
            "sample",
            &[Kind::Int, Kind::Str.optional(), Kind::Output.optional()],
            Routes::REQUEST,
            Self::sample,
        );
        exports.function(
            "sample_match",
            &[Kind::Str, Kind::Regex],
            Routes::ALL,
            |_, _, args| {
                Verdict::of(
                    args.regex(1)
                        .is_some_and(|regex| regex.is_match(args.str(0))),
                )
            },
        );
        exports.function(
            "sample_flag",
            &[Kind::Str.literal().check(is_flag)],
            Routes::ALL,
            |_, _, _| Verdict::OK,
        );
        exports.function("sample_again", &[], Routes::ALL, |_, cx, _| {
            // It is in the middle of this very call.
            Verdict::of(cx.module::<Sample>().is_some())
        });
        exports.set_variable("sample", Shape::NAMED_INDEXED, Self::read, Self::write);
        exports.command("sample_show", &[&["name", "index?"], &[]], Self::show);
        exports.statistic("calls", |sample| sample.limit as u64);
    }
}

fn is_flag(text: &[u8]) -> Result<(), String> {
    if text == b"f" {
        Ok(())
    } else {
        Err(format!(
            "`{}` is no flag of `sample_flag`",
            text.escape_ascii()
        ))
    }
}

impl Sample {
    fn set_limit(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        if value.int() < 0 {
            return Err("cannot be negative".to_owned());
        }
        self.limit = value.int();
        Ok(())
    }

    fn sample(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let n = args.int(0).min(self.limit);
        cx.log(3, |out| {
            out.extend_from_slice(
                format!("sample {n} {:?} {:?}", args.has(1), self.names).as_bytes(),
            )
        });
        args.set(2, args.str(1));
        Verdict::Return(n)
    }

    fn read(&mut self, _: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
        match &self.kept {
            Some((n, text)) if args.name() == b"kept" => {
                out.extend_from_slice(text);
                Reading::Both(*n)
            }
            _ => Reading::Null,
        }
    }

    fn write(&mut self, _: &mut Context<'_>, args: VarArgs<'_>, value: ValueRef<'_>) -> Verdict {
        if args.name() != b"kept" {
            return Verdict::FAIL;
        }
        self.kept = value.text().map(|text| (text.len() as i32, text.to_vec()));
        Verdict::OK
    }

    fn show(
        &mut self,
        _: &mut Context<'_>,
        args: CommandArgs<'_>,
        out: &mut Vec<u8>,
    ) -> CommandResult {
        out.extend_from_slice(
            format!(
                "{{\"name\":{:?},\"index\":{:?}}}",
                args.text("name"),
                args.text("index")
            )
            .as_bytes(),
        );
        Ok(())
    }
}

struct Needy;

impl Module for Needy {
    const NAME: &'static str = "needy";

    fn new() -> Self {
        Needy
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.needs(&["sample"]);
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        match cx.with_module(|sample: &mut Sample, _| sample.limit) {
            Some(99) => Err("the limit is 99".to_owned()),
            _ => Ok(()),
        }
    }
}

pub(super) fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.add::<Needy>().add::<Sample>();
    registry
}

fn run(script: &str) -> String {
    match Bench::new(script, &registry()) {
        Ok(mut bench) => {
            let ended = bench.run(RouteKind::Request, INVITE);
            bench.listing(&ended)
        }
        Err(errors) => errors,
    }
}

#[test]
fn arguments_outputs_and_variables_reach_the_module() {
    let text = run(r#"
        loadmodule "needy.so"
        loadmodule "sample.so"
        modparam("sample", "limit", 3)
        modparam("sample", "name", "a")
        modparam("sample", "name", "b")
        route {
            sample(2, "user $rU", $var(out)); xlog("$rc $var(out)");
            sample(7); xlog("$rc");
            sample(7, , $avp(out)); xlog("$rc [$avp(out)]");
            if (sample_match($ua, "^PHONE/[0-9]")) xlog("matches");
            $var(p) = "nothing";
            if (!sample_match($ua, $var(p))) xlog("does not match");
            sample_again(); xlog("$rc");
            $sample(kept) = "four"; xlog("$rc $sample(kept)");
            if ($sample(kept) == 4) xlog("is a number as well");
            $sample(other) = "x"; xlog("$rc $sample(other)");
        }
    "#);
    expect![[r#"
        info: sample 2 true ["a", "b"]
        2 user bob
        info: sample 3 false ["a", "b"]
        3
        info: sample 3 false ["a", "b"]
        3 []
        matches
        does not match
        -1
        1 four
        is a number as well
        warning: assignment failed test.cfg:17
        -1 <null>
    "#]]
    .assert_eq(&text);
}

#[test]
fn what_is_wrong_with_modules_is_told_before_the_start() {
    expect![[r#"
        parse error in test.cfg:1:12-22: module needy needs the module sample
            1 | loadmodule "needy.so"
              |            ^~~~~~~~~~ add loadmodule "sample.so"
            2 | route { exit; }
            3 |
        1 error
    "#]]
    .assert_eq(&run("loadmodule \"needy.so\"\nroute { exit; }\n"));
    expect![[r#"
        parse error in test.cfg:2:29-31: parameter `limit` of module sample: cannot be negative
            1 | loadmodule "sample.so"
            2 | modparam("sample", "limit", -1)
              |                             ^~
            3 | route { exit; }
            4 |
        1 error
    "#]]
    .assert_eq(&run(
        "loadmodule \"sample.so\"\nmodparam(\"sample\", \"limit\", -1)\nroute { exit; }\n",
    ));
    expect![[r#"
        parse error in test.cfg:2:12-13: module `needy`: the limit is 99
        1 error
    "#]].assert_eq(&run(
        "loadmodule \"sample.so\"\nloadmodule \"needy.so\"\nmodparam(\"sample\", \"limit\", 99)\nroute { exit; }\n",
    ));
    expect![[r#"
        parse error in test.cfg:2:21-24: parameter 1 of `sample_flag`: `g` is no flag of `sample_flag`
            1 | loadmodule "sample.so"
            2 | route { sample_flag("g"); }
              |                     ^~~
            3 |
        1 error
    "#]]
    .assert_eq(&run(
        "loadmodule \"sample.so\"\nroute { sample_flag(\"g\"); }\n",
    ));
}

#[test]
fn commands_find_their_recipe() {
    let mut bench = Bench::new("loadmodule \"sample.so\"\nroute { exit; }\n", &registry()).unwrap();
    let mut text = String::new();
    for (name, parameters) in [
        ("sample_show", vec![]),
        (
            "sample_show",
            vec![(None, "x".to_owned()), (None, "7".to_owned())],
        ),
        (
            "sample_show",
            vec![(Some("name".to_owned()), "y".to_owned())],
        ),
        (
            "sample_show",
            vec![(Some("index".to_owned()), "y".to_owned())],
        ),
        ("nobodys", vec![]),
    ] {
        let command = crate::input::Command {
            name: name.to_owned(),
            parameters,
        };
        let Bench {
            core,
            modules,
            linked,
            outbox,
        } = &mut bench;
        let is_theirs =
            crate::module::on_command(core, modules, linked, outbox, crate::Ticket(1), &command);
        text.push_str(&format!("{is_theirs}"));
        for output in outbox.outputs() {
            if let crate::Output::CommandAnswer { result, .. } = output {
                let shown = |range| String::from_utf8_lossy(outbox.slice(range)).into_owned();
                match result {
                    Ok(range) => text.push_str(&format!(" {}", shown(range))),
                    Err((code, range)) => text.push_str(&format!(" {code} {}", shown(range))),
                }
            }
        }
        text.push('\n');
        outbox.clear();
    }
    expect![[r#"
        true {"name":"","index":""}
        true {"name":"x","index":"7"}
        true {"name":"y","index":""}
        true -32602 the parameter `name` is missing
        false
    "#]]
    .assert_eq(&text);
}
