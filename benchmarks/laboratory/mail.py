"""Mail: transfer agents, mailboxes, filters."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server, package

POSTFIX_MAIN = """compatibility_level = 3.6
queue_directory = @here@/queue
data_directory = @here@/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
inet_interfaces = loopback-only
myhostname = mail.laboratory.test
mydestination =
smtpd_tls_cert_file = @cert@
smtpd_tls_key_file = @key@
smtpd_tls_security_level = may
maillog_file = @here@/mail.log
maillog_file_prefixes = @here@
"""
POSTFIX_MASTER = """127.0.0.1:@smtp@ inet n - n - - smtpd
[::1]:@smtp6@ inet n - n - - smtpd
127.0.0.1:@smtps@ inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
EXIM = """primary_hostname = mail.laboratory.test
exim_user = Debian-exim
exim_group = Debian-exim
daemon_smtp_ports = @smtp@
local_interfaces = 127.0.0.1
spool_directory = @here@/spool
log_file_path = @here@/%s.log
acl_smtp_rcpt = refuse
begin acl
refuse:
  deny
"""
DOVECOT = """base_dir = /run/dovecot
log_path = @here@/dovecot.log
protocols = imap pop3
listen = 127.0.0.1, ::1
ssl = yes
ssl_cert = <@cert@
ssl_key = <@key@
default_login_user = dovenull
default_internal_user = dovecot
mail_location = maildir:@here@/mail
passdb {
  driver = passwd-file
  args = @here@/users
}
service imap-login {
  inet_listener imap {
    port = @imap@
  }
  inet_listener imaps {
    port = @imaps@
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = @pop3@
  }
  inet_listener pop3s {
    port = @pop3s@
    ssl = yes
  }
}
"""
OPENSMTPD = """listen on 127.0.0.1 port @smtp@ hostname mail.laboratory.test
action "local" maildir "@here@/mail"
match from local for local action "local"
"""

SERVERS = (
    Server(
        name="postfix",
        packages=("postfix",),
        doors=(
            Door(name="smtp", service="smtp", product="Postfix"),
            Door(name="smtps", service="smtp", product="Postfix", tls=True),
            Door(name="smtp6", service="smtp", product="Postfix", family=6),
        ),
        files={"postfix/main.cf": POSTFIX_MAIN, "postfix/master.cf": POSTFIX_MASTER},
        prepare="mkdir -p @here@/queue @here@/data && chown postfix @here@/data && chown -R root @here@/postfix && postfix -c @here@/postfix set-permissions || true",
        command="/usr/lib/postfix/sbin/master -c @here@/postfix -d",
    ),
    Server(
        name="exim4",
        packages=("libgnutls-dane0", "libidn12", "libnsl2", "libdb5.3"),
        unpacked=("exim4-daemon-light",),
        accounts=("Debian-exim",),
        doors=(Door(name="smtp", service="smtp", product="Exim", version=package("exim4-daemon-light", r"(\d+\.\d+)")),),
        files={"exim.conf": EXIM},
        prepare="mkdir -p @here@/spool /var/log/exim4 && chown -R Debian-exim:Debian-exim @here@ /var/log/exim4 && chown root:root @here@/exim.conf && chmod 644 @here@/exim.conf",
        command="exim4 -C @here@/exim.conf -bdf",
    ),
    Server(
        name="opensmtpd",
        packages=("libevent-2.1-7",),
        unpacked=("opensmtpd",),
        accounts=("opensmtpd", "opensmtpq"),
        doors=(Door(name="smtp", service="smtp", product="OpenSMTPD"),),
        files={"smtpd.conf": OPENSMTPD},
        prepare="mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd && chmod 711 /var/spool/smtpd && chmod 644 @here@/smtpd.conf",
        command="smtpd -d -f @here@/smtpd.conf",
    ),
    Server(
        name="dovecot",
        packages=("dovecot-imapd", "dovecot-pop3d"),
        doors=(
            Door(name="imap", service="imap", product="Dovecot"),
            Door(name="imaps", service="imap", product="Dovecot", tls=True),
            Door(name="pop3", service="pop3", product="Dovecot"),
            Door(name="pop3s", service="pop3", product="Dovecot", tls=True),
        ),
        files={"dovecot.conf": DOVECOT, "users": ""},
        prepare="mkdir -p /run/dovecot",
        command="dovecot -F -c @here@/dovecot.conf",
    ),
    Server(
        name="spamd",
        packages=("spamd",),
        doors=(Door(name="spamd", service="spamassassin", product="SpamAssassin", also=("spamd",)),),
        prepare="mkdir -p /var/lib/spamassassin && chown nobody /var/lib/spamassassin",
        command="spamd --listen 127.0.0.1:@spamd@ --local --max-children 1 --username nobody --nouser-config --syslog stderr",
    ),
    Server(
        name="rspamd",
        packages=("rspamd",),
        doors=(Door(name="http", service="http", product="Rspamd", version=package("rspamd")),),
        files={
            "rspamd.conf": """options { pidfile = "@here@/pid"; filters = ""; }
logging { type = "file"; filename = "@here@/rspamd.log"; level = "error"; }
worker "normal" { bind_socket = "127.0.0.1:@http@"; count = 1; }
""",
        },
        command="rspamd -f -c @here@/rspamd.conf -u _rspamd -g _rspamd",
    ),
)
