# Calls between trunks, by number.
# Switches are at the top; tandem -f FILE -p m4 runs it.
divert(-1)
define(`ENABLE_TCP', `no')
define(`ENABLE_TLS', `no')
define(`USE_DBACC', `no')
define(`USE_DIALPLAN', `no')
define(`USE_DIALOG', `no')
define(`DO_CALL_LIMITATION', `no')
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
')
loadmodule "db_mysql.so"
loadmodule "sqlops.so"
modparam("sqlops", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
loadmodule "acc.so"
modparam("acc", "early_media", 0)
modparam("acc", "report_cancels", 0)
modparam("acc", "detect_direction", 0)
ifelse(USE_DBACC, `yes', `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')ifelse(USE_DIALOG, `yes', `loadmodule "dialog.so"
modparam("dialog", "dlg_match_mode", 1)
modparam("dialog", "default_timeout", 21600)
modparam("dialog", "db_mode", 2)
modparam("dialog", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
ifelse(DO_CALL_LIMITATION, `yes', `modparam("dialog", "profiles_with_value", "trunkCalls")
')')loadmodule "permissions.so"
modparam("permissions", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
ifelse(USE_DIALPLAN, `yes', `loadmodule "dialplan.so"
modparam("dialplan", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')loadmodule "drouting.so"
modparam("drouting", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
loadmodule "proto_udp.so"
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
	if (!mf_process_maxfwd_header(10)) {
		send_reply(483, "Too Many Hops");
		exit;
	}

	if (check_source_address(1, $avp(trunk_attrs))) {
		setflag("IS_TRUNK");
	} else if (is_from_gw()) {
		# the other side of a call
	} else {
		send_reply(403, "Forbidden");
		exit;
	}

	if (has_totag()) {
		if (is_method("ACK") && t_check_trans()) {
			t_relay();
			exit;
		}
		if (!loose_route()) {
			send_reply(404, "Not here");
			exit;
		}
ifelse(USE_DIALOG, `yes', `		if ($DLG_status!=NULL && !validate_dialog())
			xlog("$rm within a dialog from $si does not fit it ($ci)\n");
')		if (is_method("BYE"))
			do_accounting(ifelse(USE_DBACC, `yes', `"db"', `"log"'), "failed");
		route(relay);
		exit;
	}

	if (is_method("CANCEL")) {
		if (t_check_trans())
			t_relay();
		exit;
	} else if (!is_method("INVITE")) {
		send_reply(405, "Method Not Allowed");
		exit;
	}

	if (!isflagset("IS_TRUNK")) {
		send_reply(403, "Not from trunk");
		exit;
	}

	t_check_trans();

	if (loose_route()) {
		xlog("L_ERR", "a Route before there is a dialog [$fu $tu $ru $ci]\n");
		if (!is_method("ACK"))
			send_reply(403, "Preload Route denied");
		exit;
	}

	record_route();
	do_accounting(ifelse(USE_DBACC, `yes', `"db"', `"log"'));
ifelse(USE_DIALOG, `yes', `
	if (!create_dialog("B")) {
		send_reply(500, "Internal Server Error");
		exit;
	}
')ifelse(DO_CALL_LIMITATION, `yes', `
	if ($avp(trunk_attrs)!=NULL) {
		get_profile_size("trunkCalls", "$si", $var(size));
		if ($(var(size){s.int}) >= $(avp(trunk_attrs){s.int})) {
			send_reply(486, "Busy Here");
			exit;
		}
	}
	set_dlg_profile("trunkCalls", "$si");
')ifelse(USE_DIALPLAN, `yes', `
	dp_translate(1, "$rU", $rU);
')
	if (!do_routing(1)) {
		send_reply(404, "No Route found");
		exit;
	}
	t_on_failure("GW_FAILOVER");
	route(relay);
}

route[relay] {
	if (!t_relay())
		sl_reply_error();
	exit;
}

failure_route[GW_FAILOVER] {
	if (t_was_cancelled())
		exit;
	if (t_check_status("(408)|([56][0-9][0-9])")) {
		xlog("gateway $rd failed\n");
		if (use_next_gw()) {
			t_on_failure("GW_FAILOVER");
			t_relay();
			exit;
		}
		send_reply(500, "All GW are down");
	}
}
ifelse(USE_DIALOG, `yes', `
local_route {
	if (is_method("BYE") && $DLG_dir=="UPSTREAM") {
		ifelse(USE_DBACC, `yes', `acc_db_request("200 Dialog Timeout", "acc");', `acc_log_request("200 Dialog Timeout");')
	}
}
')