//! `path`: a proxy at the edge puts itself on the way to the phones behind it (RFC 3327).
//!
//! The header is written for each branch, when it is known by which socket that leaves. Keeps no
//! state.

use engine::module::{Args, Context, Exports, Kind, Module, Routes, Verdict};
use engine::proxy;

/// The module.
#[derive(Debug)]
pub(crate) struct Path {
    enable_double_path: bool,
    use_received: bool,
}

impl Module for Path {
    const NAME: &'static str = "path";

    fn new() -> Self {
        Path {
            enable_double_path: true,
            use_received: false,
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.param("enable_double_path", Kind::Int, |path, value| {
            path.enable_double_path = value.int() != 0;
            Ok(())
        });
        exports.param("use_received", Kind::Int, |path, value| {
            path.use_received = value.int() != 0;
            Ok(())
        });
        let user = &[Kind::Str.optional()];
        exports.function("add_path", user, Routes::REQUEST, Self::add);
        exports.function(
            "add_path_received",
            user,
            Routes::REQUEST,
            Self::add_received,
        );
        exports.difference(
            "The header is written when a branch is sent, for the socket that it leaves by. `use_received` \
             acts in `loose_route`, on the last Route.",
        );
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        cx.core.proxy.settings.path_received = self.use_received;
        Ok(())
    }
}

impl Path {
    fn add(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        self.set(cx, args, false)
    }

    /// Also says where the phone was seen, so that the way back finds it behind its NAT.
    fn add_received(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        self.set(cx, args, true)
    }

    fn set(&mut self, cx: &mut Context<'_>, args: Args<'_>, received: bool) -> Verdict {
        cx.scene.proxy.path = Some(proxy::Path {
            user: args.str(0).to_vec(),
            received,
            double: self.enable_double_path,
        });
        Verdict::OK
    }
}
