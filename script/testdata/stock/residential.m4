# A registrar and proxy for the users of a domain.
# Switches are at the top; tandem -f FILE -p m4 runs it.
divert(-1)
define(`ENABLE_TCP', `no')
define(`ENABLE_TLS', `no')
define(`USE_ALIASES', `no')
define(`USE_AUTH', `no')
define(`USE_DBACC', `no')
define(`USE_DBUSRLOC', `no')
define(`USE_DIALOG', `no')
define(`USE_MULTIDOMAIN', `no')
define(`USE_NAT', `no')
define(`USE_PRESENCE', `no')
define(`USE_DIALPLAN', `no')
define(`VM_DIVERSION', `no')
define(`HAVE_INBOUND_PSTN', `no')
define(`HAVE_OUTBOUND_PSTN', `no')
define(`USE_DR_PSTN', `no')
define(`USE_HTTP_MANAGEMENT_INTERFACE', `no')
divert(0)dnl

log_level=3
xlog_level=3
stderror_enabled=no
syslog_enabled=yes
syslog_facility=LOG_LOCAL0
udp_workers=4
socket=udp:127.0.0.1:5060
ifelse(ENABLE_TCP, `yes', `socket=tcp:127.0.0.1:5060
')ifelse(ENABLE_TLS, `yes', `socket=tls:127.0.0.1:5061
')

mpath="/usr/lib/opensips/modules/"

loadmodule "signaling.so"
loadmodule "sl.so"
loadmodule "tm.so"
modparam("tm", "fr_timeout", 5)
modparam("tm", "fr_inv_timeout", 30)
modparam("tm", "restart_fr_on_each_reply", 0)
modparam("tm", "onreply_avp_mode", 1)
loadmodule "rr.so"
modparam("rr", "append_fromtag", 0)
loadmodule "maxfwd.so"
loadmodule "sipmsgops.so"
loadmodule "mi_fifo.so"
modparam("mi_fifo", "fifo_name", "/run/opensips/opensips_fifo")
modparam("mi_fifo", "fifo_mode", 0666)
ifelse(USE_HTTP_MANAGEMENT_INTERFACE, `yes', `loadmodule "httpd.so"
modparam("httpd", "port", 8888)
loadmodule "mi_http.so"
')ifelse(USE_ALIASES, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_AUTH, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_DBACC, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_DBUSRLOC, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_DIALOG, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_MULTIDOMAIN, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_PRESENCE, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_DIALPLAN, `yes', `loadmodule "db_mysql.so"
', `ifelse(USE_DR_PSTN, `yes', `loadmodule "db_mysql.so"
', `')')')')')')')')')
loadmodule "usrloc.so"
modparam("usrloc", "nat_bflag", "NAT")
ifelse(USE_DBUSRLOC, `yes', `modparam("usrloc", "working_mode_preset", "single-instance-sql-write-back")
modparam("usrloc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
', `modparam("usrloc", "working_mode_preset", "single-instance-no-db")
')loadmodule "registrar.so"
modparam("registrar", "tcp_persistent_flag", "TCP_PERSISTENT")
ifelse(USE_NAT, `yes', `modparam("registrar", "received_avp", "$avp(received_nh)")
')loadmodule "acc.so"
modparam("acc", "early_media", 0)
modparam("acc", "report_cancels", 0)
modparam("acc", "detect_direction", 0)
ifelse(USE_DBACC, `yes', `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')ifelse(USE_AUTH, `yes', `loadmodule "auth.so"
loadmodule "auth_db.so"
modparam("auth_db", "calculate_ha1", yes)
modparam("auth_db", "password_column", "password")
modparam("auth_db", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
modparam("auth_db", "load_credentials", "")
')ifelse(USE_ALIASES, `yes', `loadmodule "alias_db.so"
modparam("alias_db", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')ifelse(USE_MULTIDOMAIN, `yes', `loadmodule "domain.so"
modparam("domain", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
modparam("domain", "db_mode", 1)
modparam("ifelse(USE_AUTH, `yes', `auth_db|usrloc', `usrloc')", "use_domain", 1)
')ifelse(USE_PRESENCE, `yes', `loadmodule "xcap.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("xcap|presence", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
modparam("presence", "fallback2db", 0)
modparam("presence_xml", "force_active", 1)
')ifelse(USE_DIALOG, `yes', `loadmodule "dialog.so"
modparam("dialog", "dlg_match_mode", 1)
modparam("dialog", "default_timeout", 21600)
modparam("dialog", "db_mode", 2)
modparam("dialog", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')ifelse(USE_NAT, `yes', `loadmodule "nathelper.so"
modparam("nathelper", "natping_interval", 10)
modparam("nathelper", "ping_nated_only", 1)
modparam("nathelper", "sipping_bflag", "SIP_PING_FLAG")
modparam("nathelper", "sipping_from", "sip:pinger@127.0.0.1")
modparam("nathelper", "received_avp", "$avp(received_nh)")
loadmodule "rtpproxy.so"
modparam("rtpproxy", "rtpproxy_sock", "udp:localhost:12221")
')ifelse(USE_DIALPLAN, `yes', `loadmodule "dialplan.so"
modparam("dialplan", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')ifelse(USE_DR_PSTN, `yes', `loadmodule "drouting.so"
modparam("drouting", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')loadmodule "proto_udp.so"
ifelse(ENABLE_TCP, `yes', `loadmodule "proto_tcp.so"
')ifelse(ENABLE_TLS, `yes', `loadmodule "proto_tls.so"
loadmodule "tls_wolfssl.so"
loadmodule "tls_mgm.so"
modparam("tls_mgm", "server_domain", "default")
modparam("tls_mgm", "match_ip_address", "[default]*")
modparam("tls_mgm", "verify_cert", "[default]1")
modparam("tls_mgm", "require_cert", "[default]0")
modparam("tls_mgm", "tls_method", "[default]TLSv1")
modparam("tls_mgm", "certificate", "[default]/etc/opensips/tls/user/user-cert.pem")
modparam("tls_mgm", "private_key", "[default]/etc/opensips/tls/user/user-privkey.pem")
modparam("tls_mgm", "ca_list", "[default]/etc/opensips/tls/user/user-calist.pem")
')
route{
ifelse(USE_NAT, `yes', `	force_rport();
	if (nat_uac_test("diff-port-src-via,private-via,diff-ip-src-via,private-contact")) {
		if (is_method("REGISTER")) {
			fix_nated_register();
			setbflag("NAT");
		} else {
			fix_nated_contact();
			setflag("NAT");
		}
	}

')	if (!mf_process_maxfwd_header(10)) {
		send_reply(483, "Too Many Hops");
		exit;
	}

	if (has_totag()) {
		if (is_method("ACK") && t_check_trans()) {
			t_relay();
			exit;
		}
		if (!loose_route()) {
ifelse(USE_PRESENCE, `yes', `			if (is_method("SUBSCRIBE") && ifelse(USE_MULTIDOMAIN, `yes', `is_uri_host_local()', `is_myself("$rd")')) {
				route(handle_presence);
				exit;
			}
')			send_reply(404, "Not here");
			exit;
		}
ifelse(USE_DIALOG, `yes', `		if ($DLG_status!=NULL && !validate_dialog())
			xlog("$rm within a dialog from $si does not fit it ($ci)\n");
')		if (is_method("BYE"))
			do_accounting(ifelse(USE_DBACC, `yes', `"db"', `"log"'), "failed");
ifelse(USE_NAT, `yes', `		if (check_route_param("nat=yes"))
			setflag("NAT");
')		route(relay);
		exit;
	}

	if (is_method("CANCEL")) {
		if (t_check_trans())
			t_relay();
		exit;
	}

	t_check_trans();

	if (!(is_method("REGISTER") ifelse(HAVE_INBOUND_PSTN, `yes', ` || ifelse(USE_DR_PSTN, `yes', `is_from_gw()', `($si==11.22.33.44 && $sp=5060)')'))) {
		if (ifelse(USE_MULTIDOMAIN, `yes', `is_from_local()', `is_myself("$fd")')) {
ifelse(USE_AUTH, `yes', `			if (!proxy_authorize("", "subscriber")) {
				proxy_challenge("", "auth");
				exit;
			}
			if ($au!=$fU) {
				send_reply(403, "Forbidden auth ID");
				exit;
			}
			consume_credentials();
')		} else if (!ifelse(USE_MULTIDOMAIN, `yes', `is_uri_host_local()', `is_myself("$rd")')) {
			send_reply(403, "Relay Forbidden");
			exit;
		}
	}

	if (loose_route()) {
		xlog("L_ERR", "a Route before there is a dialog [$fu $tu $ru $ci]\n");
		if (!is_method("ACK"))
			send_reply(403, "Preload Route denied");
		exit;
	}

	if (!is_method("REGISTER|MESSAGE"))
		record_route();

	if (is_method("INVITE")) {
ifelse(USE_DIALOG, `yes', `		if (!create_dialog("B")) {
			send_reply(500, "Internal Server Error");
			exit;
		}
')		do_accounting(ifelse(USE_DBACC, `yes', `"db"', `"log"'));
	}

	if (!ifelse(USE_MULTIDOMAIN, `yes', `is_uri_host_local()', `is_myself("$rd")')) {
		append_hf("P-hint: outbound\r\n");
		route(relay);
	}

	if (is_method("PUBLISH|SUBSCRIBE")) {
		ifelse(USE_PRESENCE, `yes', `route(handle_presence);', `send_reply(503, "Service Unavailable");
		exit;')
	}

	if (is_method("REGISTER")) {
ifelse(USE_AUTH, `yes', `		if (!www_authorize("", "subscriber")) {
			www_challenge("", "auth");
			exit;
		}
		if ($au!=$tU) {
			send_reply(403, "Forbidden auth ID");
			exit;
		}
')ifelse(ENABLE_TCP, `yes', `		if ($socket_in(proto) == "tcp" || $socket_in(proto) == "tls")
			setflag("TCP_PERSISTENT");
', `ifelse(ENABLE_TLS, `yes', `		if ($socket_in(proto) == "tcp" || $socket_in(proto) == "tls")
			setflag("TCP_PERSISTENT");
', `')')ifelse(USE_NAT, `yes', `		if (isflagset("NAT"))
			setbflag("SIP_PING_FLAG");
')		if (!save("location"))
			xlog("L_ERR", "cannot save the contact of $tu\n");
		exit;
	}

	if ($rU==NULL) {
		send_reply(484, "Address Incomplete");
		exit;
	}

ifelse(USE_DIALPLAN, `yes', `	dp_translate(0, "$rU", $rU);
')ifelse(HAVE_OUTBOUND_PSTN, `yes', `	if ($rU=~"^\+[1-9][0-9]+$") {
ifelse(USE_DR_PSTN, `yes', `		strip(1);
		if (!do_routing(0)) {
			send_reply(500, "No PSTN Route found");
			exit;
		}
', `		$rd = "11.22.33.44"; GATEWAY
		$rp = 5060;
')		route(relay);
		exit;
	}

')ifelse(USE_ALIASES, `yes', `	alias_db_lookup("dbaliases");
')	if (!lookup("location", "method-filtering")) {
ifelse(USE_AUTH, `yes', `		if (!db_does_uri_exist("$ru", "subscriber")) {
			send_reply(420, "Bad Extension");
			exit;
		}
')ifelse(VM_DIVERSION, `yes', `		$du = "sip:127.0.0.2:5060";
		route(relay);
', `		t_reply(404, "Not Found");
		exit;
')	}

ifelse(USE_NAT, `yes', `	if (isbflagset("NAT"))
		setflag("NAT");

')	do_accounting(ifelse(USE_DBACC, `yes', `"db"', `"log"'), "missed");
	route(relay);
}

route[relay] {
	if (is_method("INVITE")) {
ifelse(USE_NAT, `yes', `		if (isflagset("NAT") && has_body("application/sdp"))
			rtpproxy_offer("ro");
')		t_on_branch("per_branch_ops");
		t_on_reply("handle_nat");
		t_on_failure("missed_call");
	}
ifelse(USE_NAT, `yes', `	if (isflagset("NAT"))
		add_rr_param(";nat=yes");
')	if (!t_relay())
		send_reply(500, "Internal Error");
	exit;
}

ifelse(USE_PRESENCE, `yes', `route[handle_presence] {
	if (!t_newtran()) {
		sl_reply_error();
		exit;
	}
	if (is_method("PUBLISH"))
		handle_publish();
	else if (is_method("SUBSCRIBE"))
		handle_subscribe();
	exit;
}

')branch_route[per_branch_ops] {
	xlog("new branch at $ru\n");
}

onreply_route[handle_nat] {
ifelse(USE_NAT, `yes', `	if (nat_uac_test("private-contact"))
		fix_nated_contact();
	if (isflagset("NAT") && has_body("application/sdp"))
		rtpproxy_answer("ro");
')	xlog("incoming reply\n");
}

failure_route[missed_call] {
	if (t_was_cancelled())
		exit;
ifelse(VM_DIVERSION, `yes', `	if (t_check_status("486|408")) {
		$du = "sip:127.0.0.2:5060";
		route(relay);
	}
')}
ifelse(USE_DIALOG, `yes', `
local_route {
	if (is_method("BYE") && $DLG_dir=="UPSTREAM") {
		ifelse(USE_DBACC, `yes', `acc_db_request("200 Dialog Timeout", "acc");', `acc_log_request("200 Dialog Timeout");')
	}
}
')