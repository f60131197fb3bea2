"""Directories and sign-on."""

from __future__ import annotations

from benchmarks.laboratory.record import Door, Server

SERVERS = (
    Server(
        name="slapd",
        packages=("slapd",),
        doors=(
            Door(name="ldap", service="ldap", product="OpenLDAP"),
            Door(name="ldaps", service="ldap", product="OpenLDAP", tls=True),
            Door(name="ldap6", service="ldap", product="OpenLDAP", family=6),
        ),
        files={
            "slapd.conf": """include /etc/ldap/schema/core.schema
pidfile @here@/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile @cert@
TLSCertificateKeyFile @key@
database mdb
suffix "dc=laboratory,dc=test"
directory @here@/data
maxsize 10485760
""",
        },
        prepare="mkdir -p @here@/data && chown -R openldap @here@",
        command=("slapd -d 0 -u openldap -f @here@/slapd.conf -h 'ldap://127.0.0.1:@ldap@ ldaps://127.0.0.1:@ldaps@ ldap://[::1]:@ldap6@'"),
    ),
    Server(
        name="krb5-kdc",
        packages=("krb5-kdc",),
        doors=(Door(name="kerberos", service="kerberos-sec", product="MIT Kerberos"),),
        files={
            "/etc/krb5.conf": "[libdefaults]\ndefault_realm = LABORATORY.TEST\n",
            "/etc/krb5kdc/kdc.conf": (
                "[kdcdefaults]\nkdc_listen = 127.0.0.1:@kerberos@\nkdc_tcp_listen = 127.0.0.1:@kerberos@\n[realms]\nLABORATORY.TEST = {\n database_name = @here@/principal\n"
                " key_stash_file = @here@/stash\n acl_file = @here@/acl\n}\n[logging]\nkdc = STDERR\n"
            ),
        },
        prepare="kdb5_util create -s -P laboratory >/dev/null",
        command="krb5kdc -n",
    ),
)
