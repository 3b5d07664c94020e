//! A large script: of 5,000 lines and 200 routes, in the manner of deployments that grew for years.

use std::fmt::Write;

/// Its routes, the main one included.
pub(crate) const ROUTES: usize = 200;

/// At least 5,000 lines.
pub(crate) fn script() -> String {
    let mut text = String::from(
        "log_level=3\nsocket=udp:127.0.0.1:5060\nudp_workers=4\n\
         loadmodule \"tm.so\"\nloadmodule \"sl.so\"\nloadmodule \"rr.so\"\nloadmodule \"maxfwd.so\"\n\
         loadmodule \"signaling.so\"\nloadmodule \"sipmsgops.so\"\nloadmodule \"textops.so\"\nloadmodule \"proto_udp.so\"\n\
         modparam(\"tm\", \"fr_timeout\", 5)\n\nroute {\n    if (!mf_process_maxfwd_header(10)) exit;\n    \
         route(r1, 1, \"$rU\");\n}\n",
    );
    for number in 1..ROUTES {
        let next = (number + 1).min(ROUTES - 1);
        write!(
            text,
            r#"
# Tenant {number}: what its calls need.
route[r{number}] {{
    if (is_method("INVITE|SUBSCRIBE") && !has_totag()) {{
        $var(tenant{number}) = $(rU{{s.substr,0,4}}) + "-{number}";
        $avp(limit) := {number} * 3 + 7;
        if ($rU =~ "^(00|\+){number}[0-9]+$" || $hdr(X-Tenant) == "t{number}") {{
            xlog("L_INFO", "tenant {number}: $rm $ru from $si:$sp ($ci)\n");
            strip(2);
            prefix("+{number}");
            append_hf("X-Tenant: t{number}\r\n");
        }} else if ($si == 10.0.{byte}.0/24 and $sp != 5060) {{
            sl_send_reply(403, "Not for tenant {number}");
            exit;
        }}
        switch ($rm) {{
            case "INVITE":
                $du = "sip:10.1.{byte}.1:5060;transport=udp";
                break;
            case "SUBSCRIBE":
                $var(left) = 3;
                while ($var(left) > 0) {{ $var(left) -= 1; }}
            default:
                xlog("tenant {number}: $(fu{{uri.host}}{{s.tolower}})\n");
        }}
    }}
    if ($(avp(limit)[0]) > {number}) route(r{next}, $var(tenant{number}), "x$rU");
}}
"#,
            byte = number % 256,
        )
        .expect("a string takes it all");
    }
    text
}
