# A balancer in front of servers of one kind.
# Switches are at the top; tandem -f FILE -p m4 runs it.
divert(-1)
define(`ENABLE_TCP', `no')
define(`ENABLE_TLS', `no')
define(`USE_DBACC', `no')
define(`USE_DISPATCHER', `no')
define(`DISABLE_PINGING', `no')
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
loadmodule "acc.so"
modparam("acc", "early_media", 0)
modparam("acc", "report_cancels", 0)
modparam("acc", "detect_direction", 0)
ifelse(USE_DBACC, `yes', `modparam("acc", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
')ifelse(USE_DISPATCHER, `yes', `loadmodule "dispatcher.so"
modparam("dispatcher", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
modparam("dispatcher", "ds_ping_method", "OPTIONS")
modparam("dispatcher", "ds_probing_mode", 0)
modparam("dispatcher", "ds_ping_interval", ifelse(DISABLE_PROBING, `yes', `0', `30'))
', `loadmodule "dialog.so"
modparam("dialog", "dlg_match_mode", 1)
modparam("dialog", "default_timeout", 21600)
modparam("dialog", "db_mode", 2)
modparam("dialog", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
loadmodule "sqlops.so"
modparam("sqlops", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
loadmodule "load_balancer.so"
modparam("load_balancer", "db_url", "mysql://opensips:opensipsrw@localhost/opensips")
modparam("load_balancer", "probing_method", "OPTIONS")
modparam("load_balancer", "probing_interval", ifelse(DISABLE_PROBING, `yes', `0', `30'))
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
	if (!mf_process_maxfwd_header(10)) {
		send_reply(483, "Too Many Hops");
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
ifelse(USE_DISPATCHER, `yes', `', `		if ($DLG_status!=NULL && !validate_dialog())
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
	}

	if (!is_method("INVITE")) {
		send_reply(405, "Method Not Allowed");
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

	if (!ifelse(USE_DISPATCHER, `yes', `ds_select_dst(1, 4)', `lb_start(1, "channel")')) {
		send_reply(500, "No Destination available");
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
		xlog("destination $rd/$du failed\n");
		if (ifelse(USE_DISPATCHER, `yes', `ds_next_dst()', `lb_next()')) {
			t_on_failure("GW_FAILOVER");
			t_relay();
			exit;
		}
		send_reply(500, "All destinations are down");
	}
}
ifelse(USE_DISPATCHER, `yes', `', `
local_route {
	if (is_method("BYE") && $DLG_dir=="UPSTREAM") {
		ifelse(USE_DBACC, `yes', `acc_db_request("200 Dialog Timeout", "acc");', `acc_log_request("200 Dialog Timeout");')
	}
}
')