"""Rooms of servers: databases, mail, a portal over QUIC, a laboratory.

Daemons that do not run as root keep what they write in /run, which is the lab's own.
"""
import os
import time

import canaries
from rooms_plan import DOMAIN

PG = "/usr/lib/postgresql/15/bin"
# Whose the mailboxes are: nobody's that has a name.
OWNER = 5000
ACCOUNTS, TEXTS = canaries.ACCOUNTS, canaries.TEXTS
MAILBOX = f"{ACCOUNTS['mail_user']}@{DOMAIN}"


class Services:
    """Scenes; a part of Rooms."""

    def certificate(self, host, name):
        """A key and a certificate that vouches for itself; their paths."""
        base = f"/run/{host}"
        os.makedirs(base, exist_ok=True)
        self.lab.on(host, f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 180 "
                          f"-keyout {base}/key.pem -out {base}/cert.pem -subj /CN={name} "
                          f"-addext subjectAltName=DNS:{name}", check=True)
        return f"{base}/key.pem", f"{base}/cert.pem"

    # --- databases -------------------------------------------------------------------
    def start_databases(self):
        """MariaDB and PostgreSQL, each with a table of one patient."""
        name, number = canaries.PATIENTS["us"][:2]
        rows = f"create table worklist (id varchar(40), name varchar(80)); insert into worklist values ('{number}', '{name}');"
        base = "/run/mariadb"
        os.makedirs(base, exist_ok=True)
        self.lab.on("risdb", f"mariadb-install-db --no-defaults --user=root --datadir={base}/data --skip-test-db "
                             "--auth-root-authentication-method=normal", check=True)
        self.lab.spawn("risdb", f"mariadbd --no-defaults --user=root --datadir={base}/data --socket={base}/socket "
                                f"--pid-file={base}/pid --bind-address=0.0.0.0")
        self.lab.wait_port("risdb", 3306)
        sql = self.put("ris.sql", f"create database ris; use ris; {rows} create user '{ACCOUNTS['db_user']}'@'%' "
                                  f"identified by '{ACCOUNTS['db_pass']}'; grant all on ris.* to '{ACCOUNTS['db_user']}'@'%';")
        self.lab.on("risdb", f"mariadb --no-defaults --socket={base}/socket -u root <{sql}", check=True)
        base = "/run/pg"
        key, cert = self.certificate("visdb", f"visdb.{DOMAIN}")
        self.lab.on("visdb", f"install -d -o postgres -g postgres -m 700 {base} {base}/data && "
                             f"install -o postgres -m 600 {key} {cert} {base} && cd {base} && setpriv --reuid=postgres "
                             f"--regid=postgres --clear-groups {PG}/initdb -D {base}/data -A trust -E UTF8 --locale=C", check=True)
        with open(f"{base}/data/pg_hba.conf", "w", encoding="utf-8") as rules:
            rules.write("local all all trust\n"
                        f"host all {ACCOUNTS['db_user']} 0.0.0.0/0 password\nhost all all 0.0.0.0/0 scram-sha-256\n")
        self.lab.spawn("visdb", f"setpriv --reuid=postgres --regid=postgres --clear-groups {PG}/postgres -D {base}/data "
                                f"-k {base} -c listen_addresses=0.0.0.0 -c ssl=on -c ssl_cert_file={base}/cert.pem "
                                f"-c ssl_key_file={base}/key.pem", shell=f"cd {base}")
        self.lab.wait_port("visdb", 5432)
        sql = self.put("vis.sql", f"create role \"{ACCOUNTS['db_user']}\" superuser login password '{ACCOUNTS['db_pass']}';\n"
                                  f"create role viewer login password '{ACCOUNTS['db_pass']}';\n{rows}\n")
        self.lab.on("visdb", f"psql -h {base} -U postgres -f {sql} postgres", check=True)

    def databases(self):
        """A console asks both for a patient: with a password in clear, with one that is hashed, encrypted."""
        ask = f"select * from worklist where name = '{canaries.PATIENTS['us'][0]}'"
        sql = self.put("ask.sql", ask + ";\n")
        self.lab.on("console", f"mariadb --no-defaults --skip-ssl -h {self.ip('risdb')} -u {ACCOUNTS['db_user']} "
                               f"-p{ACCOUNTS['db_pass']} ris <{sql}", check=True)
        for user, mode in ((ACCOUNTS["db_user"], "disable"), ("viewer", "disable"), ("viewer", "require")):
            self.lab.on("console", f"PGPASSWORD={ACCOUNTS['db_pass']} psql 'host={self.ip('visdb')} user={user} "
                                   f"dbname=postgres sslmode={mode} gssencmode=disable' -f {sql}")

    # --- mail ------------------------------------------------------------------------
    def start_mail(self):
        """Postfix that asks Dovecot who may send, and Dovecot that gives the mail out."""
        base, name = "/run/mail", f"mail.{DOMAIN}"
        key, cert = self.certificate("mail", name)
        os.makedirs(f"{base}/boxes", exist_ok=True)
        os.makedirs(f"{base}/data", exist_ok=True)
        self.put("mail/users", f"{ACCOUNTS['mail_user']}:{{PLAIN}}{ACCOUNTS['mail_pass']}:{OWNER}:{OWNER}::{base}/boxes::\n", 0o644)
        users = f"{base}/users"
        self.lab.on("mail", f"install -m 644 {self.lab.work}/mail/users {users} && chown -R {OWNER}:{OWNER} {base}/boxes && "
                            f"chown postfix {base}/data", check=True)
        dovecot = self.put("mail/dovecot.conf", f"""protocols = imap pop3
base_dir = {base}/dovecot
state_dir = {base}/dovecot
log_path = /dev/stderr
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
auth_username_format = %n
mail_location = maildir:{base}/boxes/%n
first_valid_uid = {OWNER}
passdb {{
 driver = passwd-file
 args = {users}
}}
userdb {{
 driver = passwd-file
 args = {users}
}}
service imap-login {{
 inet_listener imaps {{
  port = 0
 }}
}}
service pop3-login {{
 inet_listener pop3s {{
  port = 0
 }}
}}
service auth {{
 unix_listener auth-postfix {{
  mode = 0666
 }}
}}
""")
        self.lab.spawn("mail", f"dovecot -F -c {dovecot}")
        folder = f"{base}/postfix"
        os.makedirs(folder, exist_ok=True)
        self.put("mail/main.cf", f"""compatibility_level = 3.6
myhostname = {name}
mydestination =
mynetworks = 127.0.0.0/8
queue_directory = {base}/queue
data_directory = {base}/data
maillog_file = /dev/stdout
inet_interfaces = all
inet_protocols = ipv4
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_base = {base}/boxes
virtual_mailbox_maps = inline:{{ {MAILBOX}={ACCOUNTS['mail_user']}/ }}
virtual_uid_maps = static:{OWNER}
virtual_gid_maps = static:{OWNER}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {base}/dovecot/auth-postfix
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {cert}
smtpd_peername_lookup = no
""")
        self.lab.on("mail", f"sed -E 's/^(\\S+ +\\S+ +\\S+ +\\S+ +)y /\\1n /' /usr/share/postfix/master.cf.dist >{folder}/master.cf && "
                            f"cp {self.lab.work}/mail/main.cf {folder}/ && mkdir -p {base}/queue && "
                            f"cp /etc/postfix/postfix-files {folder}/ && cp /etc/postfix/dynamicmaps.cf {folder}/", check=True)
        self.lab.spawn("mail", f"postfix -c {folder} start-fg")
        for port in (25, 110, 143):
            self.lab.wait_port("mail", port)
        time.sleep(1)

    def mail(self):
        """A console mails a report, once in clear and once encrypted; a desk fetches it by two protocols."""
        letter = self.put("letter.txt", f"From: CT <ct@{DOMAIN}>\r\nTo: <{MAILBOX}>\r\nSubject: {TEXTS['mail_subject']}\r\n\r\n"
                                        f"{canaries.PATIENTS['mg'][0]}\r\n")
        login = f"-u {ACCOUNTS['mail_user']}:{ACCOUNTS['mail_pass']}"
        send = (f"curl -sv --mail-from ct@{DOMAIN} --mail-rcpt {MAILBOX} -T {letter} "
                f"smtp://{self.ip('mail')}:25/ct-console.rad.{DOMAIN}")
        for how in ("", f"{login} --login-options AUTH=PLAIN", f"{login} --ssl-reqd -k"):
            self.lab.on("scanner", f"{send} {how}")
        time.sleep(2)
        for url in (f"pop3://{self.ip('mail')}/1", f"imap://{self.ip('mail')}/INBOX/;MAILINDEX=1"):
            self.lab.on("desk", f"curl -sv {login} '{url}'; curl -sv {login} --ssl-reqd -k '{url}'")
        self.play("desk", f"services_player.py mailboxes {self.ip('mail')}")

    # --- a portal ----------------------------------------------------------------------
    def start_quic(self):
        """A server of HTTP/3."""
        key, cert = self.certificate("portal", f"portal.{DOMAIN}")
        self.serve("portal", f"services_player.py quic-serve {cert} {key}")
        time.sleep(2)

    def quic(self):
        """A tablet asks for a page, in both versions."""
        for version in (1, 2):
            self.play("tablet", f"services_player.py quic-get {self.ip('portal')} portal.{DOMAIN} {version}")

    # --- laboratory ----------------------------------------------------------------------
    def start_laboratory(self):
        """The laboratory system waits for results, the analyser for orders."""
        self.serve("lis", "services_player.py astm-receive 15200", 15200)
        self.serve("analyzer", "services_player.py astm-receive 15200", 15200)

    def laboratory(self):
        """Orders to the analyser, its results, those of a control, and a question for orders."""
        sender = self.hosts["analyzer"]["says"]
        self.play("lis", f"services_player.py astm-orders {self.ip('analyzer')} 15200 LIS")
        for what in ("results", "query"):
            self.play("analyzer", f"services_player.py astm-{what} {self.ip('lis')} 15200 '{sender}'")
