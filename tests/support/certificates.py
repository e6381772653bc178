# SPDX-License-Identifier: PostgreSQL
"""certificates.py: authorities and certificates for the tests and the demo, made by openssl(1)."""
import os
import pwd
import ssl
import subprocess

import cluster

HOSTS = ("localhost", "127.0.0.1")


def openssl(*argv):
    done = subprocess.run(("openssl",) + argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        raise RuntimeError("openssl %s failed:\n%s" % (" ".join(argv), done.stdout))


class Authority:
    """A certificate authority with a folder of its own; ca.crt is all that is needed to verify."""

    def __init__(self, folder, name="test authority"):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.dir = folder
        self.ca, self.key = self.path("ca.crt"), self.path("ca.key")
        self.serial = 1
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", "/CN=" + name, "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", self.key, "-out", self.ca)

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, name, hosts=(), days=30, owner=None, subject=None):
        """A certificate for the common name and these hosts; (certificate, key) as paths. Expired with days = -1."""
        key, request, cert = self.path(name + ".key"), self.path(name + ".csr"), self.path(name + ".crt")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject or "/CN=" + name,
                "-keyout", key, "-out", request)
        extensions = self.path(name + ".ext")
        with open(extensions, "w") as f:
            f.write("basicConstraints=CA:FALSE\n")
            if hosts:
                f.write("subjectAltName=" + ",".join(("IP:" if h[0].isdigit() else "DNS:") + h for h in hosts) + "\n")
        self.serial += 1
        validity = ["-days", str(days)] if days > 0 else ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
        if days > 0:
            openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key, "-set_serial", str(self.serial),
                    "-extfile", extensions, "-out", cert, *validity)
        else:
            self.issue_expired(request, cert, extensions)
        os.chmod(key, 0o600)
        os.chmod(cert, 0o644)
        if owner is not None:
            os.chown(key, owner, -1)
        return cert, key

    def context(self):
        """For a client of ours that believes this authority."""
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["postgresql"])
        return context

    def server_settings(self, name="server", hosts=HOSTS):
        """What a PostgreSQL server of the harness needs to speak TLS with a certificate for these hosts."""
        owner = pwd.getpwnam(cluster.SERVER_USER).pw_uid if cluster.ROOT else None
        cert, key = self.issue(name, hosts, owner=owner)
        return {"ssl": "on", "ssl_cert_file": "'%s'" % cert, "ssl_key_file": "'%s'" % key, "ssl_ca_file": "'%s'" % self.ca}

    def issue_expired(self, request, cert, extensions):
        """Only `openssl ca` of OpenSSL 3.0 can set both ends of the time."""
        index, config = self.path("index.txt"), self.path("ca.cnf")
        open(index, "w").close()
        with open(config, "w") as f:
            f.write("[ca]\ndefault_ca = d\n[d]\ndatabase = %s\nnew_certs_dir = %s\nserial = %s\ndefault_md = sha256\n"
                    "policy = p\n[p]\ncommonName = supplied\n" % (index, self.dir, self.path("serial")))
        openssl("ca", "-batch", "-config", config, "-cert", self.ca, "-keyfile", self.key, "-in", request, "-out", cert,
                "-extfile", extensions, "-create_serial", "-rand_serial", "-notext",
                "-startdate", "20200101000000Z", "-enddate", "20200102000000Z")
